import Synchronization
import Testing
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport

@Suite("HTTP/2: malformed requests")
struct MalformedRequestTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fields: [(String, String)]
    }

    private static let usual = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]

    private static func without(_ name: String) -> [(String, String)] { usual.filter { $0.0 != name } }

    private static func with(_ name: String, _ value: String) -> [(String, String)] { usual + [(name, value)] }

    /// RFC 9113, 8.2 and 8.3.
    static let rows: [Row] = [
        Row(testDescription: "no method", fields: without(":method")),
        Row(testDescription: "no scheme", fields: without(":scheme")),
        Row(testDescription: "no path", fields: without(":path")),
        Row(testDescription: "no authority and no Host", fields: without(":authority")),
        Row(testDescription: "two methods", fields: usual + [(":method", "GET")]),
        Row(testDescription: "two paths", fields: [(":path", "/x")] + usual),
        Row(testDescription: "two authorities", fields: usual + [(":authority", "a")]),
        Row(testDescription: "an empty path", fields: without(":path") + [(":path", "")]),
        Row(testDescription: "a path without a slash", fields: without(":path") + [(":path", "x")]),
        Row(testDescription: "a path with a space", fields: without(":path") + [(":path", "/a HTTP/1.1")]),
        Row(testDescription: "a path with a fragment", fields: without(":path") + [(":path", "/a#b")]),
        Row(testDescription: "a method with a space", fields: without(":method") + [(":method", "GET /x")]),
        Row(testDescription: "an asterisk with GET", fields: without(":path") + [(":path", "*")]),
        Row(testDescription: "a response's pseudo-field", fields: with(":status", "200")),
        Row(testDescription: "an unknown pseudo-field", fields: with(":colour", "red")),
        Row(testDescription: "extended CONNECT, which is not announced", fields: with(":protocol", "websocket")),
        Row(testDescription: "a late pseudo-field", fields: without(":path") + [("a", "b"), (":path", "/")]),
        Row(testDescription: "a capital letter in a name", fields: with("X-Upper", "1")),
        Row(testDescription: "an empty name", fields: with("", "1")),
        Row(testDescription: "a space in a name", fields: with("a b", "1")),
        Row(testDescription: "a colon in a name", fields: with("a:b", "1")),
        Row(testDescription: "connection", fields: with("connection", "close")),
        Row(testDescription: "keep-alive", fields: with("keep-alive", "1")),
        Row(testDescription: "proxy-connection", fields: with("proxy-connection", "close")),
        Row(testDescription: "transfer-encoding", fields: with("transfer-encoding", "chunked")),
        Row(testDescription: "upgrade", fields: with("upgrade", "h2c")),
        Row(testDescription: "te other than trailers", fields: with("te", "gzip")),
        Row(testDescription: "NUL in a value", fields: with("x", "a\0b")),
        Row(testDescription: "CR in a value", fields: with("x", "a\rb")),
        Row(testDescription: "LF in a value", fields: with("x", "a\nb: c")),
        Row(testDescription: "white space before a value", fields: with("x", " a")),
        Row(testDescription: "white space behind a value", fields: with("x", "a ")),
        Row(testDescription: "user information", fields: without(":authority") + [(":authority", "u:p@a")]),
        Row(testDescription: "an authority that is none", fields: without(":authority") + [(":authority", "a b")]),
        Row(testDescription: "another Host than :authority", fields: with("host", "b")),
        Row(testDescription: "another port than in :authority", fields: with("host", "a:8080")),
        Row(testDescription: "the port of another scheme", fields: with("host", "a:443")),
        Row(testDescription: "two Hosts", fields: without(":authority") + [("host", "a"), ("host", "a")]),
        Row(testDescription: "a length that is no number", fields: with("content-length", "x")),
        Row(testDescription: "a length without a body", fields: with("content-length", "5")),
        Row(testDescription: "CONNECT with a path", fields: [(":method", "CONNECT")] + without(":method")),
    ]

    /// Notes the outcomes of requests.
    private final class Observer: ExchangeObserver {
        let outcomes = Mutex<[String]>([])

        func exchangeBegan(_ record: ExchangeRecord) {}
        func exchangeEnded(_ record: ExchangeRecord) {
            let outcome = "\(record.status ?? 0) \(record.outcome?.rawValue ?? "-")"
            outcomes.withLock { $0.append(outcome) }
        }
    }

    @Test(
        "N-36, W-12: each resets its stream with PROTOCOL_ERROR, hurts no other, and is told to observers",
        arguments: testedBackends)
    func rows(backend: IOBackend) async throws {
        let probe = Probe()
        let observer = Observer()
        try await withHTTP2(backend, probe, configure: { $0.observers = [observer] }) { port in
            let client = try FrameClient(port: port)
            var stream: UInt32 = 1
            for row in Self.rows {
                try client.headers(stream, row.fields)
                let response = try client.response(stream)
                #expect(response.reset == FrameClient.Code.protocolError, "\(row.testDescription): \(response)")
                stream += 2
            }
            #expect(try client.ask(stream, "GET", "/version").status == 200)
        }
        #expect(probe.notes.all == ["ended /version"])
        let outcomes = observer.outcomes.withLock { $0 }
        #expect(outcomes == Self.rows.map { _ in "400 cut" } + ["200 responded"])
    }

    @Test(
        "what is allowed: Host alone, Host that repeats :authority, te: trailers, OPTIONS *, cookies in pieces",
        arguments: testedBackends)
    func allowed(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let client = try FrameClient(port: port)
            try client.headers(1, Self.without(":authority") + [("host", "b")])
            #expect(try client.response(1).status == 200)
            try client.headers(
                3, Self.usual + [("host", "A"), ("te", "trailers"), ("cookie", "a=b"), ("cookie", "c=d")])
            #expect(try client.response(3).status == 200)
            try client.headers(5, [(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), (":authority", "a")])
            #expect(try client.response(5).text == "OPTIONS * ")
            try client.headers(7, Self.without(":scheme") + [(":scheme", "https")])
            #expect(try client.response(7).status == 200)
            try client.headers(9, Self.without(":scheme") + [(":scheme", "ftp")])
            #expect(try client.response(9).status == 421)
            // One field for everyone above HTTP/2 (RFC 9113, 8.2.3).
            let cookies = [("cookie", "a=b"), ("x", "y"), ("cookie", "c=d"), ("cookie", "e=f")]
            #expect(try client.ask(11, "GET", "/cookies", cookies).text == "a=b; c=d; e=f")
            #expect(try client.ask(13, "GET", "/cookies").text == "")
        }
    }

    @Test(
        "Host and :authority may differ in a port that the scheme implies (RFC 9113, 8.3.1)", arguments: testedBackends)
    func impliedPorts(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let client = try FrameClient(port: port)
            let rows = [
                ("http", "a", "a:80"), ("http", "a:80", "A"), ("http", "a:", "a"), ("http", "a:", "a:80"),
                ("https", "a", "a:443"), ("HTTPS", "a:443", "a:"), ("http", "[::1]", "[::1]:80"),
            ]
            for (index, (scheme, authority, host)) in rows.enumerated() {
                let stream = UInt32(2 * index + 1)
                let fields = [(":method", "GET"), (":scheme", scheme), (":path", "/"), (":authority", authority)]
                try client.headers(stream, fields + [("host", host)])
                #expect(try client.response(stream).status == 200, "\(scheme) \(authority) \(host)")
            }
        }
    }

    @Test("trailers that are too large reset their stream alone", arguments: testedBackends)
    func largeTrailers(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let client = try FrameClient(port: port)
            try client.headers(1, FrameClient.request("POST", "/trailers"), end: false)
            try client.headers(1, (0..<20).map { ("x-\($0)", String(repeating: "x", count: 4000)) })
            #expect(try client.response(1).reset == FrameClient.Code.enhanceYourCalm)
            #expect(try client.ask(3, "GET", "/version").status == 200)
        }
    }

    @Test("a body of another length than declared resets its stream", arguments: testedBackends)
    func lengths(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let client = try FrameClient(port: port)
            try client.headers(1, FrameClient.request("POST", "/echo", [("content-length", "3")]), end: false)
            try client.data(1, [1, 2], end: true)
            #expect(try client.response(1).reset == FrameClient.Code.protocolError)
            try client.headers(3, FrameClient.request("POST", "/echo", [("content-length", "3")]), end: false)
            try client.data(3, [1, 2, 3, 4], end: true)
            #expect(try client.response(3).reset == FrameClient.Code.protocolError)
            #expect(try client.ask(5, "GET", "/version").status == 200)
        }
    }

    @Test("414, 431 and 501 as in HTTP/1.1", arguments: testedBackends)
    func statuses(backend: IOBackend) async throws {
        try await withHTTP2(backend, configure: { $0.maxHeaderSize = 20_000 }) { port in
            let client = try FrameClient(port: port)
            #expect(try client.ask(1, "GET", "/" + String(repeating: "a", count: 9000)).status == 414)
            #expect(try client.ask(3, "GET", "/", [("x", String(repeating: "a", count: 21_000))]).status == 431)
            let many = (0..<101).map { ("x-\($0)", "1") }
            #expect(try client.ask(5, "GET", "/", many).status == 431)
            #expect(try client.ask(7, "GET", "/version").status == 200)
        }
    }
}
