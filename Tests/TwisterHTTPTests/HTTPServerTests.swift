import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterHTTP
@testable import TwisterIO

/// A setting, a request that it trips, and what comes of it: the statuses, then the connection closes.
struct ConnectionSetting: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let set: @Sendable (inout HTTPServer.Configuration) -> Void
    let request: String
    let statuses: [Int]
}

private let connectionSettings: [ConnectionSetting] = [
    ConnectionSetting(
        testDescription: "keepAlive", set: { $0.keepAlive = false },
        request: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", statuses: [200]),
    ConnectionSetting(
        testDescription: "maxRequestLineSize", set: { $0.maxRequestLineSize = 50 },
        request: "GET /\(String(repeating: "x", count: 50)) HTTP/1.1\r\nHost: a\r\n\r\n", statuses: [414]),
    ConnectionSetting(
        testDescription: "maxHeaderSize", set: { $0.maxHeaderSize = 100 },
        request: "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 100))\r\n\r\n", statuses: [431]),
    ConnectionSetting(
        testDescription: "maxHeaderFields", set: { $0.maxHeaderFields = 2 },
        request: "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n", statuses: [431]),
    ConnectionSetting(
        testDescription: "maxBodySize", set: { $0.maxBodySize = 4 },
        request: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345", statuses: [413]),
    ConnectionSetting(
        testDescription: "maxBodySize, chunked", set: { $0.maxBodySize = 4 },
        request: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
        statuses: [413]),
    ConnectionSetting(
        testDescription: "headerTimeout", set: { $0.headerTimeout = .milliseconds(100) },
        request: "GET / HTTP/1.1\r\nHost", statuses: [408]),
    ConnectionSetting(
        testDescription: "bodyStallTimeout", set: { $0.bodyStallTimeout = .milliseconds(100) },
        request: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n123", statuses: [408]),
    ConnectionSetting(
        testDescription: "idleTimeout", set: { $0.idleTimeout = .milliseconds(100) },
        request: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", statuses: [200]),
    ConnectionSetting(
        testDescription: "decompressRequest", set: { $0.decompressRequest = true },
        request: "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        statuses: [400]),
]

/// The server as a factory of connections, and its settings.
@Suite(.serialized)
struct HTTPServerTests {
    /// Holds servers on their loop's thread.
    private final class Keeper: @unchecked Sendable {
        var servers: [TCPServer] = []
    }

    /// A server that knows nothing of HTTP, and gives its streams to one that does, or to none.
    private final class Forwarding: TCPServer {
        private let http: HTTPServer?

        init(_ loop: IOLoop, _ http: HTTPServer?) {
            self.http = http
            super.init(loop)
        }

        override func handleStream(_ stream: IOStream) throws {
            if let http { return http.handleStream(stream) }
            TestFilter.add(to: stream)
            stream.enqueue("not HTTP\n")
            stream.closeAfterWriting()
        }
    }

    @Test(
        "S-28, S-29: HTTPServer is a TCPServer whose handleStream is the way into HTTP; it asks for a delegate",
        arguments: testedBackends)
    func roles(_ backend: IOBackend) async throws {
        let loops = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
        let keeper = Keeper()
        let echo = Echo()
        let ports = try await loops.map { _, loop in
            let http: TCPServer = HTTPServer(loop, delegate: echo, configuration: .tested)
            let servers = [http, Forwarding(loop, http as? HTTPServer), Forwarding(loop, nil)]
            for server in servers { try server.listen(port: 0, address: "127.0.0.1") }
            keeper.servers = servers
            return servers.map { $0.port ?? 0 }
        }[0]
        for port in ports[..<2] { #expect(try TestClient(port: port).get("/x").text == "GET /x localhost ") }
        #expect(echo.snapshot.executed == 2)
        let client = try TestClient(port: ports[2], isTranslated: false)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(String(decoding: try client.receiveAll(), as: UTF8.self) == "not HTTP\n")
        #expect(echo.snapshot.executed == 2)
        _ = try await loops.map { _, _ in
            for server in keeper.servers { server.stop() }
            keeper.servers = []
        }
        await loops.stop()
    }

    /// Reads a line before it passes a stream on.
    private final class LineReading: TCPServer {
        private let http: HTTPServer

        init(_ loop: IOLoop, _ http: HTTPServer) {
            self.http = http
            super.init(loop)
        }

        override func handleStream(_ stream: IOStream) throws {
            TestFilter.add(to: stream)
            let held = LoopHeld((stream, http))
            Task(executorPreference: loop) {
                let (stream, http) = held.value
                _ = try await stream.readUntil("\n")
                http.handleStream(stream)
            }
        }
    }

    @Test(
        "S-28: requests that came behind what was read before handleStream are served",
        .disabled(if: TestClient.speaksHTTP2, "a line in front of HTTP/2 goes no other way"), arguments: testedBackends)
    func streamThatWasRead(_ backend: IOBackend) async throws {
        let loops = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
        let keeper = Keeper()
        let port = try await loops.map { _, loop in
            // The filter of this run is on the stream already.
            let server = LineReading(loop, HTTPServer(loop, delegate: Echo()))
            try server.listen(port: 0, address: "127.0.0.1")
            keeper.servers = [server]
            return server.port ?? 0
        }[0]
        for isInOnePiece in [true, false] {
            let client = try TestClient(port: port)
            let requests = String(repeating: "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", count: 2)
            try client.send(isInOnePiece ? "line\n" + requests : "line\n")
            if !isInOnePiece { try client.send(requests) }
            for _ in 0..<2 { #expect(try client.receiveResponse().text == "GET /1 a ") }
        }
        _ = try await loops.map { _, _ in
            for server in keeper.servers { server.stop() }
            keeper.servers = []
        }
        await loops.stop()
    }

    @Test("S-28: handleStream of another loop's stream ends the program with a message")
    func otherLoopsStream() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let loops = try await IOLoopGroup(count: 2, configuration: IOLoop.Configuration(backend: .epoll))
            let stream = LoopHeld<IOStream?>(nil)
            try await loops.loops[0].perform {
                var ends: [CInt] = [-1, -1]
                socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends)
                stream.value = try IOStream(loops.loops[0], fileDescriptor: ends[0])
            }
            try await loops.loops[1].perform {
                if let stream = stream.value { HTTPServer(loops.loops[1], delegate: Echo()).handleStream(stream) }
            }
        }
        let errors = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(errors.contains("the stream is another loop's; serve it with a server of that loop"), "\(errors)")
    }

    @Test(
        "S-32, S-34, S-35: one connection object for each stream, counted from its start to its end",
        arguments: testedBackends)
    func connections(_ backend: IOBackend) async throws {
        let group = try await HTTPServerGroup(
            delegate: Echo(), addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let server = group.servers[0]
        let loop = server.value.loop
        func count() async throws -> Int { try await loop.perform { server.value.connectionCount } }
        func until(_ expected: Int) async throws {
            for _ in 0..<4_000 where try await count() != expected { try await Task.sleep(for: .milliseconds(5)) }
            #expect(try await count() == expected)
        }
        let port = group.port ?? 0
        // Connections that say nothing are served, too, and keep nobody from being accepted.
        var silent = try (0..<100).map { _ in try TestClient(port: port) }
        try await until(100)
        let client = try TestClient(port: port)
        for number in 0..<20 { #expect(try client.get("/\(number)").status == 200) }
        #expect(try await count() == 101, "twenty requests, one connection")
        let numbers = try await loop.perform { server.value.context.connections.all.map(\.number).sorted() }
        #expect(numbers == Array(UInt32(1)...101))
        silent.removeLast(40)
        try await until(61)
        silent.removeAll()
        try await until(1)
        #expect(try client.get("/last").status == 200)
        try await loop.perform { server.value.closeAllConnections() }
        #expect(try client.isClosed())
        try await until(0)
        await group.shutdown(deadline: .seconds(2))
    }

    @Test(
        "a connection that waits for its client to go holds up a shutdown for two seconds",
        .disabled(if: TestClient.speaksHTTP2, "the request is malformed text of HTTP/1.1"), arguments: testedBackends)
    func lingering(_ backend: IOBackend) async throws {
        let group = try await HTTPServerGroup(
            delegate: Echo(), addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let client = try TestClient(port: group.port ?? 0)
        try client.send("not HTTP\r\n\r\n")
        #expect(try client.receiveResponse().status == 400)
        #expect(try client.isClosed())
        let start = ContinuousClock.now
        let ends = await group.shutdown(deadline: .seconds(20))
        #expect(ends.finished == 1 && ends.forced == 0)
        #expect(start.duration(to: .now) < .seconds(10))
    }

    @Test(
        "a response without a length that a shutdown cuts does not look complete, whether its client reads or not",
        .disabled(if: TestClient.speaksHTTP2, "HTTP/2 resets the stream"), arguments: testedBackends, [true, false])
    func cutWithoutLength(_ backend: IOBackend, _ reads: Bool) async throws {
        // The shutdown does not wait for a loop that the machine holds up: then all of it is done again.
        for _ in 0..<20 {
            let group = try await HTTPServerGroup(
                delegate: Echo(), addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
                loop: IOLoop.Configuration(backend: backend), configuration: .tested)
            let client = try TestClient(port: group.port ?? 0)
            try client.send("GET \(reads ? "/begun" : "/parts?1000") HTTP/1.0\r\n\r\n")
            #expect(try client.receive(1)?.count == 1)
            let ends = await group.shutdown(deadline: .milliseconds(100))
            guard ends.blocked.isEmpty else { continue }
            #expect(ends.cut.count == 1)
            _ = try client.receiveAll()
            #expect(client.wasReset)
            return
        }
        Issue.record("the machine is too busy")
    }

    @Test(
        "S-33: each setting of a connection does what it says",
        .disabled(if: TestClient.speaksHTTP2, "HTTP/2 ends a stream where HTTP/1.1 ends the connection"),
        arguments: testedBackends, connectionSettings)
    func setting(_ backend: IOBackend, _ setting: ConnectionSetting) async throws {
        try await withServer(backend, Echo()) { configuration in
            setting.set(&configuration)
        } _: { port in
            // One of the settings closes also a connection that has said nothing for 100 ms.
            let client = try await inTime(setting.statuses == [200] ? .milliseconds(100) : .seconds(60)) {
                let client = try TestClient(port: port)
                try client.send(setting.request)
                for status in setting.statuses { #expect(try client.receiveResponse().status == status) }
                return client
            }
            #expect(try client.isClosed())
        }
        // With the defaults, the same request does not close the connection so soon.
        try await withServer(backend, Echo()) { port in
            let client = try TestClient(port: port)
            try client.send(setting.request)
            try await Task.sleep(for: .milliseconds(250))
            var bytes = [UInt8](repeating: 0, count: 4096)
            var count = bytes.count
            while count > 0 { count = recv(client.fd, &bytes, bytes.count, CInt(MSG_DONTWAIT)) }
            #expect(count < 0 && errno == EAGAIN, "open")
        }
    }
}
