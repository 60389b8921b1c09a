import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// A connection's life: keep-alive, pipelining, framing of requests and of responses, over real sockets.
@Suite(
    .serialized,
    .disabled(if: TestClient.speaksHTTP2, "one request after the other"))
struct HTTP1ServerConnectionTests {
    private func withEcho(
        _ backend: IOBackend, _ ending: Echo.Ending,
        configure: (inout HTTPServer.Configuration) -> Void = { _ in },
        _ body: (TestClient, UInt16) async throws -> Void
    ) async throws {
        try await withServer(backend, Echo(ending), configure: configure) { port in
            try await body(TestClient(port: port), port)
        }
    }

    @Test("S-36: several requests on one connection, in order", arguments: testedBackends, Echo.Ending.allCases)
    func keepAlive(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            for number in 1...50 {
                let response = try client.get("/\(number)")
                #expect(response.status == 200)
                #expect(response.text == "GET /\(number) localhost ")
                #expect(response.field("Date") != nil)
                #expect(response.field("Content-Length") == "\(response.body.count)")
            }
        }
    }

    @Test(
        "W-15, H1-10: pipelined requests get their responses in order", arguments: testedBackends, Echo.Ending.allCases)
    func pipelined(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            let count = 200
            var text = ""
            for number in 0..<count { text += "GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n" }
            try client.send(text)
            for number in 0..<count { #expect(try client.receiveResponse().text == "GET /\(number) a ") }
        }
    }

    @Test("requests cut at every byte are the same requests", arguments: testedBackends, Echo.Ending.allCases)
    func cutAnywhere(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            let request = Array(
                "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8)
            for cut in 1..<request.count {
                try client.send(Array(request[..<cut]))
                await Task.yield()
                try client.send(Array(request[cut...]))
                #expect(try client.receiveResponse().text == "POST /x a abc")
            }
        }
    }

    @Test("S-40: a body is the same with Content-Length and chunked", arguments: testedBackends, Echo.Ending.allCases)
    func bodies(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            let length = try client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            #expect(length.text == "POST / a hello")
            let chunked = try client.ask(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
            #expect(chunked.text == "POST / a hello")
            let big = String(repeating: "z", count: 300_000)
            let collected = try client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n\(big)")
            #expect(collected.text == "POST / a \(big)")
        }
    }

    @Test("N-28: trailers are offered to the handler", arguments: testedBackends, Echo.Ending.allCases)
    func trailers(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            let response = try client.ask(
                "POST /trailers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 9\r\nContent-Length: 4\r\n\r\n"
            )
            #expect(response.text == "X-Sum=9")
            #expect(try client.get("/after").status == 200)
        }
    }

    @Test("HEAD has the fields of GET and no body", arguments: testedBackends, Echo.Ending.allCases)
    func head(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            let response = try client.ask("HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n", toHead: true)
            #expect(response.field("Content-Length") == "12")
            #expect(try client.get("/next").text == "GET /next localhost ")
        }
    }

    @Test("204 has neither body nor length", arguments: testedBackends, Echo.Ending.allCases)
    func noContent(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            let response = try client.get("/nothing")
            #expect(response.status == 204)
            #expect(response.field("Content-Length") == nil)
            #expect(response.field("Transfer-Encoding") == nil)
            #expect(try client.get("/next").status == 200)
        }
    }

    @Test("H1-11: a response of unknown length is chunked", arguments: testedBackends, Echo.Ending.allCases)
    func chunkedResponse(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            let response = try client.get("/stream")
            #expect(response.field("Transfer-Encoding") == "chunked")
            #expect(response.text == "abcdef")
            #expect(try client.get("/next").status == 200)
        }
    }

    @Test("H1-11: to an HTTP/1.0 client it ends with the connection", arguments: testedBackends, Echo.Ending.allCases)
    func streamToHTTP10(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            let response = try client.ask("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(response.field("Transfer-Encoding") == nil)
            #expect(response.text == "abcdef")
        }
    }

    @Test("H1-9, W-13, W-20: who keeps the connection", arguments: testedBackends, Echo.Ending.allCases)
    func persistence(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let cases: [(request: String, stays: Bool)] = [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, TE\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ]
        for (request, stays) in cases {
            try await withEcho(backend, ending) { client, _ in
                let response = try client.ask(request)
                #expect(response.status == 200)
                if stays {
                    #expect(try client.get("/next").status == 200, "\(request)")
                } else {
                    #expect(response.field("Connection")?.lowercased() == "close", "\(request)")
                    #expect(try client.isClosed(), "\(request)")
                }
            }
        }
    }

    @Test("H1-8, W-14: Expect: 100-continue, in any case", arguments: testedBackends, Echo.Ending.allCases)
    func expectContinue(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            for path in ["/x", "/count"] {
                let first = try client.ask(
                    "POST \(path) HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
                #expect(first.status == 100)
                try client.send("hi")
                #expect(try client.receiveResponse().text.hasSuffix(path == "/x" ? "hi" : "2"))
            }
            let refused = try client.ask("POST / HTTP/1.1\r\nHost: a\r\nExpect: more\r\nContent-Length: 2\r\n\r\n")
            #expect(refused.status == 417)
        }
    }

    @Test(
        "broken requests get their status, and nothing behind them is executed", arguments: testedBackends,
        Echo.Ending.allCases)
    func refused(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let behind = "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"
        let cases: [(String, Int)] = [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "b", count: 70_000))\r\n\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X: y\r\n", count: 120))\r\n", 431),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n", 413),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n\(String(repeating: "c", count: 1024))\r\n",
                413
            ),
        ]
        for (request, status) in cases {
            let echo = Echo(ending)
            try await withServer(backend, echo) {
                $0.maxBodySize = 1000
            } _: { port in
                let client = try TestClient(port: port)
                try client.send(request + behind)
                let all = String(decoding: try client.receiveAll(), as: UTF8.self)
                #expect(all.hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(80)): \(all.prefix(80))")
                #expect(all.contains("Connection: close"))
                #expect(all.split(separator: "HTTP/1.1 ").count == 1, "one response alone: \(all)")
            }
            #expect(echo.snapshot.executed == 0)
        }
    }

    @Test("H1-13: another length than declared cuts the connection", arguments: testedBackends, Echo.Ending.allCases)
    func outputErrors(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        for path in ["/short", "/long"] {
            try await withEcho(backend, ending) { client, _ in
                try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try client.receiveAll()
            }
        }
    }

    @Test("large responses arrive whole", arguments: testedBackends, Echo.Ending.allCases)
    func bigResponses(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            for size in [0, 1, 4095, 4096, 16_384, 1_000_000, 5_000_000] {
                let response = try client.get("/big?\(size)")
                #expect(response.body.count == size)
            }
        }
    }

    @Test(
        "H1-14: a response before the body is read arrives, then the connection closes", arguments: testedBackends,
        Echo.Ending.allCases)
    func earlyResponse(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            try client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
            let response = try client.receiveResponse()
            #expect(response.text == "early")
            #expect(response.field("Connection") == "close")
        }
    }

    @Test("a request before a half-close gets its response", arguments: testedBackends, Echo.Ending.allCases)
    func halfClose(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withEcho(backend, ending) { client, _ in
            try client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            client.shutDown()
            #expect(try client.receiveResponse().text == "GET /1 a ")
            #expect(try client.receiveResponse().text == "GET /2 a ")
            #expect(try client.isClosed())
        }
    }

    @Test(
        "X-22: a response that is under way goes on behind a half-close, however slowly the client takes it",
        arguments: testedBackends, Echo.Ending.allCases)
    func halfCloseUnderWay(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let echo = Echo(ending)
        try await withServer(backend, echo) { port in
            let client = try TestClient(port: port)
            try client.send("GET /parts?80 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            client.shutDown()
            try await Task.sleep(for: .milliseconds(100))
            let body = try client.receiveResponse().body
            #expect(body.count == 8_000_000)
            #expect((0..<80).allSatisfy { body[Int($0) * 100_000] == UInt8($0) })
            #expect(try client.receiveResponse().text == "GET /2 a ")
            #expect(try client.isClosed())
            #expect(echo.snapshot.closed == 0)
        }
    }

    @Test(
        "S-7: a client that leaves while it has output to take is noticed, even where it closed its half before",
        arguments: testedBackends)
    func leavingUnderWay(_ backend: IOBackend) async throws {
        let echo = Echo()
        try await withServer(backend, echo) { port in
            var client = Optional(try TestClient(port: port))
            try client?.send("GET /parts?10000 HTTP/1.1\r\nHost: a\r\n\r\n")
            client?.shutDown()
            #expect(try client?.receive(1)?.count == 1)
            client = nil
            try await eventually("noticed") { echo.snapshot.closed == 1 && echo.snapshot.finished == 1 }
        }
    }
}
