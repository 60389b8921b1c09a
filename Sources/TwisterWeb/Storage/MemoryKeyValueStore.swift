import TwisterIO

/// Keeps values in this process's memory, which is bounded. Where there is no room left, the store drops some before their time:
/// it looks at a few, and drops the one that would end first. The values are lost when the process ends, and other processes do
/// not know them.
///
/// No timer runs: each call that stores a value looks at a few others, and removes those whose time is over.
public final class MemoryKeyValueStore: KeyValueStore {
    private struct Stored: ExpiringValue {
        var json: String
        var expires: Int64
        var size: Int { json.utf8.count }
    }

    private let table: ConditionLock<ExpiringTable<Stored>>

    /// - Parameters:
    ///   - maxValues: the most values. Default 100,000.
    ///   - maxBytes: the most octets of all keys and values together. Default 256 MiB.
    public convenience init(maxValues: Int = 100_000, maxBytes: Int = 268_435_456) {
        self.init(maxValues: maxValues, maxBytes: maxBytes, now: { Int64(ValueTime.now) })
    }

    /// - Parameter now: seconds since 1970.
    init(maxValues: Int = 100_000, maxBytes: Int = 268_435_456, now: @escaping @Sendable () -> Int64) {
        table = ConditionLock(ExpiringTable(maxCount: maxValues, maxBytes: maxBytes, now: now))
    }

    /// How many values there are; the time of some may be over.
    public var count: Int { table.withLock { $0.count } }

    /// The JSON text under a key; nil: there is none, or its time is over.
    public func load(_ key: String) -> String? { table.withLock { $0.find(key)?.json } }

    /// Stores a JSON text; others are dropped where there is no room.
    public func save(_ key: String, _ json: String, lifetime: Duration) {
        table.withLock { $0.set(key, Self.stored(json, lifetime, $0.now())) }
    }

    /// The same where nothing is there under the key; under one lock, so that one of two calls returns true.
    public func create(_ key: String, _ json: String, lifetime: Duration) -> Bool {
        table.withLock { table in
            guard table.find(key) == nil else { return false }
            table.set(key, Self.stored(json, lifetime, table.now()))
            return true
        }
    }

    /// Removes what is under a key, and returns it; under one lock, so that one of two calls gets the text.
    @discardableResult
    public func remove(_ key: String) -> String? {
        table.withLock { table in
            let found = table.find(key)
            table.remove(key)
            return found?.json
        }
    }

    /// A begun second counts as a whole one.
    private static func stored(_ json: String, _ lifetime: Duration, _ now: Int64) -> Stored {
        let (seconds, attoseconds) = lifetime.components
        let (end, isOver) = now.addingReportingOverflow(attoseconds > 0 && seconds < .max ? seconds + 1 : seconds)
        return Stored(json: json, expires: isOver ? .max : end)
    }
}
