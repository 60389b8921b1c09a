import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// N-13, N-14: what is late is cut off, and a client that goes takes its handler along.
@Suite(
    .serialized,
    .disabled(if: TestClient.speaksHTTP2, "connections that end; HTTP2LimitTests has the deadlines of streams"))
struct DeadlineTests {
    @Test("a head that does not end: 408", arguments: testedBackends)
    func slowHead(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) {
            $0.headerTimeout = .milliseconds(200)
        } _: { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/").status == 200)
            try client.send("GET / HTTP/1.1\r\nHo")
            #expect(try client.receiveResponse().status == 408)
            #expect(try client.isClosed())
        }
    }

    @Test("a body that stalls: 408", arguments: testedBackends)
    func stalledBody(_ backend: IOBackend) async throws {
        for path in ["/x", "/count"] {
            try await withServer(backend, Echo()) {
                $0.bodyStallTimeout = .milliseconds(200)
            } _: { port in
                let client = try TestClient(port: port)
                try client.send("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
                #expect(try client.receiveResponse().status == 408)
                #expect(try client.isClosed())
            }
        }
    }

    @Test(
        "a body below the least rate: 408, also where much of it came at once before", arguments: testedBackends,
        [0, 200_000])
    func tricklingBody(_ backend: IOBackend, _ atOnce: Int) async throws {
        try await withServer(backend, Echo()) {
            $0.bodyStallTimeout = .milliseconds(300)
        } _: { port in
            let client = try TestClient(port: port)
            try client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: \(atOnce + 1000)\r\n\r\n")
            try client.send([UInt8](repeating: 120, count: atOnce))
            var sent = 0
            do {
                while sent < 400 {
                    try client.send("x")
                    sent += 1
                    try await Task.sleep(for: .milliseconds(50))
                }
            } catch {}
            #expect(sent < 400)
        }
    }

    @Test("an idle connection is closed without a word", arguments: testedBackends)
    func idle(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) {
            $0.idleTimeout = .milliseconds(200)
        } _: { port in
            let fresh = try TestClient(port: port)
            #expect(try fresh.isClosed())
            let used = try await inTime(.milliseconds(200)) {
                let used = try TestClient(port: port)
                #expect(try used.get("/").status == 200)
                return used
            }
            #expect(try used.isClosed())
        }
    }

    @Test("a connection is idle since its last response, not since an earlier one", arguments: testedBackends)
    func idleSinceTheLast(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) {
            $0.idleTimeout = .milliseconds(600)
        } _: { port in
            // Four requests, the last of which comes later than one idle connection would last, and each of which comes in time.
            var attempts = 0
            while true {
                attempts += 1
                let client = try TestClient(port: port)
                var isInTime = true
                var before = ContinuousClock.now
                for _ in 0..<4 where isInTime {
                    try await Task.sleep(for: .milliseconds(250))
                    let start = ContinuousClock.now
                    let status = try? client.get("/").status
                    isInTime = ContinuousClock.now - before < .milliseconds(600)
                    if isInTime { #expect(status == 200) }
                    before = start
                }
                guard isInTime else {
                    try #require(attempts < 30, "the machine is too busy")
                    continue
                }
                let lastResponse = ContinuousClock.now
                #expect(try client.isClosed())
                #expect(ContinuousClock.now - before > .milliseconds(600) - .milliseconds(50), "\(lastResponse)")
                return
            }
        }
    }

    @Test("a client that does not read its response is cut off", arguments: testedBackends)
    func slowReader(_ backend: IOBackend) async throws {
        try await withServer(backend, Echo()) {
            $0.writeStallTimeout = .milliseconds(200)
        } _: { port in
            let client = try TestClient(port: port)
            try client.send("GET /big?50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("the client is cut off") { client.isCutOff }
            #expect(try client.receiveAll().count < 50_000_000)
        }
    }

    @Test("S-7, N-14: the handler of a client that goes is cancelled at once", arguments: testedBackends)
    func clientGoes(_ backend: IOBackend) async throws {
        for reset in [false, true] {
            let echo = Echo()
            try await withServer(backend, echo) { port in
                var client: TestClient? = try TestClient(port: port)
                try client?.send("GET /sleep?60000 HTTP/1.1\r\nHost: a\r\n\r\n")
                try await eventually("the handler waits") { echo.snapshot.executed == 1 }
                if reset { client?.reset() }
                client = nil
                try await eventually("the handler ends, reset: \(reset)") { echo.snapshot.finished == 1 }
                #expect(
                    echo.snapshot
                        == Echo.Counts(executed: 1, closed: 1, cancelled: 1, finished: 1), "reset: \(reset)")
                #expect(try TestClient(port: port).get("/").status == 200)
            }
        }
    }

    @Test("N-14: a handler that opted out runs to its end", arguments: testedBackends)
    func stubborn(_ backend: IOBackend) async throws {
        let echo = Echo()
        try await withServer(backend, echo) { port in
            var client: TestClient? = try TestClient(port: port)
            try client?.send("GET /outlives HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("the handler waits") { echo.snapshot.executed == 1 }
            client = nil
            try await eventually("the handler ends") { echo.snapshot.finished == 1 }
            #expect(
                echo.snapshot == Echo.Counts(executed: 1, closed: 1, cancelled: 0, finished: 1))
        }
    }

    @Test("N-13: a client that does not read a response written late is cut off too", arguments: testedBackends)
    func lateSlowReader(_ backend: IOBackend) async throws {
        let responding = Responding { request in
            try await request.connection.loop.sleep(for: .milliseconds(500))
            request.connection.write([UInt8](repeating: 120, count: 50_000_000))
            try await request.connection.flush()
        }
        try await withServer(backend, responding) {
            $0.writeStallTimeout = .milliseconds(200)
            $0.idleTimeout = .milliseconds(200)
        } _: { port in
            let client = try TestClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("the client is cut off") { client.isCutOff }
            #expect(try client.receiveAll().count < 50_000_000)
        }
    }

    @Test(
        "N-13: the rest of an unread body that does not come is not waited for", arguments: testedBackends,
        Echo.Ending.allCases)
    func stalledRest(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withServer(backend, Echo(ending)) {
            $0.bodyStallTimeout = .milliseconds(200)
        } _: { port in
            let client = try TestClient(port: port)
            try client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
            #expect(try client.receiveResponse().text == "early")
            #expect(try client.isClosed())
        }
    }

    @Test(
        "a connection that is idle while its client takes the last response keeps no loop busy",
        arguments: testedBackends)
    func idleWithOutput(_ backend: IOBackend) async throws {
        // Not a Mutex: the thread sanitizer does not know it.
        let loop = ConditionLock<IOLoop?>(nil)
        func turns() -> Int? { loop.withLock { $0?.counts.turns.current } }
        let responding = Responding { request in
            loop.withLock { $0 = request.connection.loop }
            request.connection.write([UInt8](repeating: 120, count: 20_000_000))
        }
        try await withServer(backend, responding) {
            $0.idleTimeout = .milliseconds(100)
            $0.writeStallTimeout = .seconds(600)
            $0.outputHighWatermark = 100_000_000
        } _: { port in
            let client = try TestClient(port: port, receiveBuffer: 4096)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("the response is under way") { turns() != nil }
            try await Task.sleep(for: .milliseconds(300))
            let before = try #require(turns())
            try await Task.sleep(for: .milliseconds(300))
            #expect(try #require(turns()) - before < 100)
            loop.withLock { $0 = nil }
        }
    }
}
