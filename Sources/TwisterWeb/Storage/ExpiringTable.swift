/// A value of an `ExpiringTable`.
protocol ExpiringValue: Sendable {
    /// In seconds since 1970.
    var expires: Int64 { get }
    /// In octets.
    var size: Int { get }
}

/// Values by their keys, in bounded memory. Where there is no room left, the table drops values before they expire: it checks a
/// few, and drops the one that would expire first. No timer runs: each change checks a few values, and removes those that have
/// expired.
struct ExpiringTable<Value: ExpiringValue>: Sendable {
    private struct Entry: Sendable {
        var key: String
        var value: Value
        var size: Int
    }

    /// How many octets a value takes in addition to its own and those of its key: the entries of the dictionary and of the
    /// array.
    private static var overhead: Int { 256 }
    /// How many entries are checked at each change.
    private static var sweep: Int { 8 }

    private let maxCount: Int
    private let maxBytes: Int
    /// The time in seconds since 1970.
    let now: @Sendable () -> Int64
    /// The entries, without gaps: the last entry moves to the place of one that is removed.
    private var entries: [Entry] = []
    private var places: [String: Int] = [:]
    /// The index at which the search for expired values goes on.
    private var hand = 0
    private(set) var bytes = 0

    init(maxCount: Int, maxBytes: Int, now: @escaping @Sendable () -> Int64) {
        precondition(maxCount >= 1 && maxBytes >= 1, "a store in memory has no room for a value")
        self.maxCount = maxCount
        self.maxBytes = maxBytes
        self.now = now
    }

    var count: Int { entries.count }

    mutating func find(_ key: String) -> Value? {
        guard let place = places[key] else { return nil }
        guard entries[place].value.expires > now() else {
            remove(key)
            return nil
        }
        return entries[place].value
    }

    mutating func set(_ key: String, _ value: Value) {
        remove(key)
        removeEnded(at: now())
        let entry = Entry(key: key, value: value, size: key.utf8.count + value.size + Self.overhead)
        while !entries.isEmpty, entries.count >= maxCount || bytes + entry.size > maxBytes { removeEarliest() }
        places[key] = entries.count
        entries.append(entry)
        bytes += entry.size
    }

    mutating func remove(_ key: String) {
        guard let place = places.removeValue(forKey: key) else { return }
        bytes -= entries[place].size
        let last = entries.removeLast()
        guard place < entries.count else { return }
        entries[place] = last
        places[last.key] = place
    }

    private mutating func removeEnded(at now: Int64) {
        for _ in 0..<Self.sweep {
            guard let place = nextPlace() else { return }
            if entries[place].value.expires <= now { remove(entries[place].key) }
        }
    }

    private mutating func removeEarliest() {
        guard var earliest = nextPlace() else { return }
        for _ in 1..<Self.sweep {
            guard let place = nextPlace() else { break }
            if entries[place].value.expires < entries[earliest].value.expires { earliest = place }
        }
        remove(entries[earliest].key)
    }

    private mutating func nextPlace() -> Int? {
        guard !entries.isEmpty else { return nil }
        hand = hand + 1 < entries.count ? hand + 1 : 0
        return hand
    }
}
