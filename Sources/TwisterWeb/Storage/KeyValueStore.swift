import FoundationEssentials

/// Values under keys, which expire: codes that are sent by mail, links that work once, results that take long to make.
///
///     let codes = MemoryKeyValueStore()
///     try await codes.set("login/\(address)", to: code, expiresIn: .seconds(600))
///     guard try await codes.take("login/\(address)", as: String.self) == code else { throw HTTPError(.forbidden) }
///
/// Values are kept as JSON, so that a store in a database (Redis, SQLite) has four functions to write. The calls come from the
/// threads of all loops.
public protocol KeyValueStore: Sendable {
    /// The JSON text under a key; nil: there is none, or it has expired.
    func load(_ key: String) async throws -> String?

    /// Stores a JSON text for `lifetime`, in place of one that is stored under the key.
    func save(_ key: String, _ json: String, lifetime: Duration) async throws

    /// Stores a JSON text for `lifetime`, unless one is stored under the key; returns whether it did. One step: of two calls at
    /// the same time, one returns true.
    func create(_ key: String, _ json: String, lifetime: Duration) async throws -> Bool

    /// Removes the text under a key, and returns it. One step: of two calls at the same time, one gets the text.
    @discardableResult
    func remove(_ key: String) async throws -> String?
}

extension KeyValueStore {
    /// The value under a key; nil: there is none, or it has expired.
    ///
    /// - Throws: `DecodingError` for a value of another type, and the store's errors.
    public func get<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) async throws -> Value? {
        try await load(key).map { try Self.decode($0, as: type) }
    }

    /// Stores a value for `lifetime`, in place of one that is stored under the key.
    ///
    /// - Throws: `EncodingError`, and the store's errors.
    public func set(_ key: String, to value: some Encodable, expiresIn lifetime: Duration) async throws {
        try await save(key, Self.encode(value), lifetime: lifetime)
    }

    /// Stores a value for `lifetime`, unless one is stored under the key; returns whether it did. For what must happen only
    /// once.
    ///
    /// - Throws: `EncodingError`, and the store's errors.
    public func create(_ key: String, with value: some Encodable, expiresIn lifetime: Duration) async throws -> Bool {
        try await create(key, Self.encode(value), lifetime: lifetime)
    }

    /// Removes the value under a key, and returns it. For what may be used only once.
    ///
    /// - Throws: `DecodingError` for a value of another type, which is removed as well, and the store's errors.
    public func take<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) async throws -> Value? {
        try await remove(key).map { try Self.decode($0, as: type) }
    }

    private static func encode(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    private static func decode<Value: Decodable>(_ json: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(json.utf8))
    }
}
