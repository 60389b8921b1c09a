import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterHTTP
@testable import TwisterIO

@Suite(.serialized)
struct HTTPServerGroupTests {
    @Test("N-26: every loop listens on the addresses that were asked for, and on no other", arguments: testedBackends)
    func sameAddresses(_ backend: IOBackend) async throws {
        let path = "/tmp/twister-group-\(getpid())-\(backend).sock"
        defer { unlink(path) }
        let group = try await HTTPServerGroup(
            delegate: Echo(), addresses: [.unix(path: path), .tcp(host: "127.0.0.1", port: 0)], loopCount: 3,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let port = try #require(group.port)
        #expect(group.addresses.map(\.description) == ["unix:\(path)", "127.0.0.1:\(port)"])
        for server in group.servers {
            let addresses = try await server.value.loop.perform { server.value.addresses }
            #expect(addresses == group.addresses)
        }
        for _ in 0..<20 {
            let client = try TestClient(port: port)
            #expect(try client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        }
        await group.shutdown(deadline: .seconds(2))
    }

    @Test("N-26: several loops serve on a listening socket that somebody else made", arguments: testedBackends)
    func sharedSockets(_ backend: IOBackend) async throws {
        let sockets = try bindSockets(port: 0, address: "127.0.0.1")
        let group = try await HTTPServerGroup(
            delegate: Echo(), sockets: sockets, loopCount: 2, loop: IOLoop.Configuration(backend: backend),
            configuration: .tested)
        #expect(group.addresses.map(\.description) == sockets.compactMap { $0.address?.description })
        for _ in 0..<20 {
            let client = try TestClient(port: try #require(group.port))
            #expect(try client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        }
        await group.shutdown(deadline: .seconds(2))
    }

    @Test("N-26: an address that cannot be had ends the loops, and says which it was", arguments: testedBackends)
    func taken(_ backend: IOBackend) async throws {
        let sockets = try bindSockets(port: 0, address: "127.0.0.1")
        let port = try #require(sockets.first?.address?.port)
        let error = await #expect(throws: IOError.self) {
            try await HTTPServerGroup(
                delegate: Echo(), addresses: [.tcp(host: "127.0.0.1", port: port)], loopCount: 2,
                loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        }
        #expect(error.map { "\($0)".contains("127.0.0.1:\(port)") } == true)
    }

    @Test("N-26, NET-1: a port that another server with several loops has is refused", arguments: testedBackends)
    func takenBySeveralLoops(_ backend: IOBackend) async throws {
        func start(_ host: String, _ port: UInt16, loops: Int) async throws -> HTTPServerGroup {
            try await HTTPServerGroup(
                delegate: Echo(), addresses: [.tcp(host: host, port: port)], loopCount: loops,
                loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        }
        let first = try await start("127.0.0.1", 0, loops: 2)
        let port = try #require(first.port)
        for host in ["127.0.0.1", "0.0.0.0"] {
            for loops in 1...2 {
                let error = await #expect(throws: IOError.self) { try await start(host, port, loops: loops) }
                #expect(error?.errnoCode == EADDRINUSE)
            }
        }
        await first.shutdown(deadline: .seconds(2))
    }

    @Test("a second shutdown waits for the first one, and returns the same", arguments: testedBackends)
    func shutdownTwice(_ backend: IOBackend) async throws {
        let group = try await HTTPServerGroup(
            delegate: Echo(), addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 2,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let client = try TestClient(port: try #require(group.port))
        #expect(try client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        let ends = Notes()
        @Sendable func shutDown() async {
            let end = await group.shutdown(deadline: .seconds(20))
            ends.note("\(end.finished) \(end.forced)")
        }
        // Where a call hangs, the test does not.
        for _ in 0..<2 { Task.detached { await shutDown() } }
        try await ends.wait(for: 2)
        Task.detached { await shutDown() }
        try await ends.wait(for: 3)
        #expect(ends.all == ["1 0", "1 0", "1 0"])
    }

    @Test(
        "N-15: clients that have connected before a shutdown are served, however many wait", arguments: testedBackends)
    func waitingClients(_ backend: IOBackend) async throws {
        let (isBlocked, isReleased) = (ConditionLock(false), ConditionLock(false))
        let blocking = Responding { request in
            if request.path == "/block" {
                isBlocked.withLock { $0 = true }
                let start = ContinuousClock.now
                while !isReleased.withLock({ $0 }), ContinuousClock.now - start < .seconds(60) { usleep(500) }
            }
            request.connection.write("served")
        }
        let group = try await HTTPServerGroup(
            delegate: blocking, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let port = try #require(group.port)
        let first = try TestClient(port: port)
        try first.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
        try await eventually("the loop is blocked") { isBlocked.withLock { $0 } }
        // These wait in the kernel, more than one turn takes.
        let clients = try (0..<300).map { _ in try TestClient(port: port) }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        async let ending = group.shutdown(deadline: .seconds(20))
        // The loop learns of the shutdown right behind that.
        try await eventually("the shutdown has begun") { group.sockets.isEmpty }
        try await Task.sleep(for: .milliseconds(50))
        isReleased.withLock { $0 = true }
        #expect(try first.receiveResponse().text == "served")
        for client in clients {
            let response = try client.receiveResponse()
            #expect(response.text == "served")
            // HTTP/2 says it by GOAWAY.
            #expect(TestClient.speaksHTTP2 || response.field("Connection") == "close")
        }
        #expect(await ending.isClean)
        #expect(throws: TestClient.Failure.self) { try TestClient(port: port) }
    }

    @Test("N-15: two shutdowns of one server end together", arguments: testedBackends)
    func serverShutdownTwice(_ backend: IOBackend) async throws {
        let loops = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
        let server = try await loops.map { _, loop in
            let server = HTTPServer(loop, delegate: Echo(), configuration: .tested)
            try server.listen(port: 0, address: "127.0.0.1")
            return LoopBound(server)
        }[0]
        let loop = loops.loops[0]
        let port = try await loop.perform { server.value.port ?? 0 }
        let client = try TestClient(port: port)
        #expect(try client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        let start = ContinuousClock.now
        let ends = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<2 {
                group.addTask(executorPreference: loop) {
                    await server.value.shutdown(deadline: .seconds(30), grace: .milliseconds(100)).forced
                }
            }
            return await group.reduce(0, +)
        }
        #expect(ends == 0 && ContinuousClock.now - start < .seconds(15))
        await loops.stop()
    }

    @Test("a shutdown that a handler waits for ends the program with a message")
    func shutdownFromHandler() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let group = LoopHeld<HTTPServerGroup?>(nil)
            let responding = Responding { _ in _ = await group.value?.shutdown(deadline: .milliseconds(100)) }
            try await withServers(.epoll, responding) { servers in
                group.value = servers
                _ = try TestClient(port: servers.port ?? 0).get("/")
            }
        }
        let errors = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(errors.contains("HTTPServerGroup.shutdown was called on one of the loops that it ends"), "\(errors)")
    }
}
