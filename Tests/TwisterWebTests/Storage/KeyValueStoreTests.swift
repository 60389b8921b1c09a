import Testing

@testable import TwisterWeb

@Suite("KeyValueStore")
struct KeyValueStoreTests {
    private struct Ticket: Codable, Equatable {
        var name: String
        var seats: [Int]
    }

    @Test("X-57: values of any type are kept for their time")
    func expiry() async throws {
        let time = TestTime()
        let store = MemoryKeyValueStore(now: { time.now })
        let ticket = Ticket(name: "grün", seats: [1, 2])
        try await store.set("ticket", to: ticket, expiresIn: .seconds(10))
        try await store.set("text", to: "plain", expiresIn: .milliseconds(10_500))
        try await store.set("for ever", to: 1, expiresIn: .seconds(Int64.max))
        try await store.set("over", to: 1, expiresIn: .seconds(-1))
        #expect(try await store.get("ticket") == ticket)
        #expect(try await store.get("text", as: String.self) == "plain")
        #expect(try await store.get("over", as: Int.self) == nil)
        #expect(try await store.get("unknown", as: Int.self) == nil)
        time.advance(by: 10)
        #expect(try await store.get("ticket", as: Ticket.self) == nil)
        #expect(try await store.get("text", as: String.self) == "plain")
        time.advance(by: 1)
        #expect(try await store.get("text", as: String.self) == nil)
        #expect(try await store.get("for ever", as: Int.self) == 1)
    }

    @Test("X-57: a value takes the place of the old one, with its own time")
    func replaced() async throws {
        let time = TestTime()
        let store = MemoryKeyValueStore(now: { time.now })
        try await store.set("a", to: 1, expiresIn: .seconds(5))
        try await store.set("a", to: 2, expiresIn: .seconds(50))
        time.advance(by: 20)
        #expect(try await store.get("a", as: Int.self) == 2)
        #expect(store.count == 1)
    }

    @Test("X-57: what is created once is not created again before its time is over")
    func created() async throws {
        let time = TestTime()
        let store = MemoryKeyValueStore(now: { time.now })
        #expect(try await store.create("mail", with: "first", expiresIn: .seconds(5)))
        #expect(try await !store.create("mail", with: "second", expiresIn: .seconds(5)))
        #expect(try await store.get("mail", as: String.self) == "first")
        time.advance(by: 5)
        #expect(try await store.create("mail", with: "third", expiresIn: .seconds(5)))
    }

    @Test("X-57: of many that take or create at the same time, one succeeds")
    func onlyOne() async throws {
        let store = MemoryKeyValueStore()
        try await store.set("once", to: 7, expiresIn: .seconds(60))
        let wins = try await withThrowingTaskGroup(of: (Bool, Bool).self) { group in
            for _ in 0..<32 {
                group.addTask {
                    let took = try await store.take("once", as: Int.self) == 7
                    return (took, try await store.create("new", with: 1, expiresIn: .seconds(60)))
                }
            }
            return try await group.reduce(into: (0, 0)) {
                $0.0 += $1.0 ? 1 : 0; $0.1 += $1.1 ? 1 : 0
            }
        }
        #expect(wins == (1, 1))
    }

    @Test("X-57: a value of another type is an error, and stays; `take` removes it")
    func otherType() async throws {
        let store = MemoryKeyValueStore()
        try await store.set("a", to: "text", expiresIn: .seconds(60))
        await #expect(throws: DecodingError.self) { try await store.get("a", as: Int.self) }
        #expect(try await store.get("a", as: String.self) == "text")
        await #expect(throws: DecodingError.self) { try await store.take("a", as: Int.self) }
        #expect(store.count == 0)
        await #expect(throws: EncodingError.self) { try await store.set("a", to: Double.nan, expiresIn: .seconds(60)) }
    }

    @Test("X-57: the room is bounded, and those that end first go first")
    func bounded() async throws {
        let store = MemoryKeyValueStore(maxValues: 100, maxBytes: 1_000_000, now: { 0 })
        store.save("kept", "1", lifetime: .seconds(100_000))
        for index in 0..<1_000 { store.save("\(index)", "1", lifetime: .seconds(100 + index)) }
        #expect(store.count == 100)
        #expect(store.load("kept") == "1" && store.load("999") == "1")
        let small = MemoryKeyValueStore(maxValues: 100, maxBytes: 1_000_000, now: { 0 })
        for index in 0..<10 { small.save("\(index)", String(repeating: "1", count: 300_000), lifetime: .seconds(10)) }
        #expect(small.count == 3)
        let keys = MemoryKeyValueStore(maxValues: 100, maxBytes: 1_000_000, now: { 0 })
        for index in 0..<10 {
            keys.save("\(index)" + String(repeating: "k", count: 300_000), "1", lifetime: .seconds(10))
        }
        #expect(keys.count == 3, "keys count, too")
    }
}
