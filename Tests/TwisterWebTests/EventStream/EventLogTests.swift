import Testing
import TwisterTestSupport

@testable import TwisterWeb

@Suite("N-34: the ring of the latest events")
struct EventLogTests {
    private func numbers(_ log: EventLog, after number: Int, limit: Int = .max) -> [Int] {
        log.events(after: number, limit: limit).events.map { Int(String(decoding: $0, as: UTF8.self)) ?? -1 }
    }

    private func add(_ log: inout EventLog, key: String? = nil) { log.append(key: key) { Array("\($0)".utf8) } }

    @Test("N-34: the oldest events go, by number and by bytes")
    func bounds() {
        var log = EventLog(capacity: 3, maxBytes: .max)
        for _ in 1...5 { add(&log) }
        #expect(numbers(log, after: 0) == [3, 4, 5])
        #expect(numbers(log, after: 4) == [5])
        #expect(numbers(log, after: 5).isEmpty)
        #expect(log.lost == 2)
        var small = EventLog(capacity: 100, maxBytes: 10)
        for _ in 1...3 { small.append(key: nil) { _ in [UInt8](repeating: 1, count: 4) } }
        #expect(small.count == 2 && small.byteCount == 8)
        // One that is too large by itself is there as the only one.
        small.append(key: nil) { _ in [UInt8](repeating: 1, count: 40) }
        #expect(small.count == 1 && small.byteCount == 40)
    }

    @Test("N-34: a piece has at least one event")
    func pieces() {
        var log = EventLog(capacity: 10, maxBytes: .max)
        for _ in 1...4 { add(&log) }
        #expect(numbers(log, after: 0, limit: 0) == [1])
        #expect(numbers(log, after: 1, limit: 2) == [2, 3])
    }

    @Test("N-34: an event replaces the one of the same key, and the log does not grow")
    func keys() {
        var log = EventLog(capacity: 2, maxBytes: .max)
        add(&log, key: "rare")
        for _ in 1...10_000 { add(&log, key: "often") }
        #expect(numbers(log, after: 0) == [1, 10_001])
        #expect(log.count == 2 && log.lost == 0)
        add(&log, key: "third")
        #expect(numbers(log, after: 0) == [10_001, 10_002])
        #expect(log.lost == 1)
        // A key whose event is gone begins anew.
        add(&log, key: "rare")
        #expect(numbers(log, after: 0) == [10_002, 10_003])
    }

    @Test("N-34: as a list of all events that is cut and thinned out by hand")
    func model() {
        var generator = SeededGenerator(seed: 35)
        for capacity in [1, 2, 7] {
            var log = EventLog(capacity: capacity, maxBytes: 12)
            var model: [(number: Int, key: String?)] = []
            for number in 1...500 {
                let key = ["a", "b", "c", nil].randomElement(using: &generator) ?? nil
                add(&log, key: key)
                if key != nil { model.removeAll { $0.key == key } }
                model.append((number, key))
                let size = { model.reduce(0) { $0 + "\($1.number)".utf8.count } }
                while model.count > capacity || size() > 12 && model.count > 1 { model.removeFirst() }
                let place = Int.random(in: 0...number, using: &generator)
                #expect(numbers(log, after: place) == model.map(\.number).filter { $0 > place })
                #expect(log.byteCount == size() && log.count == model.count)
            }
        }
    }
}
