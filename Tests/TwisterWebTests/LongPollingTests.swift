import Glibc
import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

@Suite("Long polling", .serialized)
struct LongPollingTests {
    /// An application whose clients wait for a number that is greater than theirs.
    private struct Numbers {
        let number = AsyncMonitor(0)
        let notes = Notes()

        func application() throws -> Application {
            let (number, notes) = (number, notes)
            return try Application([
                URLSpec(.get, "/after/([0-9]+)") { (handler, last: Int) in
                    notes.note("begins")
                    let timeout = try handler.getArgument("timeout", as: Int.self, default: 60_000)
                    do {
                        let news = try await handler.longPoll(number, timeout: .milliseconds(timeout), default: -1) {
                            $0 > last ? $0 : nil
                        }
                        return "\(news)"
                    } catch {
                        notes.note("\(type(of: error))")
                        throw error
                    }
                },
                // Two waits of one handler.
                URLSpec(.get, "/both") { handler in
                    notes.note("begins")
                    let (one, two) = try await handler.together(
                        { try await handler.longPoll(number, default: -1) { $0 > 5 ? $0 : nil } },
                        { try await handler.longPoll(number, default: -2) { $0 > 6 ? $0 : nil } })
                    return "\(one) \(two)"
                },
            ])
        }
    }

    @Test("what is there is returned at once, what comes when it comes", arguments: testedBackends)
    func news(backend: IOBackend) async throws {
        let numbers = Numbers()
        try await withServer(backend, try numbers.application()) { port in
            numbers.number.update { $0 = 3 }
            let client = try TestClient(port: port)
            #expect(try client.get("/after/2").text == "3")
            try client.send("GET /after/3 HTTP/1.1\r\nHost: a\r\n\r\n")
            try await numbers.notes.wait(for: 2)
            numbers.number.update { $0 = 4 }
            #expect(try client.receiveResponse().text == "4")
            #expect(try client.get("/after/4?timeout=20").text == "-1")
            // The connection and the state are as they were.
            #expect(try client.get("/after/3").text == "4")
        }
    }

    @Test("a shutdown ends the waits, each with its default", arguments: testedBackends)
    func shutdown(backend: IOBackend) async throws {
        let numbers = Numbers()
        let group = try await HTTPServerGroup(
            delegate: try numbers.application(), addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let clients = try (0..<3).map { _ in try TestClient(port: group.port ?? 0) }
        try clients[0].send("GET /after/0 HTTP/1.1\r\nHost: a\r\n\r\n")
        try clients[1].send("GET /after/9 HTTP/1.1\r\nHost: a\r\n\r\n")
        try clients[2].send("GET /both HTTP/1.1\r\nHost: a\r\n\r\n")
        try await numbers.notes.wait(for: 3)
        let start = ContinuousClock.now
        let ends = await group.shutdown(deadline: .seconds(30))
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(ends.forced == 0 && ends.cut.isEmpty)
        #expect(try clients[0].receiveResponse().text == "-1")
        #expect(try clients[1].receiveResponse().text == "-1")
        #expect(try clients[2].receiveResponse().text == "-1 -2")
    }

    @Test("a client that disconnects ends the wait by cancelling it", arguments: testedBackends)
    func disconnects(backend: IOBackend) async throws {
        let numbers = Numbers()
        try await withServer(backend, try numbers.application()) { port in
            var client: TestClient? = try TestClient(port: port)
            try client?.send("GET /after/0 HTTP/1.1\r\nHost: a\r\n\r\n")
            try await numbers.notes.wait(for: 1)
            client?.reset()
            client = nil
            try await numbers.notes.wait(for: 2)
            #expect(numbers.notes.all == ["begins", "CancellationError"])
        }
    }
}
