import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTesting

@testable import TwisterWeb

@Suite("N-34: one source of events for many streams")
struct EventBroadcasterTests {
    private func application<Value>(_ broadcaster: EventBroadcaster<Value>) throws -> Application {
        try Application([URLSpec(.get, "/") { _ in EventStream(from: broadcaster, heartbeat: nil) }])
    }

    private func events(_ response: TestStreamedResponse, _ count: Int) async throws -> [EventParser.Event] {
        var parser = EventParser()
        var lines = response.lines.makeAsyncIterator()
        while parser.events.count < count, let line = try await lines.next() { parser.take(line) }
        return parser.events
    }

    private func waitForSubscribers<Value>(_ broadcaster: EventBroadcaster<Value>, _ count: Int) async {
        while broadcaster.subscribers != count { await Task.yield() }
    }

    private func reconnect(_ client: TestClient, _ id: String) async throws -> [EventParser.Event] {
        let response = try await client.get("/", headers: HTTPFields("Last-Event-ID", id))
        return EventParser(response.body).events
    }

    @Test("N-34: 1,000 subscribers get every event, in order, and are counted", arguments: [IOBackend.ioUring, .epoll])
    func thousand(backend: IOBackend) async throws {
        let broadcaster = EventBroadcaster<String>()
        let setting = Setting(depth: .handler, backend: backend)
        try await application(broadcaster).test(.handler, configuration: setting.configuration()) {
            client async throws in
            var responses: [TestStreamedResponse] = []
            for _ in 0..<1_000 { responses.append(try await client.stream(.get, "/")) }
            await waitForSubscribers(broadcaster, 1_000)
            for number in 1...20 { try broadcaster.publish("\(number)") }
            for response in responses {
                #expect(try await events(response, 20).map(\.data) == (1...20).map { "\($0)" })
            }
            for response in responses[..<500] { response.cancel() }
            await waitForSubscribers(broadcaster, 500)
            broadcaster.finish()
            for response in responses[500...] { for try await _ in response {} }
            await waitForSubscribers(broadcaster, 0)
            #expect(broadcaster.dropped == 0 && broadcaster.disconnected == 0)
        }
    }

    @Test("N-34: a client that connects again gets what it has missed, and nothing twice", arguments: Setting.all)
    func replay(setting: Setting) async throws {
        let broadcaster = EventBroadcaster<Int>(replay: 4)
        try await application(broadcaster).test(setting.depth, configuration: setting.configuration()) {
            client async throws in
            let response = try await client.stream(.get, "/")
            await waitForSubscribers(broadcaster, 1)
            for number in 1...10 { try broadcaster.publish(number) }
            let first = try await events(response, 10)
            #expect(first.map(\.data) == (1...10).map { "\($0)" })
            response.cancel()
            await waitForSubscribers(broadcaster, 0)
            broadcaster.finish()
            let ids = first.map { $0.id ?? "" }
            #expect(Set(ids).count == 10)
            #expect(try await reconnect(client, ids[7]).map(\.data) == ["9", "10"])
            #expect(try await reconnect(client, ids[9]).isEmpty)
            // Older than the ring: what is left of it.
            #expect(try await reconnect(client, ids[1]).map(\.data) == ["7", "8", "9", "10"])
            // Of another process, or made up.
            let epoch = ids[0].prefix { $0 != "-" }
            for id in ["zzzzzz-3", "\(epoch)-", "\(epoch)--5", "\(epoch)-11", "\(epoch)-99999999999999999999", "é"] {
                #expect(try await reconnect(client, id).map(\.data) == ["7", "8", "9", "10"])
            }
            // Without an identifier: only what comes.
            #expect(EventParser(try await client.get("/").body).events.isEmpty)
        }
    }

    @Test("N-34: a client that has missed more than the ring holds is told", arguments: Setting.each)
    func missed(setting: Setting) async throws {
        let broadcaster = try EventBroadcaster<Int>(
            replay: 1, missed: ServerSentEvent("", event: "reset")
        ) { ServerSentEvent("\($0)", event: "n") }
        for number in 1...3 { try broadcaster.publish(number) }
        broadcaster.finish()
        try broadcaster.publish(4)
        try await application(broadcaster).test(setting.depth, configuration: setting.configuration()) {
            client async throws in
            #expect(try await reconnect(client, "old-1").map(\.name) == ["reset", "n"])
            #expect(EventParser(try await client.get("/").body).events.isEmpty)
        }
        #expect(throws: EventStreamError.invalidName("\n")) {
            try EventBroadcaster<Int>(missed: ServerSentEvent("", event: "\n")) { _ in ServerSentEvent("") }
        }
    }

    @Test("N-34: conflated events: a client that connects again gets the last of each key", arguments: Setting.each)
    func conflated(setting: Setting) async throws {
        let broadcaster = EventBroadcaster<String>(slowClients: .conflate(by: { String($0.prefix(1)) }))
        for number in 1...1_000 { try broadcaster.publish("a\(number)") }
        try broadcaster.publish("b1")
        broadcaster.finish()
        try await application(broadcaster).test(setting.depth, configuration: setting.configuration()) {
            client async throws in
            #expect(try await reconnect(client, "old-1").map(\.data) == ["a1000", "b1"])
        }
        #expect(broadcaster.dropped == 999)
    }

    @Test("N-34: values that cannot be sent are an error of the publisher, and reach nobody")
    func unsendable() throws {
        let broadcaster = EventBroadcaster<Double>()
        #expect(throws: EncodingError.self) { try broadcaster.publish(.nan) }
        let named = try EventBroadcaster<String> { ServerSentEvent("x", event: $0) }
        #expect(throws: EventStreamError.invalidName("a\n")) { try named.publish("a\n") }
    }

    @Test("N-34: many threads publish while subscribers come and go", arguments: Setting.each)
    func threads(setting: Setting) async throws {
        let broadcaster = EventBroadcaster<Int>(replay: 10_000, buffer: 10_000)
        try await application(broadcaster).test(setting.depth, configuration: setting.configuration()) {
            client async throws in
            let patient = try await client.stream(.get, "/")
            await waitForSubscribers(broadcaster, 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { for number in 1...500 { try broadcaster.publish(number) } } }
                group.addTask {
                    for _ in 0..<10 {
                        let response = try await client.stream(.get, "/")
                        response.cancel()
                    }
                }
                try await group.waitForAll()
            }
            let all = try await events(patient, 2_000)
            // None is lost or doubled, whatever the order of the publishers is.
            let sum = all.map { Int($0.data) ?? 0 }.reduce(0, +)
            #expect(sum == 501_000)
            let numbers = all.map { Int(($0.id ?? "").drop { $0 != "-" }.dropFirst()) ?? -1 }
            #expect(numbers == Array(1...2_000))
        }
    }
}
