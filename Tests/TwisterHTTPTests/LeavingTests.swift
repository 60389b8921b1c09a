import Glibc
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// N-14: clients that leave at awkward moments, or leave their responses unread.
@Suite(
    .serialized,
    .disabled(
        if: TestClient.speaksHTTP2, "one request after the other; HTTP2StreamTests has clients of HTTP/2 that leave"))
struct LeavingTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func sleep(_ milliseconds: Int) -> String {
        "GET /sleep?\(milliseconds) HTTP/1.1\r\nHost: a\r\n\r\n"
    }

    @Test(
        "N-14: who leaves with a body begun takes no other client's handler along", arguments: testedBackends,
        Echo.Ending.allCases)
    func othersGoOn(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withServer(backend, Echo(ending)) { port in
            for _ in 0..<5 {
                let leaving = try TestClient(port: port)
                #expect(try leaving.get("/").status == 200)
                let other = try TestClient(port: port)
                try other.send(Self.sleep(150))
                try await Task.sleep(for: .milliseconds(20))
                try leaving.send("PUT /count HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
                leaving.shutDown()
                #expect(try other.receiveResponse().text == "slept")
            }
        }
    }

    @Test(
        "N-14: a client that ends right behind its request is noticed where its handler waits",
        arguments: testedBackends, Echo.Ending.allCases)
    func endsWithRequest(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let echo = Echo(ending)
        try await withServer(backend, echo) { port in
            let waiting = try TestClient(port: port)
            try waiting.send(Self.get + Self.sleep(60_000))
            waiting.shutDown()
            // The first gets its response at once, the second is given up.
            #expect(try waiting.receiveResponse().status == 200)
            #expect(try waiting.isClosed())
            try await eventually("both have ended") { echo.snapshot.finished == 2 }
            #expect(echo.snapshot == Echo.Counts(executed: 2, closed: 1, cancelled: 1, finished: 2))
        }
    }

    @Test(
        "N-14: what a client leaves unfinished behind a whole request is given up at once", arguments: testedBackends,
        Echo.Ending.allCases)
    func endsInNextRequest(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        for rest in ["PUT /count HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "POST /x HTTP/1.1\r\nHo"] {
            try await withServer(backend, Echo(ending)) {
                // No deadline ends it sooner than the client gives up to wait.
                $0.headerTimeout = .seconds(600)
                $0.bodyStallTimeout = .seconds(600)
                $0.idleTimeout = .seconds(600)
            } _: { port in
                let client = try TestClient(port: port)
                try client.send(Self.get + rest)
                client.shutDown()
                #expect(try client.receiveResponse().status == 200)
                #expect(try client.isClosed())
            }
        }
    }

    @Test(
        "a response goes out whole, whatever its client leaves unfinished behind it", arguments: testedBackends,
        Echo.Ending.allCases)
    func responseBeforeEnd(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let size = 8_000_000
        try await withServer(backend, Echo(ending)) { port in
            let client = try TestClient(port: port)
            try client.send("GET /big?\(size) HTTP/1.1\r\nHost: a\r\n\r\n")
            try await Task.sleep(for: .milliseconds(50))
            try client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
            client.shutDown()
            #expect(try client.receiveResponse().body.count == size)
            #expect(try client.isClosed())
        }
    }

    @Test(
        "requests that wait for a client to take its responses get theirs, also where it has ended",
        arguments: testedBackends, Echo.Ending.allCases)
    func endsOverWatermark(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        for size in [65_500, 8_000_000] {
            try await withServer(backend, Echo(ending)) { port in
                let client = try TestClient(port: port)
                try client.send("GET /big?\(size) HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get)
                try await Task.sleep(for: .milliseconds(50))
                client.shutDown()
                try await Task.sleep(for: .milliseconds(50))
                #expect(try client.receiveResponse().body.count == size)
                #expect(try client.receiveResponse().status == 200)
                #expect(try client.isClosed())
            }
        }
    }

    @Test("N-14: a client that is held up is noticed when it leaves", arguments: testedBackends, Echo.Ending.allCases)
    func leavesUnread(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        for reset in [false, true] {
            let echo = Echo(ending)
            try await withServer(backend, echo) { port in
                var client: TestClient? = try TestClient(port: port)
                // More than the server reads ahead, but no more than the smallest receive buffer takes: behind a full one
                // the client's end would wait in its own kernel.
                try client?.send(Self.sleep(60_000) + String(repeating: Self.get, count: 3_300))
                try await eventually("the handler waits") { echo.snapshot.executed == 1 }
                // Time to read as much as is read meanwhile.
                try await Task.sleep(for: .milliseconds(100))
                if reset { client?.reset() }
                client = nil
                try await eventually("the handler ends") { echo.snapshot.finished == 1 }
                #expect(
                    echo.snapshot == Echo.Counts(executed: 1, closed: 1, cancelled: 1, finished: 1), "reset: \(reset)")
            }
        }
    }

    @Test(
        "N-13: a client that takes no responses gets no more of them made", arguments: testedBackends,
        Echo.Ending.allCases)
    func takesNothing(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let echo = Echo(ending)
        try await withServer(backend, echo) { port in
            let client = try TestClient(port: port)
            for _ in 0..<30 {
                try client.send("GET /big?5000000 HTTP/1.1\r\nHost: a\r\n\r\n")
                try await Task.sleep(for: .milliseconds(5))
            }
            // What the kernel's buffers hold is taken.
            #expect(echo.snapshot.executed < 8)
            for _ in 0..<30 { #expect(try client.receiveResponse().body.count == 5_000_000) }
            #expect(echo.snapshot.executed == 30)
        }
    }

    @Test("an empty line after a request leaves the connection idle", arguments: testedBackends, Echo.Ending.allCases)
    func emptyLine(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        for text in ["\r\n", "\r", "\r\n\r\n"] {
            try await withServer(backend, Echo(ending)) {
                $0.headerTimeout = .milliseconds(100)
                $0.idleTimeout = .milliseconds(400)
            } _: { port in
                let client = try await inTime(.milliseconds(400)) {
                    let client = try TestClient(port: port)
                    #expect(try client.get("/").status == 200)
                    try client.send(text)
                    return client
                }
                try await Task.sleep(for: .milliseconds(200))
                #expect(try client.isClosed())
            }
        }
    }

    @Test(
        "a response that is the last because the server ends says so", arguments: testedBackends, Echo.Ending.allCases)
    func lastResponse(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let echo = Echo(ending)
        let servers = try await HTTPServerGroup(
            delegate: echo, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let client = try TestClient(port: servers.port ?? 0)
        try client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        try await eventually("the handler waits") { echo.snapshot.executed == 1 }
        await servers.shutdown(deadline: .seconds(20))
        let response = try client.receiveResponse()
        #expect(response.text == "held" && response.field("Connection") == "close")
        #expect(try client.isClosed())
    }

    @Test(
        "N-14: a request, a part of the next one and the end that come while the loop is busy: a response, then the end",
        arguments: testedBackends, Echo.Ending.allCases)
    func endsInNextRequestAtOnce(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        for rest in ["PUT /count HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "POST /x HTTP/1.1\r\nHo"] {
            let blocking = Blocking(Echo(ending))
            try await withServer(backend, blocking) { port in
                let client = try TestClient(port: port)
                #expect(try client.get("/").status == 200)
                let blocker = try TestClient(port: port)
                try blocker.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
                try await blocking.notes.wait(for: 1)
                try client.send(Self.get + rest)
                client.shutDown()
                blocking.release()
                #expect(try client.receiveResponse().status == 200)
                #expect(try client.isClosed())
                #expect(try blocker.receiveResponse().status == 200)
            }
        }
    }

    /// Keeps its loop busy with a request for `/block` until it is released; passes all requests on.
    private final class Blocking: HTTPServerConnectionDelegate {
        let notes = Notes()
        private let isReleased = ConditionLock(false)
        private let echo: Echo

        init(_ echo: Echo) { self.echo = echo }

        func release() { isReleased.withLock { $0 = true } }

        func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
            if request.path == "/block" {
                notes.note("blocked")
                let start = ContinuousClock.now
                while !isReleased.withLock({ $0 }), ContinuousClock.now - start < .seconds(20) { usleep(500) }
            }
            return echo.startRequest(request)
        }
    }

    @Test(
        "a connection that closes after its response closes when that is finished, while its handler goes on",
        arguments: testedBackends)
    func closesWithEarlyFinish(_ backend: IOBackend) async throws {
        for request in ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"] {
            let isReleased = ConditionLock(false)
            let notes = Notes()
            let responding = Responding { request in
                request.connection.write("part ")
                try await request.connection.flush()
                request.connection.write("rest")
                request.connection.finish()
                while !isReleased.withLock({ $0 }) { try await request.connection.loop.sleep(for: .milliseconds(5)) }
                notes.note("returned")
            }
            try await withServer(backend, responding) { port in
                let client = try TestClient(port: port)
                try client.send(request)
                let response = try client.receiveResponse()
                #expect(response.text == "part rest")
                #expect(try client.isClosed())
                #expect(notes.all.isEmpty, "the handler goes on")
                isReleased.withLock { $0 = true }
                try await notes.wait(for: 1)
            }
        }
    }
}
