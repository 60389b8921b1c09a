import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

/// N-22: limits by client address.
@Suite(.serialized)
struct ClientLimitTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func sleep(_ milliseconds: Int) -> String {
        "GET /sleep?\(milliseconds) HTTP/1.1\r\nHost: a\r\n\r\n"
    }

    /// Runs `body` against a server that counts peers of the loopback addresses, too.
    private func withLimits(
        _ backend: IOBackend, loops: Int = 1, _ limit: (inout ClientLimits) -> Void,
        configure: (inout HTTPServer.Configuration) -> Void = { $0.trustedProxies = [] }, echo: Echo = Echo(),
        _ body: (UInt16, ClientTable) async throws -> Void
    ) async throws {
        var configuration = HTTPServer.Configuration.tested
        configure(&configuration)
        limit(&configuration.clientLimits)
        let group = try await HTTPServerGroup(
            delegate: echo, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: loops,
            loop: IOLoop.Configuration(backend: backend), configuration: configuration)
        do {
            try await body(try #require(group.port), try #require(group.servers.first?.value.context.clients))
        } catch {
            await group.shutdown(deadline: .zero)
            throw error
        }
        await group.shutdown(deadline: .seconds(2))
    }

    /// Waits until it is so; false after some seconds.
    private func eventually(_ isSo: () throws -> Bool) async throws -> Bool {
        for _ in 0..<2000 {
            if try isSo() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    private func isServed(_ client: TestClient) -> Bool { (try? client.ask(Self.get).status) == 200 }

    // MARK: Connections

    @Test(
        "N-22: connections over the limit are closed unread, others are not", arguments: testedBackends)
    func connections(_ backend: IOBackend) async throws {
        try await withLimits(backend) {
            $0.maxConnections = 2
        } _: { port, table in
            var held: [TestClient] = []
            for _ in 0..<2 {
                let client = try TestClient(port: port, host: 2)
                #expect(isServed(client))
                held.append(client)
            }
            for _ in 0..<5 { #expect(try TestClient(port: port, host: 2).isClosed()) }
            #expect(isServed(try TestClient(port: port, host: 3)), "another address")
            for client in held { #expect(isServed(client), "those within the limit go on") }
            held.removeLast()
            #expect(try await eventually { isServed(try TestClient(port: port, host: 2)) })
            held = []
            #expect(try await eventually { table.total.clients == 0 })
        }
    }

    @Test("N-22: the loops of a group count together", arguments: testedBackends)
    func loops(_ backend: IOBackend) async throws {
        try await withLimits(backend, loops: 3) {
            $0.maxConnections = 5
            $0.requestsPerSecond = 0.001
            $0.burst = 7
        } _: { port, table in
            let clients = try (0..<20).map { _ in try TestClient(port: port) }
            let open = clients.filter { (try? $0.ask(Self.get).status) == 200 }
            #expect(open.count == 5)
            #expect(table.total.held.connections == 5)
            let statuses = try (0..<4).map { _ in try open[0].ask(Self.get).status }
            #expect(statuses == [200, 200, 429, 429])
        }
    }

    @Test("N-22: by default nothing is limited, and trusted proxies never are", arguments: testedBackends)
    func exempt(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) { port in
            let clients = try (0..<50).map { _ in try TestClient(port: port) }
            for client in clients { #expect(isServed(client)) }
        }
        try await withLimits(backend) {
            $0.maxConnections = 1
            $0.requestsPerSecond = 0.001
            $0.burst = 1
            $0.maxConcurrentRequests = 1
        } configure: { _ in
        } _: { port, table in
            let clients = try (0..<10).map { _ in try TestClient(port: port) }
            for client in clients { try client.send(Self.sleep(50) + Self.get) }
            for client in clients {
                #expect(try client.receiveResponse().status == 200)
                #expect(try client.receiveResponse().status == 200)
            }
            #expect(table.total.clients == 0)
        }
    }

    // MARK: Requests

    @Test(
        "N-22: requests over the rate get 429 and when to come again", arguments: testedBackends)
    func rate(_ backend: IOBackend) async throws {
        try await withLimits(backend) {
            // The test may take a minute.
            $0.requestsPerSecond = 0.01
            $0.burst = 3
        } _: { port, _ in
            let client = try TestClient(port: port, host: 2)
            for _ in 0..<3 { #expect(isServed(client)) }
            for _ in 0..<3 {
                let refused = try client.ask(Self.get)
                #expect(refused.status == 429)
                #expect((40...100).contains(refused.field("Retry-After").flatMap { Int($0) } ?? 0))
                #expect(refused.field("Connection") == nil)
            }
            // A small body is dropped, in whichever pieces it comes; pipelined requests each get their response.
            let post = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
            #expect(try client.ask(post + "hello").status == 429)
            #expect(try client.ask(post).status == 429)
            try client.send("hello" + Self.get + Self.get)
            for _ in 0..<2 { #expect(try client.receiveResponse().status == 429) }
            #expect(isServed(try TestClient(port: port, host: 3)), "another address")
            // What would be long in coming is not waited for.
            let long = try client.ask("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n")
            #expect(long.status == 429)
            #expect(try client.endsConnection(after: long))
            #expect(try TestClient(port: port, host: 2).get("/").status == 429, "a new connection changes nothing")
        }
    }

    @Test("N-22: requests at once over the limit get 429, until one has ended", arguments: testedBackends)
    func concurrent(_ backend: IOBackend) async throws {
        let echo = Echo()
        try await withLimits(
            backend, { $0.maxConcurrentRequests = 2 }, echo: echo
        ) { port, table in
            let busy = try (0..<2).map { _ in try TestClient(port: port, host: 2) }
            for client in busy { try client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n") }
            #expect(try await eventually { table.total.held.requests == 2 })
            let third = try TestClient(port: port, host: 2)
            for _ in 0..<3 {
                let refused = try third.ask(Self.get)
                #expect(refused.status == 429 && refused.field("Retry-After") == "1")
            }
            #expect(isServed(try TestClient(port: port, host: 3)), "another address")
            echo.release()
            for client in busy { #expect(try client.receiveResponse().text == "held") }
            // A client may have its response before the server counts its request as ended.
            #expect(try await eventually { isServed(third) })
            #expect(try await eventually { table.total.clients == 0 })
        }
    }

    @Test("N-22: a handler that is left, or fails, gives its place back when it ends", arguments: testedBackends)
    func places(_ backend: IOBackend) async throws {
        try await withLimits(backend) {
            $0.maxConcurrentRequests = 1
        } _: { port, table in
            // Cut since it is too short; refused while its body comes, before and behind a delegate's start; cancelled.
            let endings = [
                "GET /short HTTP/1.1\r\nHost: a\r\n\r\n",
                "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n",
                "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
                "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
                "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", Self.sleep(60_000),
            ]
            for request in endings {
                let client = try TestClient(port: port, host: 2)
                try client.send(request)
                if request.contains("/sleep") {
                    #expect(try await eventually { table.total.held.requests == 1 })
                    client.reset()
                } else {
                    client.shutDown()
                }
                _ = try client.receiveAll()
                #expect(try await eventually { table.total.clients == 0 }, "\(request)")
                #expect(isServed(try TestClient(port: port, host: 2)), "\(request)")
            }
        }
    }

    // MARK: Behind proxies

    @Test("N-22: behind a trusted proxy the client that it names is counted", arguments: testedBackends)
    func forwarded(_ backend: IOBackend) async throws {
        try await withLimits(backend) {
            $0.maxConnections = 1
            $0.requestsPerSecond = 0.001
            $0.burst = 2
        } configure: {
            $0.xheaders = true
        } _: { port, _ in
            let proxies = try (0..<3).map { _ in try TestClient(port: port) }
            func ask(_ client: String, _ index: Int) throws -> Int {
                try proxies[index].ask("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(client)\r\n\r\n").status
            }
            #expect(try (0..<3).map { try ask("4.4.4.4", $0) } == [200, 200, 429])
            #expect(try (0..<3).map { try ask("4.4.4.5", $0) } == [200, 200, 429])
            #expect(try (0..<3).map { try ask("2001:db8::\($0)", $0) } == [200, 200, 429])
            #expect(try ask("2001:db8:0:1::1", 0) == 200)
            #expect(try (0..<3).map { try ask("9.9.9.9, 4.4.4.4", $0) } == [429, 429, 429])
            for proxy in proxies { #expect(isServed(proxy), "nobody is named") }
        }
    }

    @Test("N-22: with the PROXY protocol, connections count for the client that it names", arguments: testedBackends)
    func proxyProtocol(_ backend: IOBackend) async throws {
        try await withLimits(backend) {
            $0.maxConnections = 2
            $0.requestsPerSecond = 0.001
            $0.burst = 3
        } configure: {
            $0.proxyProtocol = true
        } _: { port, table in
            func connect(_ source: String) throws -> TestClient {
                let client = try TestClient(port: port)
                try client.sendAhead(Array("PROXY \(source) 1 2\r\n".utf8))
                // The server may have closed.
                try? client.send(Self.get)
                return client
            }
            var held: [TestClient] = []
            for host in 1...2 {
                let client = try connect("TCP6 2001:db8::\(host) ::1")
                #expect(try client.receiveResponse().status == 200)
                held.append(client)
            }
            #expect(try connect("TCP6 2001:db8::3 ::1").isClosed(), "the request behind the header gets no response")
            #expect(try connect("TCP6 2001:db8:0:1::1 ::1").receiveResponse().status == 200)
            #expect(try connect("TCP4 127.0.0.9 127.0.0.1").receiveResponse().status == 200, "a trusted proxy's own")
            #expect(try held.map { try $0.ask(Self.get).status } == [200, 429])
            held = []
            #expect(try await eventually { table.total.clients == 0 })
        }
    }

    @Test("N-22: on a unix socket nobody is counted", arguments: testedBackends)
    func unixSocket(_ backend: IOBackend) async throws {
        let path = "/tmp/twister-limits-\(getpid())-\(backend).sock"
        defer { unlink(path) }
        var configuration = HTTPServer.Configuration.tested
        configuration.trustedProxies = []
        configuration.clientLimits.maxConnections = 0
        configuration.clientLimits.maxConcurrentRequests = 0
        let group = try await HTTPServerGroup(
            delegate: Echo(), addresses: [.unix(path: path), .tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: configuration)
        #expect(isServed(try TestClient(unixPath: path)))
        #expect(try TestClient(port: try #require(group.port)).isClosed())
        await group.shutdown(deadline: .seconds(2))
    }

    // MARK: Nothing is lost

    @Test("N-22: after a storm of clients that leave at random moments, nothing is counted", arguments: testedBackends)
    func storm(_ backend: IOBackend) async throws {
        let requests = [
            "", "GET / HT", Self.get, Self.get + Self.get + "GET", Self.sleep(20), Self.sleep(2_000),
            "GET /stubborn?30 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /big?3000000 HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
            "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
            "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
            "POST /unread?30 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "nonsense\r\n\r\n",
            "GET /short HTTP/1.1\r\nHost: a\r\n\r\n", "GET /long HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get,
            Self.get + "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        ]
        var random = SeededGenerator(seed: 22)
        try await withLimits(backend, loops: 2) {
            $0.maxConnections = 8
            $0.requestsPerSecond = 500
            $0.burst = 50
            $0.maxConcurrentRequests = 4
        } _: { port, table in
            var open: [TestClient] = []
            for round in 0..<400 {
                let client = try TestClient(port: port, host: UInt8.random(in: 2...4, using: &random))
                // A client over the limit may be refused before it has said anything.
                try? client.send(requests.randomElement(using: &random) ?? "")
                open.append(client)
                if round % 10 == 0 { try await Task.sleep(for: .milliseconds(5)) }
                while open.count > Int.random(in: 0...24, using: &random) {
                    let leaving = open.remove(at: Int.random(in: open.indices, using: &random))
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: leaving.reset()
                    case 1: leaving.shutDown()
                    default: break
                    }
                }
            }
            let held = try TestClient(port: port, host: 5)
            #expect(isServed(held) && table.total.clients > 0, "clients are counted")
            open = []
            held.shutDown()
            let isEmpty = try await eventually { table.total.clients == 0 }
            #expect(isEmpty, "\(table.total)")
            for host: UInt8 in 2...4 {
                let client = try TestClient(port: port, host: host)
                #expect(try await eventually { isServed(client) })
            }
        }
    }

    @Test("N-22: a drain gives back what is counted, also what it cuts", arguments: testedBackends)
    func drain(_ backend: IOBackend) async throws {
        for _ in 0..<20 {
            if try await drained(backend) { return }
        }
        Issue.record("the machine is too busy")
    }

    /// Returns false where the shutdown has not waited for a loop, since the machine held that up.
    private func drained(_ backend: IOBackend) async throws -> Bool {
        var configuration = HTTPServer.Configuration.tested
        configuration.trustedProxies = []
        configuration.clientLimits.maxConnections = 10
        configuration.clientLimits.maxConcurrentRequests = 10
        // Those of `/held` end with the shutdown, the others do not.
        let group = try await HTTPServerGroup(
            delegate: Echo(), addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 2,
            loop: IOLoop.Configuration(backend: backend), configuration: configuration)
        let table = try #require(group.servers.first?.value.context.clients)
        let clients = try (0..<6).map { _ in try TestClient(port: try #require(group.port)) }
        for client in clients[..<2] { #expect(isServed(client)) }
        for client in clients[2..<4] { try client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n") }
        for client in clients[4...] { try client.send(Self.sleep(60_000)) }
        #expect(try await eventually { table.total.held == ClientTable.Held(connections: 6, requests: 4) })
        guard await group.shutdown(deadline: .milliseconds(300)).blocked.isEmpty else { return false }
        #expect(table.total.held.connections == 0)
        #expect(try await eventually { table.total.clients == 0 })
        return true
    }
}
