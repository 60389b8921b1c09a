import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// RFC 9110 and 9112 on a connection as a whole: what `docs/conformance.md` promises.
@Suite(
    .serialized,
    .disabled(
        if: TestClient.speaksHTTP2, "the text of HTTP/1.1; Conformance in TwisterHTTP2Tests has the frames of HTTP/2"))
struct ConformanceTests {
    private static let behind = "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("what is accepted, and as what", arguments: testedBackends, Echo.Ending.allCases)
    func accepted(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let cases: [(request: String, expected: String)] = [
            ("\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /1 a "),
            ("GET http://b:80/2?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://b:80/2?q b:80 "),
            ("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://b b "),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * a "),
            ("GET /{\u{E9}}?<\"b\"> HTTP/1.1\r\nHost: a\r\n\r\n", "GET /{\u{E9}}?<\"b\"> a "),
            ("get / HTTP/1.1\r\nHost: a\r\n\r\n", "get / a "),
            ("GET / HTTP/1.9\r\nHost: a\r\n\r\n", "GET / a "),
            ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n", "GET / a "),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello", "GET / a hello"),
            ("GET / HTTP/1.1\r\nHost:a\r\nX:\t y\t \r\n\r\n", "GET / a "),
            (
                "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n00005;a=\"b;\\\"c\"\r\nhello\r\n0;x\r\nA: b\r\n\r\n",
                "POST / a hello"
            ),
        ]
        for (request, expected) in cases {
            try await withServer(backend, Echo(ending)) { port in
                let client = try TestClient(port: port)
                try client.send(request + Self.behind)
                let response = try client.receiveResponse()
                #expect(response.status == 200, "\(request)")
                #expect(response.text == expected, "\(request)")
                #expect(response.field("Date") != nil)
                #expect(try client.receiveResponse().text == "GET /behind a ", "\(request)")
            }
        }
    }

    @Test(
        "smuggling: what two servers could read in two ways is refused, and closes", arguments: testedBackends,
        Echo.Ending.allCases)
    func smuggling(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let post = "POST / HTTP/1.1\r\nHost: a\r\n"
        let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
        let requests = [
            post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            post + "Content-Length: 5, 5\r\n\r\nhello", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            post + "Content-Length: -5\r\n\r\nhello", post + "Content-Length: 0x5\r\n\r\nhello",
            post + "Content-Length: 5 \u{0B}\r\n\r\nhello", post + "Content-Length: \r\n\r\n",
            post + "Content-Length: 99999999999999999999999999\r\n\r\n", post + "Content-Length: 5_0\r\n\r\n",
            post + "Content-Length : 5\r\n\r\nhello", post + "Content-Length\r\n: 5\r\n\r\nhello",
            post + "Content_Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            post + "Transfer-Encoding: chunked, identity\r\n\r\n",
            post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", post + "Transfer-Encoding: identity\r\n\r\n",
            post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", post + "Transfer-Encoding: chunked;q=1\r\n\r\n",
            post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
            post + "Transfer-Encoding:\u{0B}chunked\r\n\r\n0\r\n\r\n", post + "Transfer-Encoding:\r\n chunked\r\n\r\n",
            post + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", post + "Transfer-Encoding: chun\0ked\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            chunked + "5\nhello\r\n0\r\n\r\n", chunked + "5\r\nhello0\r\n\r\n", chunked + "5\r\nhelloXX0\r\n\r\n",
            chunked + "0x5\r\nhello\r\n0\r\n\r\n", chunked + "-5\r\nhello", chunked + " 5\r\nhello\r\n0\r\n\r\n",
            chunked + "\r\n5\r\nhello", chunked + "5;a\nb\r\nhello\r\n0\r\n\r\n", chunked + "5;a=\"\r\nhello\r\n",
            chunked + "FFFFFFFFFFFFFFFF\r\n", chunked + "10000000000000000\r\n", chunked + "5\r\rhello\r\n",
            chunked + "0\r\nX : y\r\n\r\n", chunked + "0\r\n X: y\r\n\r\n", chunked + "0\nX: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\r\nHost: a\r\n\r\n", "GET / http/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
            "GET http://b/ HTTP/1.1\r\n\r\n",
            "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://u@b/ HTTP/1.1\r\nHost: b\r\n\r\n", "GET ftp://b/ HTTP/1.1\r\nHost: b\r\n\r\n",
            "GET /\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://\u{E9}/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "G\u{E9}T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ]
        let echo = Echo(ending)
        try await withServer(backend, echo) { port in
            for request in requests {
                let client = try TestClient(port: port)
                try client.send(request + Self.behind)
                let all = String(decoding: try client.receiveAll(), as: UTF8.self)
                #expect(all.hasPrefix("HTTP/1.1 400 "), "\(request.debugDescription): \(all.prefix(60))")
                #expect(all.contains("\r\nConnection: close\r\n"))
                #expect(all.split(separator: "HTTP/1.1 ").count == 1, "one response alone: \(all)")
            }
        }
        #expect(echo.snapshot.executed == 0)
    }

    @Test("a target of the scheme https gets no response without TLS", arguments: testedBackends, Echo.Ending.allCases)
    func misdirected(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withServer(backend, Echo(ending)) { port in
            let client = try TestClient(port: port)
            #expect(try client.ask("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n").status == 421)
        }
    }

    @Test("100 Continue is sent to whom it is due, and to nobody else", arguments: testedBackends, Echo.Ending.allCases)
    func expectations(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let expect = "Expect: 100-continue\r\n"
        let without = [
            "POST / HTTP/1.1\r\nHost: a\r\n\(expect)Content-Length: 2\r\n\r\nhi",
            "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\(expect)Content-Length: 2\r\n\r\nhi",
            "POST / HTTP/1.1\r\nHost: a\r\n\(expect)Content-Length: 0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\n\(expect)\r\n",
        ]
        try await withServer(backend, Echo(ending)) {
            $0.maxBodySize = 10
        } _: { port in
            for request in without {
                let client = try TestClient(port: port)
                #expect(try client.ask(request).status == 200, "\(request)")
            }
            let client = try TestClient(port: port)
            let tooLong = "POST / HTTP/1.1\r\nHost: a\r\n\(expect)Content-Length: 11\r\n\r\n"
            let response = try client.ask(tooLong)
            #expect(response.status == 413, "without an invitation to send the body")
            #expect(response.field("Connection") == "close")
        }
    }

    @Test(
        "a short rest of an unread body is dropped, and the connection lives on", arguments: testedBackends,
        Echo.Ending.allCases)
    func shortRest(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let chunk = "\(String(20_000, radix: 16))\r\n\(String(repeating: "x", count: 20_000))\r\n"
        let bodies = [
            (head: "Content-Length: 50000", body: String(repeating: "x", count: 50_000)),
            (head: "Transfer-Encoding: chunked", body: "\(chunk)\(chunk)0\r\nA: b\r\n\r\n"),
        ]
        for (head, body) in bodies {
            try await withServer(backend, Echo(ending)) { port in
                let client = try TestClient(port: port)
                for cut in [0, 1, 30_000, body.utf8.count] {
                    try client.send("POST /early HTTP/1.1\r\nHost: a\r\n\(head)\r\n\r\n\(body.prefix(cut))")
                    let response = try #require(try? client.receiveResponse(), "\(head) cut at \(cut)")
                    #expect(response.text == "early")
                    #expect(response.field("Connection") == nil)
                    try client.send(body.dropFirst(cut) + Self.behind)
                    #expect(try client.receiveResponse().text == "GET /behind a ", "cut at \(cut)")
                }
            }
        }
    }

    @Test(
        "a long rest of an unread body closes the connection, after the response", arguments: testedBackends,
        Echo.Ending.allCases)
    func longRest(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        let chunk = "\(String(50_000, radix: 16))\r\n\(String(repeating: "x", count: 50_000))\r\n"
        for (head, body) in [
            ("Content-Length: 200000", String(repeating: "x", count: 200_000)),
            ("Transfer-Encoding: chunked", chunk + chunk + chunk + "0\r\n\r\n"),
        ] {
            let echo = Echo(ending)
            try await withServer(backend, echo) { port in
                let client = try TestClient(port: port)
                try client.send("POST /early HTTP/1.1\r\nHost: a\r\n\(head)\r\n\r\n")
                #expect(try client.receiveResponse().text == "early")
                try client.send(body + Self.behind)
                #expect(try client.isClosed())
            }
            #expect(echo.snapshot.executed == 1)
        }
    }

    @Test(
        "a client that waits for 100 and gets its response instead may send the body or not", arguments: testedBackends,
        Echo.Ending.allCases)
    func expectationWithoutContinue(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withServer(backend, Echo(ending)) { port in
            let client = try TestClient(port: port)
            try client.send("POST /early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
            let response = try client.receiveResponse()
            #expect(response.text == "early")
            #expect(response.field("Connection") == "close")
            #expect(try client.isClosed())
        }
    }

    @Test("a streamed body that is empty, or not there, ends at once", arguments: testedBackends, Echo.Ending.allCases)
    func emptyStream(_ backend: IOBackend, _ ending: Echo.Ending) async throws {
        try await withServer(backend, Echo(ending)) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/count").text == "0")
            #expect(try client.ask("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").text == "0")
        }
    }
}
