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

    private static func serve(_ clients: [TestClient]) throws {
        for client in clients {
            guard try client.ask(get).status == 200 else { throw TestFailure("not served") }
        }
    }

    /// Has `connect` connect clients, which have `limit` for what they then send, blocks the loop, and lets `inTime` send
    /// while it is blocked. All that again, where the machine was too busy to send in time.
    private static func block<Clients>(
        _ port: UInt16, for milliseconds: Int, limit: Duration, _ connect: () throws -> Clients,
        _ inTime: (Clients) throws -> Void
    ) async throws -> Clients {
        for _ in 0..<20 {
            let start = ContinuousClock.now
            let blocker = try TestClient(port: port, timeout: 60)
            var result: Result<Clients, any Error>
            do {
                let clients = try connect()
                try blocker.send("GET /block?\(milliseconds) HTTP/1.1\r\nHost: a\r\n\r\n")
                try await Task.sleep(for: .milliseconds(100))
                result = Result { try inTime(clients) }.map { clients }
            } catch { result = .failure(error) }
            let isInTime = ContinuousClock.now - start < limit
            // A client that was late may have kept the blocker from its request.
            if isInTime || (try? result.get()) != nil { #expect(try blocker.receiveResponse().status == 200) }
            if isInTime { return try result.get() }
        }
        throw TestFailure("the machine is too busy")
    }

    @Test("fault 10: a request that was sent within the idle time is served", arguments: testedBackends)
    func idle(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.idleTimeout = .milliseconds(800) }) { port in
            let (inTime, late) = try await Self.block(port, for: 1_600, limit: .milliseconds(800)) {
                let (inTime, late) = (try TestClient(port: port), try TestClient(port: port))
                try Self.serve([inTime, late])
                return (inTime, late)
            } _: {
                try $0.0.send(Self.get)
            }
            #expect(try inTime.receiveResponse().status == 200)
            #expect(try late.isClosed())
            #expect(try inTime.isClosed(), "it is idle again")
        }
    }

    @Test("fault 10: a head that was completed in time is served, one that was not is 408", arguments: testedBackends)
    func head(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.headerTimeout = .milliseconds(600) }) { port in
            let (inTime, late) = try await Self.block(port, for: 1_200, limit: .milliseconds(600)) {
                let (inTime, late) = (try TestClient(port: port), try TestClient(port: port))
                try Self.serve([inTime, late])
                for client in [inTime, late] { try client.send("GET /a HTTP/1.1\r\nHo") }
                usleep(50_000)
                return (inTime, late)
            } _: {
                try $0.0.send("st: a\r\n\r\n")
            }
            #expect(try inTime.receiveResponse().status == 200)
            #expect(try late.receiveResponse().status == 408)
            #expect(try late.isClosed())
            #expect(try inTime.ask(Self.get).status == 200)
        }
    }

    @Test("fault 10: a body that was completed in time is served, one that was not is 408", arguments: testedBackends)
    func body(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.bodyStallTimeout = .milliseconds(600) }) { port in
            let (inTime, late) = try await Self.block(port, for: 1_200, limit: .milliseconds(600)) {
                let (inTime, late) = (try TestClient(port: port), try TestClient(port: port))
                for client in [inTime, late] {
                    try client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n012")
                }
                usleep(50_000)
                return (inTime, late)
            } _: {
                try $0.0.send("3456789")
            }
            let response = try inTime.receiveResponse()
            #expect(response.status == 200 && response.text == "0123456789")
            #expect(try late.receiveResponse().status == 408)
            #expect(try late.isClosed())
        }
    }

    @Test("fault 10: a process that was stopped cuts nobody off that had sent everything", arguments: testedBackends)
    func manyBodies(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.bodyStallTimeout = .milliseconds(800) }) { port in
            let rest = [UInt8](repeating: 120, count: 99_997)
            let clients = try await Self.block(port, for: 1_600, limit: .milliseconds(800)) {
                let clients = try (0..<20).map { _ in try TestClient(port: port) }
                for client in clients {
                    try client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n012")
                }
                usleep(50_000)
                return clients
            } _: {
                for client in $0 { try client.send(rest) }
            }
            for client in clients { #expect(try client.receiveResponse().body.count == 100_000) }
        }
    }

    @Test("fault 10: of more connections than one batch of events has, none is cut off", arguments: testedBackends)
    func manyConnections(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.blocking, configure: { $0.idleTimeout = .seconds(4) }) { port in
            let (clients, late) = try await Self.block(port, for: 5_000, limit: .seconds(4)) {
                let clients = try (0..<600).map { _ in try TestClient(port: port, timeout: 30) }
                let late = try (0..<10).map { _ in try TestClient(port: port, timeout: 30) }
                for client in clients + late { try client.send(Self.get) }
                for client in clients + late {
                    guard try client.receiveResponse().status == 200 else { throw TestFailure("not served") }
                }
                return (clients, late)
            } _: {
                for client in $0.0 { try client.send(Self.get) }
            }
            for client in clients { #expect(try client.receiveResponse().status == 200) }
            for client in late { #expect(try client.isClosed()) }
        }
    }
}
