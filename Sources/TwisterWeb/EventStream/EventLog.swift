/// The latest events of a broadcaster, by their numbers. All subscribers read the same log, each from a place of its own: memory
/// does not grow with their number, nor with how slow they are.
///
/// Its size is bounded in events and in bytes; the oldest events go first. An event that has a key replaces the one of the same
/// key.
struct EventLog: Sendable {
    private struct Entry: Sendable {
        let number: Int
        let key: String?
        /// Nil where a later event has replaced this one.
        var bytes: [UInt8]?
    }

    private let capacity: Int
    private let maxBytes: Int
    /// In order of their numbers; those before `start` are dropped.
    private var entries: [Entry] = []
    private var start = 0
    /// How many events are there, and their bytes.
    private(set) var count = 0
    private(set) var byteCount = 0
    /// The numbers of the events that have a key.
    private var numbers: [String: Int] = [:]
    /// The number of the last event that was added; 0: none.
    private(set) var last = 0
    /// The number of the last event that was removed for want of room; 0: none.
    private(set) var lost = 0

    init(capacity: Int, maxBytes: Int) {
        self.capacity = capacity
        self.maxBytes = maxBytes
    }

    /// Adds an event whose bytes `make` makes of its number. Amortised, it costs the same however long the log is.
    mutating func append(key: String?, _ make: (_ number: Int) -> [UInt8]) {
        last += 1
        let bytes = make(last)
        if let key {
            if let old = numbers.updateValue(last, forKey: key) { replace(old) }
        }
        entries.append(Entry(number: last, key: key, bytes: bytes))
        count += 1
        byteCount += bytes.count
        while count > capacity || byteCount > maxBytes && count > 1 { removeFirst() }
        compact()
    }

    /// The events after `number`, as many as have `limit` bytes together, but at least one. With the number of the last of them.
    func events(after number: Int, limit: Int) -> (events: [[UInt8]], last: Int) {
        var events: [[UInt8]] = []
        var size = 0
        var reached = number
        for entry in entries[firstIndex(after: number)...] {
            guard let bytes = entry.bytes else { continue }
            if size > 0, size + bytes.count > limit { break }
            events.append(bytes)
            size += bytes.count
            reached = entry.number
        }
        return (events, reached)
    }

    // MARK: Removing

    private mutating func replace(_ number: Int) {
        let index = firstIndex(after: number - 1)
        guard index < entries.count, entries[index].number == number, let bytes = entries[index].bytes else { return }
        count -= 1
        byteCount -= bytes.count
        entries[index].bytes = nil
    }

    private mutating func removeFirst() {
        let entry = entries[start]
        start += 1
        guard let bytes = entry.bytes else { return }
        entries[start - 1].bytes = nil
        count -= 1
        byteCount -= bytes.count
        lost = entry.number
        if let key = entry.key { numbers[key] = nil }
    }

    /// Frees the places of dropped events, once they are more than the others.
    private mutating func compact() {
        guard entries.count > 2 * count + 16 else { return }
        entries = entries[start...].filter { $0.bytes != nil }
        start = 0
    }

    /// By bisection.
    private func firstIndex(after number: Int) -> Int {
        var low = start
        var high = entries.count
        while low < high {
            let middle = low + (high - low) / 2
            if entries[middle].number > number { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
