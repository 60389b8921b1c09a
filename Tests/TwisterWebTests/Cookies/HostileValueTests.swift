import Testing
import TwisterWeb

/// RH-23, BH-15, N-44: texts that nobody with the key has written.
@Suite("Hostile signed and encrypted values")
struct HostileValueTests {
    private static let secret = SignedValueTests.secret
    private static let time = SignedValueTests.time

    enum Format: CaseIterable, Sendable {
        case signedOne, signedTwo, encrypted

        func create(_ value: [UInt8]) throws -> String {
            switch self {
            case .signedOne:
                try createSignedValue(
                    secret: HostileValueTests.secret, name: "name", value: value, version: .one,
                    now: HostileValueTests.time)
            case .signedTwo:
                try createSignedValue(
                    secret: HostileValueTests.secret, name: "name", value: value, now: HostileValueTests.time)
            case .encrypted:
                try createEncryptedValue(
                    secret: HostileValueTests.secret, name: "name", value: value, now: HostileValueTests.time)
            }
        }

        func decode(_ text: String) -> [UInt8]? {
            switch self {
            case .signedOne, .signedTwo:
                decodeSignedValue(
                    secret: HostileValueTests.secret, name: "name", value: text, now: HostileValueTests.time)
            case .encrypted:
                decodeEncryptedValue(
                    secret: HostileValueTests.secret, name: "name", value: text, now: HostileValueTests.time)
            }
        }
    }

    @Test("each bit flipped, each octet removed or doubled, each end cut off is refused", arguments: Format.allCases)
    func mutations(format: Format) throws {
        for size in [0, 1, 2, 5, 12] {
            let text = try format.create(Array(repeating: 0xA5, count: size))
            #expect(format.decode(text) == Array(repeating: 0xA5, count: size))
            let octets = Array(text.utf8)
            func refuses(_ changed: [UInt8], _ comment: Comment) {
                guard let changed = String(validating: changed, as: UTF8.self) else { return }
                #expect(format.decode(changed) == nil, comment)
            }
            for index in octets.indices {
                for bit in 0..<8 {
                    var changed = octets
                    changed[index] ^= 1 << bit
                    refuses(changed, "bit \(bit) of octet \(index)")
                }
                refuses(Array(octets[..<index]), "the first \(index) octets")
                refuses(Array(octets[(index + 1)...]), "without the first \(index + 1) octets")
                refuses(Array(octets[..<index]) + octets[(index + 1)...], "without octet \(index)")
                refuses(Array(octets[...index]) + octets[index...], "octet \(index) twice")
                refuses(Array(octets[..<index]) + [0x20] + octets[index...], "a space at \(index)")
            }
            for ending in ["=", "|", " ", "\0", "0", "A"] { refuses(octets + ending.utf8, "with \(ending) at the end") }
        }
    }

    @Test("numbers with signs, zeros, spaces, or of a size that overflows are refused, without a trap")
    func numbers() throws {
        let text = try Format.signedTwo.create(Array("value".utf8))
        for number in ["", "+8", "08", " 8", "8 ", "-1", "8_", "0x8", "9", "7", "99999", "999999999999999999999999999"]
        {
            #expect(Format.signedTwo.decode(text.replacing("|8:", with: "|\(number):")) == nil, "\(number)")
            #expect(signatureKeyVersion(of: text.replacing("|8:", with: "|\(number):")) == nil, "\(number)")
        }
        for version in ["2:00", "2:+0", "2:-1", "1: ", "20:99999999999999999999", "0:"] {
            #expect(signatureKeyVersion(of: text.replacing("2|1:0", with: "2|\(version)")) == nil, "\(version)")
        }
        #expect(
            signatureKeyVersion(of: text.replacing("2|1:0", with: "2|18:999999999999999999")) == 999_999_999_999_999_999
        )
        for version in ["00", "+0", "-1", "", " 0", "99999999999999999999"] {
            #expect(encryptionKeyVersion(of: "e1|\(version)|" + String(repeating: "A", count: 80)) == nil, "\(version)")
        }
    }

    @Test("texts of random characters are refused, without a trap")
    func noise() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("0123|:2|e1=AZaz_-+/ ".utf8)
        for _ in 0..<20_000 {
            let octets = (0..<Int.random(in: 0..<120, using: &generator)).map { _ in alphabet.randomElement() ?? 0 }
            let text = (Bool.random() ? "2|" : "") + String(decoding: octets, as: UTF8.self)
            for format in Format.allCases { #expect(format.decode(text) == nil) }
            _ = signatureKeyVersion(of: text)
        }
    }

    @Test("a text that is too long is neither written nor read", arguments: Format.allCases)
    func bound(format: Format) throws {
        let value = [UInt8](repeating: 0x61, count: 48_000)
        #expect(format.decode(try format.create(value)) == value)
        #expect(throws: SignedValueError.self) { try format.create(value + value) }
        #expect(format.decode(String(repeating: "2|1:", count: 1_000_000)) == nil)
    }

    @Test("times out of range are refused, without a trap", arguments: [-1, .nan, .infinity, -.infinity, 1e15, 1e300])
    func times(time: Double) {
        #expect(throws: SignedValueError.self) {
            try createSignedValue(secret: Self.secret, name: "n", value: "v", now: time)
        }
        #expect(throws: SignedValueError.self) {
            try createEncryptedValue(secret: Self.secret, name: "n", value: "v", now: time)
        }
    }
}
