import FoundationEssentials

/// The secret that signs and encrypts cookies: one key, or several with a version each, so that keys can be replaced while
/// cookies of the older ones are still read.
///
/// A key is text or octets of any length but none; 32 random octets are a good one. It is not shown by `print`, `dump`
/// and logs.
///
/// ```swift
/// let secret = try CookieSecret.fromEnvironment("COOKIE_SECRET")
/// let rotated = try CookieSecret(versions: [1: old, 2: new], current: 2)
/// ```
///
/// Tornado: the settings `cookie_secret` and `key_version`.
public struct CookieSecret: Sendable {
    private enum Keys {
        case single(CookieKey)
        case versions([Int: CookieKey], current: Int)
    }

    private let keys: Keys

    /// A secret of one key.
    ///
    /// - Throws: `CookieSecretError.emptyKey`.
    public init(key: String) throws(CookieSecretError) {
        try self.init(key: Array(key.utf8))
    }

    /// A secret of one key.
    ///
    /// - Throws: `CookieSecretError.emptyKey`.
    public init(key: [UInt8]) throws(CookieSecretError) {
        keys = .single(try Self.make(key))
    }

    /// A secret of several keys.
    ///
    /// - Parameters:
    ///   - versions: The keys by their versions, which are not negative. Cookies of all of them are read.
    ///   - current: The version whose key makes new cookies.
    /// - Throws: `CookieSecretError` where a key is empty, a version negative, or the current version has no key.
    public init(versions: [Int: String], current: Int) throws(CookieSecretError) {
        guard versions[current] != nil else { throw .noKeyForVersion(current) }
        var made: [Int: CookieKey] = [:]
        for (version, key) in versions {
            guard version >= 0 else { throw .negativeKeyVersion(version) }
            made[version] = try Self.make(Array(key.utf8))
        }
        keys = .versions(made, current: current)
    }

    private static func make(_ key: [UInt8]) throws(CookieSecretError) -> CookieKey {
        guard !key.isEmpty else { throw .emptyKey }
        return CookieKey(key)
    }

    /// The fewest octets of a key that is read from the environment.
    public static let minimumEnvironmentKeySize = 16

    /// A secret of one key: the value of an environment variable, in UTF-8.
    ///
    /// - Throws: `CookieSecretError.missingVariable` where the variable is not set, `.shortVariable` where its value has
    ///   fewer than 16 octets.
    public static func fromEnvironment(_ name: String) throws(CookieSecretError) -> CookieSecret {
        try fromEnvironment(name, ProcessInfo.processInfo.environment)
    }

    static func fromEnvironment(
        _ name: String, _ environment: [String: String]
    ) throws(CookieSecretError) -> CookieSecret {
        guard let key = environment[name] else { throw .missingVariable(name) }
        guard key.utf8.count >= minimumEnvironmentKeySize else { throw .shortVariable(name, size: key.utf8.count) }
        return try CookieSecret(key: key)
    }

    /// The version of the key that makes new cookies; nil for a secret of one key.
    ///
    /// Tornado: the setting `key_version`.
    public var currentKeyVersion: Int? {
        switch keys {
        case .single: nil
        case .versions(_, let current): current
        }
    }

    // MARK: Look-up

    /// The key for a new value, and the version that is written into the value. One key signs for any version, and for 0
    /// where none is asked for.
    func newValueKey(_ version: Int?) throws(SignedValueError) -> (version: Int, key: CookieKey) {
        let version = version ?? currentKeyVersion ?? 0
        guard version >= 0, let key = key(version) else { throw .unknownKeyVersion(version) }
        return (version, key)
    }

    /// The key of a value that names this version.
    func key(_ version: Int) -> CookieKey? {
        switch keys {
        case .single(let key): key
        case .versions(let keys, _): keys[version]
        }
    }

    /// The key of values that name no version; nil for a secret of several.
    var onlyKey: CookieKey? {
        switch keys {
        case .single(let key): key
        case .versions: nil
        }
    }
}

extension CookieSecret: ExpressibleByStringLiteral {
    /// A secret of one key that stands in the source, for tests and examples. An empty one ends the program.
    public init(stringLiteral key: String) {
        precondition(!key.isEmpty, "A CookieSecret is empty: write a key of at least 16 random characters.")
        keys = .single(CookieKey(Array(key.utf8)))
    }
}

extension CookieSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// How many keys there are, and never a key.
    public var description: String {
        switch keys {
        case .single: "CookieSecret(1 key)"
        case .versions(let keys, let current): "CookieSecret(\(keys.count) keys, current version \(current))"
        }
    }

    public var debugDescription: String { description }

    /// A mirror without children, so that `dump` has nothing to show.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
