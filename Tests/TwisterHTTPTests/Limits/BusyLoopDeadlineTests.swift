import Glibc
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// Fault 10: a client that sent what was due in time is not cut off because the loop was busy meanwhile.
@Suite(
    "Deadlines while the loop is blocked", .serialized,
    .disabled(if: TestClient.speaksHTTP2, "one request after the other"),
    .disabled(if: TestFilter.current == .delay, "what the filter delays is heard after the deadline"))
struct BusyLoopDeadlineTests {
    /// Responds to `/block?N` after it has blocked the loop's thread for N milliseconds, as no handler should.
    private static let blocking = Responding { request in
        if request.path == "/block" { usleep((UInt32(request.query) ?? 0) * 1_000) }
        request.connection.write(request.body)
    }

    private static let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Blocks the loop, and lets `inTime` send while it is blocked.
    private static func block(_ port: UInt16, for milliseconds: Int, _ inTime: () throws -> Void) async throws {
        let blocker = try TestClient(port: port, timeout: 60)
        try blocker.send("GET /block?\(milliseconds) HTTP/1.1\r\nHost: a\r\n\r\n")
        try await Task.sleep(for: .milliseconds(100))
        try inTime()
        #expect(try blocker.receiveResponse().status == 200)
    }

    @Test("fault 10: a request that was sent within the idle time is served", arguments: testedBackends)
    func idle(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.idleTimeout = .milliseconds(800) }) { port in
            let inTime = try TestClient(port: port)
            let late = try TestClient(port: port)
            for client in [inTime, late] { #expect(try client.ask(Self.get).status == 200) }
            try await Self.block(port, for: 1_600) { try inTime.send(Self.get) }
            #expect(try inTime.receiveResponse().status == 200)
            #expect(try late.isClosed())
            #expect(try inTime.isClosed(), "it is idle again")
        }
    }

    @Test("fault 10: a head that was completed in time is served, one that was not is 408", arguments: testedBackends)
    func head(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.headerTimeout = .milliseconds(600) }) { port in
            let inTime = try TestClient(port: port)
            let late = try TestClient(port: port)
            for client in [inTime, late] {
                #expect(try client.ask(Self.get).status == 200)
                try client.send("GET /a HTTP/1.1\r\nHo")
            }
            try await Task.sleep(for: .milliseconds(50))
            try await Self.block(port, for: 1_200) { try inTime.send("st: a\r\n\r\n") }
            #expect(try inTime.receiveResponse().status == 200)
            #expect(try late.receiveResponse().status == 408)
            #expect(try late.isClosed())
            #expect(try inTime.ask(Self.get).status == 200)
        }
    }

    @Test("fault 10: a body that was completed in time is served, one that was not is 408", arguments: testedBackends)
    func body(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.bodyStallTimeout = .milliseconds(600) }) { port in
            let inTime = try TestClient(port: port)
            let late = try TestClient(port: port)
            for client in [inTime, late] {
                try client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n012")
            }
            try await Task.sleep(for: .milliseconds(50))
            try await Self.block(port, for: 1_200) { try inTime.send("3456789") }
            let response = try inTime.receiveResponse()
            #expect(response.status == 200 && response.text == "0123456789")
            #expect(try late.receiveResponse().status == 408)
            #expect(try late.isClosed())
        }
    }

    @Test("fault 10: a process that was stopped cuts nobody off that had sent everything", arguments: testedBackends)
    func manyBodies(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.bodyStallTimeout = .milliseconds(800) }) { port in
            let clients = try (0..<20).map { _ in try TestClient(port: port) }
            for client in clients {
                try client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n012")
            }
            try await Task.sleep(for: .milliseconds(50))
            let rest = [UInt8](repeating: 120, count: 99_997)
            try await Self.block(port, for: 1_600) { for client in clients { try client.send(rest) } }
            for client in clients { #expect(try client.receiveResponse().body.count == 100_000) }
        }
    }

    @Test("fault 10: of more connections than one batch of events has, none is cut off", arguments: testedBackends)
    func manyConnections(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.idleTimeout = .seconds(4) }) { port in
            let clients = try (0..<600).map { _ in try TestClient(port: port, timeout: 30) }
            let late = try (0..<10).map { _ in try TestClient(port: port, timeout: 30) }
            for client in clients + late { try client.send(Self.get) }
            for client in clients + late { #expect(try client.receiveResponse().status == 200) }
            try await Self.block(port, for: 5_000) { for client in clients { try client.send(Self.get) } }
            for client in clients { #expect(try client.receiveResponse().status == 200) }
            for client in late { #expect(try client.isClosed()) }
        }
    }
}
