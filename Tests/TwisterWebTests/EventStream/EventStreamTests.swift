import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTesting

@testable import TwisterWeb

@Suite("N-34: event streams")
struct EventStreamTests {
    private struct Tick: Encodable, Sendable {
        let number: Int
    }

    /// Uses a stream in a handler class.
    private final class Ticks: RequestHandler {
        override func get() async throws {
            try await EventStream { events in try await events.send(events.since ?? "none") }.respond(self)
        }
    }

    private func events(_ response: TestStreamedResponse, _ count: Int) async throws -> EventParser {
        var parser = EventParser()
        var lines = response.lines.makeAsyncIterator()
        while parser.events.count < count, let line = try await lines.next() { parser.take(line) }
        return parser
    }

    @Test("N-34, RH-28: events of text and JSON, and the fields of the head", arguments: Setting.all)
    func send(setting: Setting) async throws {
        let application = try Application([
            URLSpec(.get, "/ticks") { _ in
                EventStream { events in
                    try await events.send("one\ntwo", id: 1)
                    try await events.send(Tick(number: 2), id: "b", event: "tick", retry: .seconds(3))
                    try await events.comment("a comment")
                    try await events.send(ServerSentEvent("three"))
                }
            },
            URLSpec("/class", Ticks.self),
        ])
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            let response = try await client.get("/ticks")
            #expect(response.status == .ok)
            #expect(response.headers[.contentType] == "text/event-stream")
            #expect(response.headers[.cacheControl] == "no-cache")
            let parsed = EventParser(response.body)
            #expect(
                parsed.events == [
                    .init(data: "one\ntwo", id: "1"), .init(name: "tick", data: #"{"number":2}"#, id: "b"),
                    .init(data: "three", id: "b"),
                ])
            #expect(parsed.retry == 3000 && parsed.comments == ["a comment"])
            let last = try await client.get("/class", headers: [HTTPField.Name("Last-Event-ID")!: "x-7"])
            #expect(EventParser(last.body).events.map(\.data) == ["x-7"])
            #expect(EventParser(try await client.get("/class").body).events.map(\.data) == ["none"])
            let head = try await client.head("/ticks")
            #expect(head.headers[.contentType] == "text/event-stream" && head.body.isEmpty)
        }
    }

    @Test("N-34: the head comes before the first event, and an event as soon as it is sent", arguments: Setting.all)
    func immediacy(setting: Setting) async throws {
        let gate = AsyncEvent()
        let application = try Application([
            URLSpec(.get, "/") { _ in
                EventStream(heartbeat: nil) { events in
                    try await gate.wait()
                    try await events.send("first")
                    gate.clear()
                    try await gate.wait()
                }
            }
        ])
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            let response = try await client.stream(.get, "/")
            gate.set()
            #expect(try await events(response, 1).events.map(\.data) == ["first"])
            gate.set()
        }
    }

    @Test("N-34: a comment is sent after each heartbeat without an event", arguments: Setting.all)
    func heartbeat(setting: Setting) async throws {
        let source = AsyncQueue<String>()
        let application = try Application([
            URLSpec(.get, "/") { _ in
                EventStream(heartbeat: .seconds(15)) { events in
                    while true { try await events.send(try await source.get()) }
                }
            }
        ])
        try await application.test(setting.depth, configuration: setting.configuration(.virtual)) {
            client async throws in
            let response = try await client.stream(.get, "/")
            var lines = response.lines.makeAsyncIterator()
            try await client.advance(by: .seconds(14))
            try source.putNowait("a")
            #expect(try await lines.next() == "data: a")
            #expect(try await lines.next()?.isEmpty == true)
            // 28.9 s after the start, but not yet 15 s after the event.
            try await client.advance(by: .milliseconds(14_900))
            try source.putNowait("b")
            #expect(try await lines.next() == "data: b")
            #expect(try await lines.next()?.isEmpty == true)
            for _ in 1...2 {
                try await client.advance(by: .seconds(15))
                #expect(try await lines.next() == ":")
                #expect(try await lines.next()?.isEmpty == true)
            }
            response.cancel()
        }
    }

    @Test("N-34: the closure is cancelled when the client disconnects", arguments: Setting.all)
    func disconnect(setting: Setting) async throws {
        let trace = Trace()
        let application = try Application([
            URLSpec(.get, "/") { _ in
                EventStream { events in
                    try await events.send("a")
                    trace.note("waits")
                    do { try await AsyncEvent().wait() } catch {
                        trace.note("\(type(of: error))")
                        throw error
                    }
                }
            }
        ])
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            let response = try await client.stream(.get, "/")
            #expect(try await events(response, 1).events.count == 1)
            // The client may have its event before `send` has returned, which would throw that the stream is closed.
            let deadline = ContinuousClock.now + .seconds(10)
            while trace.all.isEmpty, ContinuousClock.now < deadline { await Task.yield() }
            response.cancel()
            while trace.all.count < 2, ContinuousClock.now < deadline { await Task.yield() }
            #expect(trace.all == ["waits", "CancellationError"])
        }
    }

    @Test(
        "N-34: an identifier that would break the framing cuts the stream, and is never sent", arguments: Setting.each)
    func badID(setting: Setting) async throws {
        let application = try Application([
            URLSpec(.get, "/") { _ in EventStream { events in try await events.send("a", id: "1\ndata: forged") } }
        ])
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            let response = try await client.stream(.get, "/")
            var text = ""
            do { for try await piece in response { text += String(decoding: piece, as: UTF8.self) } } catch {
                text += "(cut)"
            }
            #expect(text == "(cut)")
        }
    }

    @Test("N-34: an event stream through compression arrives event by event", arguments: Setting.each)
    func compressed(setting: Setting) async throws {
        let gate = AsyncEvent()
        let application = try Application(
            [
                URLSpec(.get, "/") { _ in
                    EventStream(heartbeat: nil) { events in
                        try await events.send("first")
                        try await gate.wait()
                    }
                }
            ], middleware: [Compression()])
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            let response = try await client.stream(.get, "/", headers: [.acceptEncoding: "gzip"])
            var pieces = response.makeAsyncIterator()
            // The event is out although the stream goes on.
            #expect(try await pieces.next() != nil)
            gate.set()
            while try await pieces.next() != nil {}
        }
    }
}
