import Testing
import TwisterWeb

/// N-44: encrypted values.
@Suite("Encrypted values")
struct EncryptedValueTests {
    private static let time = SignedValueTests.time
    private static let secret = SignedValueTests.secret

    /// Made by the `cryptography` package of Python from the format's description.
    private static let vector =
        "e1|0|AAECAwQFBgcICQoLDA0OD2RlZmdoaWprbG1ub2KUcO8fZ2zrXjLOxT27Tp_Q3CbvphGGHoYeBbB1"

    @Test("N-44: a text that another implementation has made")
    func interoperability() {
        let value = decodeEncryptedValue(secret: Self.secret, name: "name", value: Self.vector, now: Self.time)
        #expect(value == Array("value".utf8))
    }

    @Test("N-44: what is encrypted is read back, and is never the same text twice", arguments: [0, 1, 31, 4000])
    func roundTrip(size: Int) throws {
        let value = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        var texts: Set<String> = []
        for _ in 0..<50 {
            let text = try createEncryptedValue(secret: Self.secret, name: "name", value: value, now: Self.time)
            #expect(decodeEncryptedValue(secret: Self.secret, name: "name", value: text, now: Self.time) == value)
            // No character has to be quoted.
            #expect(
                try SetCookie(name: "n", value: String(text.prefix(4000)), path: "").encoded()
                    == "n=\(text.prefix(4000))")
            texts.insert(text)
        }
        #expect(texts.count == 50)
    }

    @Test("N-44: another name, key or age is refused")
    func refusals() throws {
        let text = try createEncryptedValue(secret: Self.secret, name: "name", value: "value", now: Self.time)
        func reads(_ name: String, _ secret: CookieSecret = Self.secret, days: Double = 31, now: Double = Self.time)
            -> Bool
        {
            decodeEncryptedValue(secret: secret, name: name, value: text, maxAgeDays: days, now: now) != nil
        }
        #expect(reads("name") && !reads("nam") && !reads("names") && !reads(""))
        #expect(!reads("name", "It's a secret to nobody"))
        #expect(reads("name", now: Self.time + 31 * 86_400) && !reads("name", now: Self.time + 31 * 86_400 + 1))
        #expect(!reads("name", days: .nan) && !reads("name", now: .nan))
    }

    @Test("N-44: keys by version")
    func rotation() throws {
        let old = try CookieSecret(versions: [1: "key one"], current: 1)
        let both = try CookieSecret(versions: [1: "key one", 2: "key two"], current: 2)
        let swapped = try CookieSecret(versions: [1: "key two", 2: "key one"], current: 2)
        let text = try createEncryptedValue(secret: old, name: "name", value: "value", now: Self.time)
        #expect(encryptionKeyVersion(of: text) == 1)
        #expect(decodeEncryptedValue(secret: both, name: "name", value: text, now: Self.time) == Array("value".utf8))
        #expect(decodeEncryptedValue(secret: swapped, name: "name", value: text, now: Self.time) == nil)
        // The key version is authenticated even where the same key has both.
        let renamed = "e1|2|" + text.dropFirst(5)
        #expect(decodeEncryptedValue(secret: swapped, name: "name", value: renamed, now: Self.time) == nil)
        let new = try createEncryptedValue(secret: both, name: "name", value: "value", now: Self.time)
        #expect(encryptionKeyVersion(of: new) == 2)
        #expect(decodeEncryptedValue(secret: old, name: "name", value: new, now: Self.time) == nil)
        #expect(throws: SignedValueError.unknownKeyVersion(2)) {
            try createEncryptedValue(secret: old, name: "name", value: "value", keyVersion: 2)
        }
    }

    @Test("N-44: signed values are not encrypted ones, nor the other way round")
    func separation() throws {
        let signed = try createSignedValue(secret: Self.secret, name: "name", value: "value", now: Self.time)
        let encrypted = try createEncryptedValue(secret: Self.secret, name: "name", value: "value", now: Self.time)
        #expect(decodeEncryptedValue(secret: Self.secret, name: "name", value: signed, now: Self.time) == nil)
        #expect(decodeSignedValue(secret: Self.secret, name: "name", value: encrypted, now: Self.time) == nil)
        #expect(encryptionKeyVersion(of: signed) == nil && signatureKeyVersion(of: encrypted) == nil)
    }
}
