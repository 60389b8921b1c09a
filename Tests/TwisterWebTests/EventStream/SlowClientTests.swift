import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// Event streams over real connections and several loops: slow clients, shutdown.
@Suite("N-34: slow clients and shutdown", .serialized)
struct SlowClientTests {
    /// More than the kernel's buffers and the server's take.
    private static let eventCount = 400
    private static let text = String(repeating: "x", count: 50_000)

    private func withStream<Result>(
        _ backend: IOBackend, _ broadcaster: EventBroadcaster<String>, loops: Int = 1,
        _ body: (HTTPServerGroup, UInt16) async throws -> Result
    ) async throws -> Result {
        let application = try Application([URLSpec(.get, "/") { _ in EventStream(from: broadcaster, heartbeat: nil) }])
        return try await withServers(backend, application, loops: loops) { servers in
            try await body(servers, servers.port ?? 0)
        }
    }

    /// A client that has asked for the stream, and reads nothing of it.
    private func slowClient(_ port: UInt16, _ broadcaster: EventBroadcaster<String>) async throws -> TestClient {
        let before = broadcaster.subscribers
        let client = try TestClient(port: port, receiveBuffer: 4096)
        try client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        try await eventually("a subscriber") { broadcaster.subscribers == before + 1 }
        return client
    }

    @Test("N-34: dropOldest: a slow client loses the oldest events, and the others none", arguments: testedBackends)
    func dropOldest(backend: IOBackend) async throws {
        let broadcaster = EventBroadcaster<String>(replay: 0, buffer: 5)
        try await withStream(backend, broadcaster, loops: 2) { _, port in
            let slow = try await slowClient(port, broadcaster)
            for number in 1...Self.eventCount {
                try broadcaster.publish("\(number) \(Self.text)")
                // Lets the loop take a few, so that the client's buffers are full.
                if number % 4 == 0 { await Task.yield() }
            }
            broadcaster.finish()
            let events = EventParser(try slow.receiveAll()).events
            #expect(events.last?.data.hasPrefix("\(Self.eventCount) ") == true)
            #expect(events.allSatisfy { $0.data.hasSuffix(Self.text) })
            #expect(events.count < Self.eventCount)
            #expect(events.count + broadcaster.dropped == Self.eventCount)
            #expect(broadcaster.disconnected == 0)
        }
    }

    @Test("N-34: conflate: a slow client gets the last value of each key", arguments: testedBackends)
    func conflate(backend: IOBackend) async throws {
        let broadcaster = EventBroadcaster<String>(slowClients: .conflate(by: { String($0.prefix(1)) }))
        try await withStream(backend, broadcaster, loops: 2) { _, port in
            let slow = try await slowClient(port, broadcaster)
            try broadcaster.publish("z 0")
            for number in 1...Self.eventCount {
                try broadcaster.publish("\(["a", "b"][number % 2]) \(number) \(Self.text)")
            }
            broadcaster.finish()
            let events = EventParser(try slow.receiveAll()).events
            #expect(events.contains { $0.data == "z 0" })
            for key in ["a", "b"] {
                let last = events.last { $0.data.hasPrefix(key) }
                #expect(last?.data.hasPrefix("\(key) \(key == "a" ? Self.eventCount : Self.eventCount - 1) ") == true)
            }
            #expect(events.count + broadcaster.dropped == Self.eventCount + 1)
        }
    }

    @Test(
        "N-34: disconnect: a slow client loses its connection at once, and the others get all",
        arguments: testedBackends)
    func disconnect(backend: IOBackend) async throws {
        let broadcaster = EventBroadcaster<String>(replay: 0, buffer: 20, slowClients: .disconnect)
        try await withStream(backend, broadcaster, loops: 2) { _, port in
            let slow = try await slowClient(port, broadcaster)
            for number in 1...Self.eventCount where broadcaster.subscribers > 0 {
                try broadcaster.publish("\(number) \(Self.text)")
            }
            try await eventually("the slow client's stream ends") { broadcaster.subscribers == 0 }
            #expect(broadcaster.disconnected == 1)
            // What it reads then ends within an event.
            #expect(EventParser(try slow.receiveAll()).events.count < Self.eventCount)
            let quick = try await slowClient(port, broadcaster)
            try broadcaster.publish("hello")
            broadcaster.finish()
            #expect(EventParser(try quick.receiveAll()).events.map(\.data) == ["hello"])
            #expect(broadcaster.disconnected == 1)
        }
    }

    @Test("N-34: 1,000 connections on two loops get each event", arguments: testedBackends)
    func connections(backend: IOBackend) async throws {
        let broadcaster = EventBroadcaster<String>()
        try await withStream(backend, broadcaster, loops: 2) { _, port in
            let clients = try (0..<1_000).map { _ in try TestClient(port: port) }
            for client in clients { try client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n") }
            try await eventually("all subscribe") { broadcaster.subscribers == 1_000 }
            for number in 1...10 { try broadcaster.publish("\(number)") }
            broadcaster.finish()
            var complete = 0
            for client in clients {
                let events = EventParser(try client.receiveAll()).events
                if events.map(\.data) == (1...10).map({ "\($0)" }) { complete += 1 }
            }
            #expect(complete == 1_000)
            #expect(broadcaster.dropped == 0)
        }
    }

    @Test("N-34: shutdown ends streams as whole responses, without waiting for the deadline", arguments: testedBackends)
    func shutdown(backend: IOBackend) async throws {
        let broadcaster = EventBroadcaster<String>()
        try await withStream(backend, broadcaster) { servers, port in
            let client = try TestClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("a subscriber") { broadcaster.subscribers == 1 }
            try broadcaster.publish("a")
            let start = ContinuousClock.now
            let result = await servers.shutdown(deadline: .seconds(60), grace: .zero)
            #expect(ContinuousClock.now - start < .seconds(30))
            #expect(result.cut.isEmpty && result.forced == 0)
            // The last chunk says that the response is whole.
            let response = try client.receiveResponse()
            #expect(EventParser(response.body).events.map(\.data) == ["a"])
            #expect(try client.isClosed())
            #expect(broadcaster.subscribers == 0)
        }
    }
}
