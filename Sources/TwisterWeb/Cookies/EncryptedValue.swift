/// Encrypts a value together with the time. Nobody without the key can read, make or change it.
///
/// The text is `e1|<key version>|<base64url>` and is never quoted in a cookie. It is encrypted by AES-256-GCM with a key that
/// HKDF (RFC 5869) derives from the secret; name and key version are authenticated. The text shows how long the value is.
///
/// - Parameters:
///   - name: What the value is for. It is read back by the same name only.
///   - now: Seconds since 1970; nil, the default: the system's time.
///   - keyVersion: Which of the secret's keys encrypts; nil, the default: the current one.
/// - Throws: `SignedValueError` where the secret has no such key, and where the text would be too long to be read back.
///
/// Tornado has only signed values.
public func createEncryptedValue(
    secret: CookieSecret, name: String, value: [UInt8], now: Double? = nil, keyVersion: Int? = nil
) throws(SignedValueError) -> String {
    let time = try ValueTime.stamp(now)
    let (keyVersion, key) = try secret.newValueKey(keyVersion)
    let prefix = EncryptedValue.prefix(keyVersion)
    let plaintext = EncryptedValue.octets(of: time) + value
    let message = key.seal(plaintext, authenticating: prefix + name.utf8)
    return try ValueText.string(prefix + Base64.url.encode(message))
}

/// The same for text, in UTF-8.
public func createEncryptedValue(
    secret: CookieSecret, name: String, value: String, now: Double? = nil, keyVersion: Int? = nil
) throws(SignedValueError) -> String {
    try createEncryptedValue(secret: secret, name: name, value: Array(value.utf8), now: now, keyVersion: keyVersion)
}

/// The value that was encrypted. It is nil for another key, another name or another text, for a value that is too old, and
/// for a text of more than 65,536 octets.
///
/// - Parameters:
///   - maxAgeDays: How old a value may be. The default is 31 days.
///   - now: Seconds since 1970; nil, the default: the system's time.
public func decodeEncryptedValue(
    secret: CookieSecret, name: String, value: String, maxAgeDays: Double = 31, now: Double? = nil
) -> [UInt8]? {
    guard let parts = EncryptedValue(value), let key = secret.key(parts.keyVersion),
        let plaintext = key.open(parts.message, authenticating: EncryptedValue.prefix(parts.keyVersion) + name.utf8),
        let time = EncryptedValue.time(of: plaintext),
        !ValueTime.isExpired(time, maxAgeDays: maxAgeDays, now: now ?? ValueTime.now)
    else { return nil }
    return Array(plaintext.dropFirst(EncryptedValue.timeSize))
}

/// The version of the key that an encrypted value names. It is nil for malformed values. Nothing is decrypted.
public func encryptionKeyVersion(of value: String) -> Int? { EncryptedValue(value)?.keyVersion }

/// The parts of an encrypted value.
private struct EncryptedValue {
    let keyVersion: Int
    let message: [UInt8]

    init?(_ value: String) {
        guard let text = ValueText.octets(value) else { return nil }
        let parts = text.split(separator: UInt8(ascii: "|"), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].elementsEqual("e1".utf8),
            let keyVersion = CanonicalNumber.parse(parts[1]),
            let message = Base64.url.decode(parts[2]), message.count >= CookieKey.overhead + Self.timeSize
        else { return nil }
        self.keyVersion = keyVersion
        self.message = message
    }

    static func prefix(_ keyVersion: Int) -> [UInt8] { Array("e1|\(keyVersion)|".utf8) }

    /// The octets of the time, the highest first, in front of the value.
    static let timeSize = 8

    static func octets(of time: Int) -> [UInt8] {
        (0..<timeSize).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * $0)) }
    }

    static func time(of plaintext: [UInt8]) -> Int? {
        plaintext.count < timeSize ? nil : plaintext.prefix(timeSize).reduce(0) { $0 << 8 | Int($1) }
    }
}
