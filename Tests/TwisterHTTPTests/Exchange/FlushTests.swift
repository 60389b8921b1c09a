import Testing
import TwisterTestSupport

@testable import TwisterHTTP
@testable import TwisterIO

/// Fault 8: `flush` says that the client has disconnected as soon as the stream is closed.
@Suite(
    "flush", .serialized, .disabled(if: TestClient.speaksHTTP2, "the tests look into connections of HTTP/1.1"))
struct FlushTests {
    @Test(
        "fault 8: a handler that writes to a stream that has just closed learns of it, and does not go on for ever",
        arguments: testedBackends)
    func closedStream(_ backend: IOBackend) async throws {
        let server = LoopHeld<HTTPServer?>(nil)
        let outcome = Notes()
        let responding = Responding { request in
            // As the stream does where a send fails; the connection hears of that only with the next batch of events.
            for case let connection as HTTP1ServerConnection in server.value?.context.connections.all ?? [] {
                connection.stream.close(.failed(IOError(errno: 104, "send")))
            }
            #expect(!request.connection.isClientDisconnected)
            do {
                for _ in 0..<1_000 {
                    request.connection.write("some")
                    try await request.connection.flush()
                }
                outcome.note("no error")
            } catch {
                outcome.note("\(type(of: error)) \(request.connection.isClientDisconnected)")
            }
        }
        try await withServers(backend, responding) { group in
            server.value = group.servers.first?.value
            let client = try TestClient(port: group.port ?? 0)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try await outcome.wait(for: 1)
            #expect(outcome.all == ["StreamClosedError true"])
            #expect(try client.isClosed())
            server.value = nil
        }
    }

    @Test("fault 8: a client that leaves while its handler waits in flush has disconnected", arguments: testedBackends)
    func leavesDuringFlush(_ backend: IOBackend) async throws {
        for isReset in [true, false] {
            let outcome = Notes()
            let responding = Responding { request in
                do {
                    while true {
                        request.connection.write([UInt8](repeating: 120, count: 300_000))
                        try await request.connection.flush()
                    }
                } catch {
                    outcome.note("disconnected: \(request.connection.isClientDisconnected)")
                    throw error
                }
            }
            try await withServers(backend, responding) { group in
                let server = try #require(group.servers.first)
                var client: TestClient? = try TestClient(port: group.port ?? 0)
                try client?.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                try await eventually("the handler waits") {
                    try await server.value.loop.perform {
                        server.value.context.connections.all.contains {
                            ($0 as? HTTP1ServerConnection)?.stream.isOutputAwaited == true
                        }
                    }
                }
                if isReset { client?.reset() }
                client = nil
                try await outcome.wait(for: 1)
            }
            #expect(outcome.all == ["disconnected: true"], "reset: \(isReset)")
        }
    }
}
