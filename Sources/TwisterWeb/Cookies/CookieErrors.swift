/// Why a `CookieSecret` cannot be made.
public enum CookieSecretError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A key has no octets.
    case emptyKey
    /// A key's version is below 0.
    case negativeKeyVersion(Int)
    /// The current version is none of those that have a key.
    case noKeyForVersion(Int)
    /// The environment variable is not set.
    case missingVariable(String)
    /// The environment variable's value has fewer than 16 octets.
    case shortVariable(String, size: Int)

    public var description: String {
        switch self {
        case .emptyKey: "a cookie secret has an empty key: use at least 16 random characters"
        case .negativeKeyVersion(let version): "the key version \(version) of a cookie secret is negative"
        case .noKeyForVersion(let version): "the current key version \(version) of a cookie secret has no key"
        case .missingVariable(let name):
            "the environment variable \(name) is not set: set it to a cookie secret of at least 16 random characters"
        case .shortVariable(let name, let size):
            "the environment variable \(name) has \(size) octets: a cookie secret needs at least 16 random characters"
        }
    }
}

/// Why a signed or encrypted value cannot be made.
public enum SignedValueError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The secret has no key of that version.
    case unknownKeyVersion(Int)
    /// Version 1 has no room for a key version, and the secret has several keys.
    case versionOneNeedsOneKey
    /// The text would have more octets than can be read back.
    case tooLong(Int)
    /// The time is before 1970, too far in the future, or no number.
    case timeOutOfRange(Double)

    public var description: String {
        switch self {
        case .unknownKeyVersion(let version): "the cookie secret has no key of version \(version)"
        case .versionOneNeedsOneKey: "signed values of version 1 need a cookie secret of one key: use version 2"
        case .tooLong(let size): "a signed value of \(size) octets is too long: at most 65536 can be read back"
        case .timeOutOfRange(let time): "the time \(time) of a signed value is out of range"
        }
    }
}

/// Why a cookie cannot be set. A description has the cookie's name, never its value, and says what to do.
public enum SetCookieError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name is no token (RFC 9110, 5.6.2).
    case malformedName(String)
    /// The name is that of an attribute, which older parsers would read as one.
    case reservedName(String)
    /// The value has white space or a control character.
    case controlCharacterInValue(name: String)
    /// The value has a character that Latin-1 does not have.
    case unencodableValue(name: String)
    /// `Domain` or `Path` has white space, a control character, a semicolon, or a character that is not ASCII.
    case malformedAttribute(name: String, attribute: String)
    /// `Domain` or `Path` has more than 1,024 octets, so that browsers would ignore it (RFC 6265bis, 5.6).
    case attributeTooLong(name: String, attribute: String)
    /// Name and value have more than 4,096 octets, so that browsers would ignore the cookie (RFC 6265bis, 5.6).
    case tooLarge(name: String, size: Int)
    /// A name that begins with `__Secure-` or `__Host-` without what it promises, `SameSite=None` or `Partitioned` without
    /// `Secure`. Browsers would ignore the cookie.
    case notSecure(name: String, because: String)
    /// A name that begins with `__Host-` with a domain, or with a path other than `/`.
    case notBoundToHost(name: String)

    public var description: String {
        switch self {
        case .malformedName(let name):
            "the cookie name \"\(name)\" is no token: use letters, digits and !#$%&'*+-.^_`|~"
        case .reservedName(let name): "the cookie name \"\(name)\" is that of an attribute: choose another one"
        case .controlCharacterInValue(let name):
            "the value of the cookie \"\(name)\" has white space or a control character: percent-encode it"
        case .unencodableValue(let name):
            "the value of the cookie \"\(name)\" has a character beyond U+00FF: percent-encode it"
        case .malformedAttribute(let name, let attribute):
            "\(attribute) of the cookie \"\(name)\" has a character that is not allowed: percent-encode it"
        case .attributeTooLong(let name, let attribute):
            "\(attribute) of the cookie \"\(name)\" has more than 1024 octets"
        case .tooLarge(let name, let size):
            "the cookie \"\(name)\" has \(size) octets, and browsers take 4096: keep the value on the server"
        case .notSecure(let name, let reason): "the cookie \"\(name)\" has \(reason): set secure to true"
        case .notBoundToHost(let name):
            "the cookie \"\(name)\" begins with __Host-: it needs the path \"/\" and no domain"
        }
    }
}
