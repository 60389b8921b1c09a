import Testing

@testable import TwisterWeb

@Suite("MemorySessionStore")
struct MemorySessionStoreTests {
    private func data(_ value: String = "v", expires: Int64) -> SessionData {
        SessionData(values: ["k": value], expires: expires)
    }

    @Test("X-55: 100,000 sessions are the most, whatever clients do, and those that end first go first")
    func maximum() {
        let time = TestTime()
        let store = MemorySessionStore(now: { time.now })
        store.save("kept", data(expires: time.now + 1_000_000))
        for index in 0..<120_000 { store.save("\(index)", data(expires: time.now + 1_000 + Int64(index))) }
        #expect(store.count == 100_000)
        #expect(store.load("kept") != nil)
        #expect(store.load("119999") != nil)
    }

    @Test("X-55: the octets of all sessions have a bound, too")
    func octets() {
        var table = ExpiringTable<SessionData>(maxCount: 1_000, maxBytes: 10_000, now: { 0 })
        for index in 0..<200 {
            table.set("\(index)", data(String(repeating: "x", count: 700), expires: 100))
            #expect(table.bytes <= 10_000)
        }
        #expect(table.count == 10)
        table.set("large", data(String(repeating: "x", count: 20_000), expires: 100))
        #expect(table.count == 1, "one that is larger than all the room stands alone")
    }

    @Test("X-55: sessions that have ended are removed bit by bit, by the calls for others")
    func sweep() {
        let time = TestTime()
        let store = MemorySessionStore(now: { time.now })
        for index in 0..<1_000 { store.save("\(index)", data(expires: time.now + 10)) }
        time.advance(by: 10)
        #expect(store.load("1") == nil)
        for index in 0..<200 { store.save("new\(index)", data(expires: time.now + 10)) }
        #expect(store.count == 200)
        for index in 0..<200 { #expect(store.load("new\(index)") != nil) }
    }

    @Test("X-55: the table stays whole under any sequence of calls")
    func randomCalls() {
        var generator = SystemRandomNumberGenerator()
        var table = ExpiringTable<SessionData>(maxCount: 50, maxBytes: 1_000_000, now: { 0 })
        var model: [String: Int64] = [:]
        for step in 0..<20_000 {
            let id = "\(Int.random(in: 0..<40, using: &generator))"
            switch Int.random(in: 0..<3, using: &generator) {
            case 0:
                model[id] = Int64(step + 1_000_000)
                table.set(id, data(expires: Int64(step + 1_000_000)))
            case 1:
                model[id] = nil
                table.remove(id)
            default: #expect(table.find(id)?.expires == model[id])
            }
            #expect(table.count == model.count)
        }
    }

    @Test("X-55: a change keeps the other values and never ends a session earlier")
    func update() {
        let store = MemorySessionStore(now: { 0 })
        store.save("a", SessionData(values: ["x": "1", "y": "2"], expires: 100))
        #expect(store.update("a", SessionChanges(values: ["x": nil, "z": "3"], expires: 50)))
        #expect(store.load("a") == SessionData(values: ["y": "2", "z": "3"], expires: 100))
        #expect(!store.update("b", SessionChanges(values: ["x": "1"], expires: 50)))
        #expect(store.load("b") == nil)
        store.delete("a")
        #expect(!store.update("a", SessionChanges(values: ["x": "1"], expires: 500)))
    }

    @Test("X-55: keys are random")
    func tokens() {
        let tokens = Set((0..<10_000).map { _ in SessionToken().text })
        #expect(tokens.count == 10_000)
        for text in tokens.prefix(100) { #expect(SessionToken(text)?.text == text) }
        #expect(SessionToken("") == nil)
    }
}
