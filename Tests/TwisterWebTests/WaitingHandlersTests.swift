import Glibc
import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// The supermarket of the seed: a handler that waits does not hold up others.
@Suite("Handlers that wait", .serialized)
struct WaitingHandlersTests {
    @Test("S-6: while a thousand handlers wait, /ping is responded to at once", arguments: testedBackends)
    func pings(backend: IOBackend) async throws {
        let opening = AsyncEvent()
        let waiting = Trace()
        let application = try Application([
            URLSpec(.get, "/wait") { handler in
                waiting.note("waits")
                try await opening.wait()
                handler.write("opened")
            },
            URLSpec(.get, "/ping") { $0.write("pong") },
        ])
        try await withServer(backend, application) { port in
            let crowd = try (0..<1_000).map { _ in try TestClient(port: port, timeout: 30) }
            for client in crowd { try client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n") }
            for _ in 0..<10_000 where waiting.all.count < crowd.count { try await Task.sleep(for: .milliseconds(2)) }
            #expect(waiting.all.count == crowd.count)

            let client = try TestClient(port: port)
            let clock = ContinuousClock()
            var times: [Duration] = []
            // Where the machine is busy with others, the best of some rounds counts.
            for round in 0..<10 where round == 0 || times[297] >= .milliseconds(100) {
                times = []
                for _ in 0..<300 {
                    var response = ""
                    times.append(try clock.measure { response = try client.get("/ping").text })
                    #expect(response == "pong")
                }
                times.sort()
            }
            print("S-6 on \(backend): /ping beside 1,000 waiting: median \(times[150]), p99 \(times[297])")
            // The goal is 5 ms on an idle machine.
            #expect(times[297] < .milliseconds(100))

            opening.set()
            for client in crowd { #expect(try client.receiveResponse().text == "opened") }
        }
    }

    @Test("S-8: a handler calls another HTTP service on its own loop, without blocking it", arguments: testedBackends)
    func upstream(backend: IOBackend) async throws {
        let slow = try Application([
            URLSpec(.get, "/([0-9]+)") { handler in
                try await handler.sleep(for: .milliseconds(300))
                handler.write("response \(handler.pathArguments[0] ?? "")")
            }
        ])
        try await withServer(backend, slow) { upstream in
            let application = try Application([
                URLSpec(.get, "/([0-9]+)") { handler in
                    let loop = handler.loop
                    let stream = try await TCPClient(loop).connect(host: "127.0.0.1", port: upstream)
                    defer { stream.close() }
                    let number = handler.pathArguments[0] ?? ""
                    try await stream.write("GET /\(number) HTTP/1.1\r\nHost: up\r\nConnection: close\r\n\r\n")
                    _ = try await stream.readUntil("\r\n\r\n")
                    let body = try await stream.readUntilClose()
                    handler.write(loop.isCurrentThread ? body : Array("away from the loop".utf8))
                }
            ])
            try await withServer(backend, application) { port in
                let clients = try (0..<100).map { _ in try TestClient(port: port) }
                let start = ContinuousClock.now
                for (number, client) in clients.enumerated() {
                    try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                }
                for (number, client) in clients.enumerated() {
                    #expect(try client.receiveResponse().text == "response \(number)")
                }
                let duration = start.duration(to: .now)
                #expect(duration >= .milliseconds(300))
                // One after the other they would take thirty seconds.
                #expect(duration < .seconds(15))
            }
        }
    }

    @Test("S-1, S-30: a server takes a function, a delegate or an application", arguments: testedBackends)
    func takers(backend: IOBackend) async throws {
        let application = try Application([URLSpec(.get, "/") { $0.write("application") }])
        let loops = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
        let keeper = Keeper()
        let ports = try await loops.map { _, loop in
            let servers = [
                HTTPServer(loop, configuration: .tested) { request in
                    try request.connection.setHead(.ok, [:])
                    request.connection.write("function for \(request.path)")
                },
                HTTPServer(loop, delegate: OwnDelegate(), configuration: .tested),
                HTTPServer(loop, delegate: application, configuration: .tested),
            ]
            for server in servers { try server.listen(port: 0, address: "127.0.0.1") }
            keeper.servers = servers
            return servers.map { $0.port ?? 0 }
        }[0]
        for (port, text) in zip(ports, ["function for /", "delegate", "application"]) {
            #expect(try TestClient(port: port).get("/").text == text)
        }
        _ = try await loops.map { _, _ in
            for server in keeper.servers { server.stop() }
            keeper.servers = []
        }
        await loops.stop()
    }

    /// Holds servers on their loop's thread.
    private final class Keeper: @unchecked Sendable {
        var servers: [HTTPServer] = []
    }

    private final class OwnDelegate: HTTPServerConnectionDelegate {
        func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request) }

        private final class Message: HTTPMessageDelegate {
            private let request: HTTPServerRequest
            init(_ request: HTTPServerRequest) { self.request = request }
            func execute() async throws { request.connection.write("delegate") }
            func executionFailed(_ error: any Error) async { request.connection.respondToFailure(500) }
        }
    }
}
