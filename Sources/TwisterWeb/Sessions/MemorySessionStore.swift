import TwisterIO

/// Keeps sessions in this process's memory, which is bounded. Where there are too many sessions, or they are too large
/// together, the store drops some before they expire: it checks a few, and drops the one that would expire first. The sessions
/// are lost when the process ends, and other processes do not know them.
///
/// No timer runs: each call that stores a session checks a few others, and removes those that have expired.
public final class MemorySessionStore: SessionStore {
    private let table: ConditionLock<ExpiringTable<SessionData>>

    /// - Parameters:
    ///   - maxSessions: the most sessions. Default 100,000.
    ///   - maxBytes: the most octets of all keys and values together. Default 256 MiB.
    public convenience init(maxSessions: Int = 100_000, maxBytes: Int = 268_435_456) {
        self.init(maxSessions: maxSessions, maxBytes: maxBytes, now: { Int64(ValueTime.now) })
    }

    /// - Parameter now: seconds since 1970.
    init(maxSessions: Int = 100_000, maxBytes: Int = 268_435_456, now: @escaping @Sendable () -> Int64) {
        table = ConditionLock(ExpiringTable(maxCount: maxSessions, maxBytes: maxBytes, now: now))
    }

    /// How many sessions there are, some of which may have ended.
    public var count: Int { table.withLock { $0.count } }

    /// A session; nil if there is none, or it has ended.
    public func load(_ id: String) -> SessionData? { table.withLock { $0.find(id) } }

    /// Stores a session; others are dropped where there is no room.
    public func save(_ id: String, _ data: SessionData) { table.withLock { $0.set(id, data) } }

    /// Removes a session.
    public func delete(_ id: String) { table.withLock { $0.remove(id) } }

    /// Under one lock, so that no change of another request is lost.
    public func update(_ id: String, _ changes: SessionChanges) -> Bool {
        table.withLock { table in
            guard var data = table.find(id) else { return false }
            data.apply(changes)
            table.set(id, data)
            return true
        }
    }
}
