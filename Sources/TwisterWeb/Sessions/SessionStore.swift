/// A storage of sessions: memory (`MemorySessionStore`), or a database that several processes share.
///
/// A session's identifier is a hash of its cookie, so that a reader of the store cannot act as a user. The calls come from the
/// threads of all loops.
///
///     struct RedisSessions: SessionStore { … }
public protocol SessionStore: Sendable {
    /// A session; nil if there is none, or it has expired.
    func load(_ id: String) async throws -> SessionData?

    /// Stores a new session, or replaces it.
    func save(_ id: String, _ data: SessionData) async throws

    /// Removes a session, if there is one.
    func delete(_ id: String) async throws

    /// Changes single values of a session in one step: in a transaction, or under a lock that is held while `apply` is called.
    /// Returns false, and stores nothing, where the session does not exist any more.
    ///
    /// There is no default implementation by `load` and `save`: another request may end between the two calls. Its changes
    /// would be lost, and a session that its user has just ended would come back.
    func update(_ id: String, _ changes: SessionChanges) async throws -> Bool
}

/// The values of a session and its end, as a store keeps them.
public struct SessionData: Sendable, Hashable, Codable {
    /// The values as JSON, by their keys.
    public var values: [String: String]
    /// When the session ends, in seconds since 1970.
    public var expires: Int64

    public init(values: [String: String], expires: Int64) {
        self.values = values
        self.expires = expires
    }

    /// Sets and removes values. The session never ends earlier than it would have.
    public mutating func apply(_ changes: SessionChanges) {
        for (key, value) in changes.values { values[key] = value }
        expires = max(expires, changes.expires)
    }

    /// The octets of all keys and values.
    var size: Int { values.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }
}

extension SessionData: ExpiringValue {}

/// The changes that one request made in a session.
public struct SessionChanges: Sendable, Hashable {
    /// The new values as JSON, by their keys; nil: removed.
    public var values: [String: String?]
    /// When the session ends, in seconds since 1970.
    public var expires: Int64

    public init(values: [String: String?], expires: Int64) {
        self.values = values
        self.expires = expires
    }
}

/// A session cannot be saved.
public enum SessionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The values have more octets than `Sessions` allows.
    case tooLarge(size: Int, limit: Int)
    /// A value cannot be encoded as JSON.
    case notEncodable(key: String, reason: String)
    /// The first value came after the response's head was sent, so that the client cannot get the cookie any more.
    case begunAfterHead

    public var description: String {
        switch self {
        case .tooLarge(let size, let limit):
            "the session has \(size) octets, and at most \(limit) are kept: store large values elsewhere"
        case .notEncodable(let key, let reason): "the value \"\(key)\" of the session cannot be encoded: \(reason)"
        case .begunAfterHead:
            "a session was begun after the response's head was sent, and is lost: store its first value before `flush` and `finish`"
        }
    }
}
