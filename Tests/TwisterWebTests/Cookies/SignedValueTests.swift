import Testing
import TwisterWeb

/// RH-21 to RH-25, BH-14 to BH-16, SET-9, SET-10: signed values. The texts were made by Tornado 6.6.1.
@Suite("Signed values")
struct SignedValueTests {
    static let secret: CookieSecret = "It's a secret to everybody"
    static let time = 1_300_000_000.0

    struct Vector: Sendable {
        var name = "name"
        var value = Array("value".utf8)
        var version = SignedValueVersion.two
        var time = SignedValueTests.time
        var keyVersion: Int?
        let text: String
    }

    static let vectors = [
        Vector(
            text:
                "2|1:0|10:1300000000|4:name|8:dmFsdWU=|a921da5e37045396fc50268676fa94cd84b0c85dc0a188b76aa5cf1d567b80f5"
        ),
        Vector(
            value: [],
            text: "2|1:0|10:1300000000|4:name|0:|ca56db27ffe3c379b25176a5d79d7c9f254c48d258b399c4e3d5e8b506e22b97"),
        Vector(
            name: "n|a:me=", value: [0, 0xFF, 0xFE, 0x7C, 0x3B],
            text:
                "2|1:0|10:1300000000|7:n|a:me=|8:AP/+fDs=|5bdc0969521580d95b37c9e2afe8617db482435cb87aa50061a248c78f50a9aa"
        ),
        Vector(
            name: "user", value: Array("Zo\u{eb} \u{4e16}\u{754c}".utf8), time: 1_735_689_599.9,
            text: "2|1:0|10:1735689599|4:user|16:Wm/DqyDkuJbnlYw=|"
                + "59a4f1b8331e9304b5dfcc25669d6e469be90909dc8e6c81f2abf294c5eb61e4"),
        Vector(
            keyVersion: 3,
            text:
                "2|1:3|10:1300000000|4:name|8:dmFsdWU=|1fcd447e4d1da081c3c139210a876a91e3bf9d0fc6c170f7627f88050dded1c3"
        ),
        Vector(version: .one, text: "dmFsdWU=|1300000000|f4ae3437c30e6152b7fb4d0014d48ab56f15beb3"),
        Vector(name: "n", value: [], version: .one, text: "|1300000000|54f3f3259ebf7c1d87df69cf020d43f275611722"),
        Vector(
            name: "user", value: [0, 0xFF, 0xFE, 0x7C, 0x3B], version: .one,
            text: "AP/+fDs=|1300000000|083df840bd82da7cf25b86bbba1caf8b78af56e2"),
    ]

    @Test("BH-14, BH-15: Tornado's texts, octet for octet, in both directions", arguments: vectors)
    func interoperability(vector: Vector) throws {
        let text = try createSignedValue(
            secret: Self.secret, name: vector.name, value: vector.value, version: vector.version, now: vector.time,
            keyVersion: vector.keyVersion)
        #expect(text == vector.text)
        let value = decodeSignedValue(secret: Self.secret, name: vector.name, value: vector.text, now: vector.time)
        #expect(value == vector.value)
        #expect(signatureKeyVersion(of: text) == (vector.version == .one ? nil : vector.keyVersion ?? 0))
    }

    @Test("BH-14: a key longer than a block of the digest")
    func longKey() throws {
        let secret = try CookieSecret(key: String(repeating: "k", count: 100))
        #expect(
            try createSignedValue(secret: secret, name: "name", value: "value", now: Self.time)
                == "2|1:0|10:1300000000|4:name|8:dmFsdWU=|1fbfe4e22bc5bdb4c1fb07cee7dc520ac228b6bdfddc02c25414639541099eb7"
        )
    }

    @Test("RH-24, SET-10, BH-16: keys by version; the current one signs, all are read, others are refused")
    func rotation() throws {
        let keys = [0: "ajklasdf0ojaisdf", 1: "aslkjasaolwkjsdf"]
        let both = try CookieSecret(versions: keys, current: 1)
        let texts = [
            "2|1:0|10:1300000000|4:name|8:dmFsdWU=|0f61da2874151abc75972b4fe3791bc4b726c488f4a5013fe66c704fd615b42b",
            "2|1:1|10:1300000000|4:name|8:dmFsdWU=|12f4c72a9ac2935d692e2cdd9fb50169013a6fcf69697d60c89d30b6fef5be0b",
        ]
        #expect(try createSignedValue(secret: both, name: "name", value: "value", now: Self.time) == texts[1])
        for (version, text) in texts.enumerated() {
            #expect(
                try createSignedValue(secret: both, name: "name", value: "value", now: Self.time, keyVersion: version)
                    == text)
            #expect(decodeSignedValue(secret: both, name: "name", value: text, now: Self.time) == Array("value".utf8))
            #expect(signatureKeyVersion(of: text) == version)
        }
        let newOnly = try CookieSecret(versions: [1: "aslkjasaolwkjsdf"], current: 1)
        #expect(decodeSignedValue(secret: newOnly, name: "name", value: texts[0], now: Self.time) == nil)
        #expect(throws: SignedValueError.unknownKeyVersion(2)) {
            try createSignedValue(secret: both, name: "name", value: "value", keyVersion: 2)
        }
        #expect(throws: SignedValueError.unknownKeyVersion(-1)) {
            try createSignedValue(secret: Self.secret, name: "name", value: "value", keyVersion: -1)
        }
        #expect(throws: SignedValueError.versionOneNeedsOneKey) {
            try createSignedValue(secret: both, name: "name", value: "value", version: .one)
        }
        // In Tornado, a cookie of version 1 would end such a request with an assertion.
        let old = Self.vectors[5].text
        #expect(decodeSignedValue(secret: both, name: "name", value: old, now: Self.time) == nil)
    }

    @Test("RH-23, BH-15: another name, another key and another age are refused")
    func refusals() throws {
        for text in [Self.vectors[0].text, Self.vectors[5].text] {
            func read(_ name: String = "name", _ secret: CookieSecret = Self.secret, _ days: Double = 31, _ now: Double)
                -> Bool
            {
                decodeSignedValue(secret: secret, name: name, value: text, maxAgeDays: days, now: now) != nil
            }
            #expect(read("name", Self.secret, 31, Self.time))
            #expect(!read("name2", Self.secret, 31, Self.time) && !read("nam", Self.secret, 31, Self.time))
            #expect(!read("name", "It's a secret to nobody", 31, Self.time))
            #expect(read("name", Self.secret, 31, Self.time + 31 * 86_400))
            #expect(!read("name", Self.secret, 31, Self.time + 31 * 86_400 + 0.5))
            #expect(read("name", Self.secret, 0, Self.time) && !read("name", Self.secret, 0, Self.time + 0.1))
            #expect(!read("name", Self.secret, .nan, Self.time) && !read("name", Self.secret, 31, .nan))
            #expect(read("name", Self.secret, .infinity, Self.time))
        }
    }

    @Test("RH-23, BH-16: version 1 is read unless the minimum is 2, and no version is read that does not exist")
    func minimum() {
        let old = Self.vectors[5].text
        #expect(
            decodeSignedValue(secret: Self.secret, name: "name", value: old, now: Self.time, minVersion: .two) == nil)
        for prefix in ["0", "1", "3", "12", "999", "02", "+2", " 2", "2 ", ""] {
            let text = prefix + Self.vectors[0].text.dropFirst()
            #expect(
                decodeSignedValue(secret: Self.secret, name: "name", value: text, now: Self.time) == nil, "\(prefix)")
        }
        #expect(SignedValueVersion.minSupported.rawValue == 1 && SignedValueVersion.maxSupported.rawValue == 2)
        #expect(SignedValueVersion.standard == .two && SignedValueVersion.standardMinimum == .one)
    }

    @Test("BH-15: digits that are moved from value to time in version 1 are refused")
    func movedDigits() throws {
        func sign(_ value: [UInt8], at time: Double = Self.time) throws -> [Substring] {
            try createSignedValue(secret: Self.secret, name: "n", value: value, version: .one, now: time)
                .split(separator: "|")
        }
        func read(_ text: String, at time: Double = Self.time) -> [UInt8]? {
            decodeSignedValue(secret: Self.secret, name: "n", value: text, now: time)
        }
        // In base64: "dmFs1234". The signature of the moved text is right, as a reader in that future shows.
        let future = try sign([0x76, 0x61, 0x6C, 0xD7, 0x6D, 0xF8])
        let moved = "dmFs|1234\(future[1])|\(future[2])"
        #expect(future[0] == "dmFs1234" && read(moved) == nil)
        #expect(read(moved, at: 12_341_300_000_000) == Array("val".utf8))
        // "dmFs0000": the time stays what it was.
        let zeros = try sign([0x76, 0x61, 0x6C, 0xD3, 0x4D, 0x34])
        #expect(zeros[0] == "dmFs0000" && read("dmFs|0000\(zeros[1])|\(zeros[2])") == nil)

        let limit = Self.time + 31 * 86_400
        #expect(read(try sign([1], at: limit).joined(separator: "|")) == [1])
        #expect(read(try sign([1], at: limit + 1).joined(separator: "|")) == nil)
    }
}
