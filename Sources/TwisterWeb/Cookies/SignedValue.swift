/// The formats of signed values.
public enum SignedValueVersion: Int, Sendable, Comparable, CaseIterable {
    /// HMAC-SHA1 over name, value and time without separators, as Tornado wrote until version 3.0.
    case one = 1
    /// HMAC-SHA256 over fields with their lengths, and a version of the key.
    case two = 2

    /// The oldest version that is written and read. Tornado: `MIN_SUPPORTED_SIGNED_VALUE_VERSION`.
    public static let minSupported = SignedValueVersion.one
    /// The newest version that is written and read. Tornado: `MAX_SUPPORTED_SIGNED_VALUE_VERSION`.
    public static let maxSupported = SignedValueVersion.two
    /// The version of new values. Tornado: `DEFAULT_SIGNED_VALUE_VERSION`.
    public static let standard = SignedValueVersion.two
    /// The least version that is read by default. Tornado: `DEFAULT_SIGNED_VALUE_MIN_VERSION`.
    public static let standardMinimum = SignedValueVersion.one

    public static func < (left: SignedValueVersion, right: SignedValueVersion) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Signs a value together with a name and the time. Anybody can read it; nobody without the key can make or change it.
///
/// - Parameters:
///   - name: What the value is for. It is read back by the same name only.
///   - now: Seconds since 1970; nil, the default: the system's time.
///   - keyVersion: Which of the secret's keys signs; nil, the default: the current one.
/// - Throws: `SignedValueError` where the secret has no such key, and where the text would be too long to be read back.
///
/// Tornado: `web.create_signed_value`.
public func createSignedValue(
    secret: CookieSecret, name: String, value: [UInt8], version: SignedValueVersion = .standard, now: Double? = nil,
    keyVersion: Int? = nil
) throws(SignedValueError) -> String {
    let time = try ValueTime.stamp(now)
    let text =
        switch version {
        case .one:
            try SignedValueOne.create(secret: secret, name: name, value: value, time: time, keyVersion: keyVersion)
        case .two:
            try SignedValueTwo.create(secret: secret, name: name, value: value, time: time, keyVersion: keyVersion)
        }
    return try ValueText.string(text)
}

/// The same for text, in UTF-8.
public func createSignedValue(
    secret: CookieSecret, name: String, value: String, version: SignedValueVersion = .standard, now: Double? = nil,
    keyVersion: Int? = nil
) throws(SignedValueError) -> String {
    try createSignedValue(
        secret: secret, name: name, value: Array(value.utf8), version: version, now: now, keyVersion: keyVersion)
}

/// The value that was signed. It is nil for a signature of another key, another name or another text, for a value that is
/// too old, and for a text of more than 65,536 octets.
///
/// - Parameters:
///   - maxAgeDays: How old a value may be. The default is 31 days.
///   - now: Seconds since 1970; nil, the default: the system's time.
///   - minVersion: The least format that is read. The default is version 1, as in Tornado; an application that never had
///     values of version 1 should say `.two`. A secret of several keys never reads version 1.
///
/// Tornado: `web.decode_signed_value`.
public func decodeSignedValue(
    secret: CookieSecret, name: String, value: String, maxAgeDays: Double = 31, now: Double? = nil,
    minVersion: SignedValueVersion = .standardMinimum
) -> [UInt8]? {
    guard let text = ValueText.octets(value) else { return nil }
    let version = formatVersion(of: text)
    guard version >= minVersion.rawValue else { return nil }
    let now = now ?? ValueTime.now
    switch SignedValueVersion(rawValue: version) {
    case .one: return SignedValueOne.decode(text, secret: secret, name: name, maxAgeDays: maxAgeDays, now: now)
    case .two: return SignedValueTwo.decode(text, secret: secret, name: name, maxAgeDays: maxAgeDays, now: now)
    case nil: return nil
    }
}

/// The version of the key that a signed value names. It is nil for version 1 and for malformed values. The signature is
/// not checked.
///
/// Tornado: `web.get_signature_key_version`.
public func signatureKeyVersion(of value: String) -> Int? {
    guard let text = ValueText.octets(value), formatVersion(of: text) == 2 else { return nil }
    return SignedValueTwo(text)?.keyVersion
}

/// The number in front of the first "|". Version 1 has none: it begins with base64, which can be digits. Base64 has no
/// text of fewer than four characters, so that a number up to 999 is a version.
private func formatVersion(of text: [UInt8]) -> Int {
    guard let bar = text.prefix(4).firstIndex(of: UInt8(ascii: "|")),
        let version = CanonicalNumber.parse(text[..<bar]), version > 0
    else { return 1 }
    return version
}
