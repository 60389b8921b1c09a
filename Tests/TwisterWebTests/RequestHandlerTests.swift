import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// Notes the calls in order. `prepare` ends the request as `?end=` says.
private final class CourseHandler: RequestHandler {
    private let trace: Trace

    init(_ context: HandlerContext, _ trace: Trace) {
        self.trace = trace
        super.init(context)
    }

    required init(_ context: HandlerContext) {
        trace = Trace()
        super.init(context)
    }

    override func initialize() { trace.note("initialize") }
    override func prepare() async throws {
        trace.note("prepare")
        switch try getQueryArgument("end", default: nil) {
        case "finish": finish("from prepare")
        case "redirect": try redirect("/elsewhere")
        case "error": await sendError(.conflict)
        case "throw": throw HTTPError(.forbidden)
        default: break
        }
    }
    override func get() async throws {
        trace.note("get")
        write("got")
    }
    override func post() async throws {
        trace.note("post")
        throw HTTPError(.notFound)
    }
    override func onFinish() { trace.note("onFinish \(getStatus().code)") }
}

@Suite("RequestHandler: the course of a request", .serialized)
struct RequestHandlerTests {
    @Test(
        "S-13, RH-2, RH-4, RH-5, RH-7: initialize, prepare, the method, onFinish, each once", arguments: testedBackends)
    func course(backend: IOBackend) async throws {
        let trace = Trace()
        let application = try Application([URLSpec("/") { CourseHandler($0, trace) }])
        let cases: [(request: String, status: Int, calls: [String])] = [
            ("GET /", 200, ["initialize", "prepare", "get", "onFinish 200"]),
            ("POST /", 404, ["initialize", "prepare", "post", "onFinish 404"]),
            ("PUT /", 405, ["initialize", "prepare", "onFinish 405"]),
            ("GET /?end=finish", 200, ["initialize", "prepare", "onFinish 200"]),
            ("GET /?end=redirect", 302, ["initialize", "prepare", "onFinish 302"]),
            ("GET /?end=error", 409, ["initialize", "prepare", "onFinish 409"]),
            ("GET /?end=throw", 403, ["initialize", "prepare", "onFinish 403"]),
        ]
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for (request, status, calls) in cases {
                let response = try client.ask("\(request) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                #expect(response.status == status, "\(request)")
                try await trace.wait(for: calls.count)
                #expect(trace.take() == calls, "\(request)")
            }
        }
    }

    @Test("S-15, RH-11 to RH-13, RH-26, RH-27: head and body", arguments: testedBackends)
    func output(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/text") { $0.write("text & more") },
            URLSpec(.get, "/bytes") { $0.write([0, 1, 255]) },
            URLSpec(.get, "/json") { try $0.write(json: ["a": [1, 2]]) },
            URLSpec(.get, "/parts") { handler in
                handler.write("a")
                handler.finish("b")
                handler.write("lost")
                handler.finish()
                #expect(handler.isFinished)
            },
            URLSpec(.get, "/head") { handler in
                handler.setStatus(299, reason: "Odd")
                try handler.setHeader(.eTag, "old")
                try handler.setHeader(.eTag, "\"new\"")
                try handler.addHeader(.vary, "A")
                try handler.addHeader(.vary, "B")
                try handler.setHeader(.server, "gone")
                handler.clearHeader(.server)
                #expect(handler.getStatus().code == 299)
            },
            URLSpec(.get, "/permanent") { try $0.redirect("/new?x=1", status: .movedPermanently) },
            URLSpec(.get, "/clear") { handler in
                handler.setStatus(.created)
                try handler.setHeader(.eTag, "x")
                handler.write("wrong")
                handler.clear()
                handler.write("right")
            },
            URLSpec(.get, "/injection") { handler in
                #expect(throws: (any Error).self) { try handler.setHeader(.eTag, "a\r\nSet-Cookie: b") }
                #expect(throws: (any Error).self) { try handler.redirect("/\r\nSet-Cookie: b") }
                handler.clear()
                handler.setStatus(200, reason: "a\r\nSet-Cookie: b")
            },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let text = try client.get("/text")
            #expect(text.text == "text & more" && text.field("Content-Length") == "11")
            #expect(text.field("Content-Type") == "text/html; charset=utf-8")
            #expect(text.field("Date")?.hasSuffix(" GMT") == true)
            let bytes = try client.get("/bytes")
            #expect(bytes.body == [0, 1, 255] && bytes.field("Content-Type") == "application/octet-stream")
            let json = try client.get("/json")
            #expect(json.text == #"{"a":[1,2]}"# && json.field("Content-Type")?.hasPrefix("application/json") == true)
            #expect(try client.get("/parts").text == "ab")

            let head = try client.get("/head")
            // HTTP/2 has no reasons.
            #expect(head.head.hasPrefix("HTTP/1.1 299 \(TestClient.speaksHTTP2 ? "" : "Odd\r\n")"))
            #expect(head.head.contains("ETag: \"new\"\r\n") && !head.head.contains("old"))
            #expect(head.head.contains("Vary: A\r\n") && head.head.contains("Vary: B\r\n"))
            #expect(!head.head.contains("gone"))

            let permanent = try client.get("/permanent")
            #expect(permanent.status == 301 && permanent.field("Location") == "/new?x=1" && permanent.body.isEmpty)
            let cleared = try client.get("/clear")
            #expect(cleared.status == 200 && cleared.text == "right" && cleared.field("ETag") == nil)
            let injection = try client.get("/injection")
            let line = "HTTP/1.1 200 \(TestClient.speaksHTTP2 ? "" : "Unknown\r\n")"
            #expect(injection.head.hasPrefix(line) && !injection.head.contains("Set-Cookie"))
        }
    }

    @Test("RH-14 to RH-17: arguments of query and form, decoded and stripped", arguments: testedBackends)
    func arguments(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.post, "/") { handler in
                handler.write(
                    [
                        try handler.getArguments("a").joined(separator: "|"),
                        try handler.getQueryArgument("a", default: "none"),
                        try handler.getBodyArgument("a", default: "none"),
                        try handler.getArgument("no", default: "default"),
                        try handler.getArgument("a"),
                    ].joined(separator: "\n"))
            },
            URLSpec(.get, "/must") { $0.write(try $0.getArgument("name")) },
            URLSpec(.post, "/json") { $0.write("\(try $0.decodeBody([Int].self).count)") },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let form = "a=%C3%A9+x&a=++last+&b=2"
            func post(_ type: String) throws -> [Substring] {
                try client.ask(
                    "POST /?a=1&a=%2B2 HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\n"
                        + "Content-Length: \(form.utf8.count)\r\n\r\n\(form)"
                ).text.split(separator: "\n")
            }
            #expect(
                try post("application/x-www-form-urlencoded") == ["1|+2|é x|last", "+2", "last", "default", "last"])
            #expect(try post("text/plain") == ["1|+2", "+2", "none", "default", "+2"])
            #expect(try client.get("/must?name=%20you%20").text == "you")
            #expect(try client.get("/must").status == 400)
            #expect(
                try client.ask(
                    "POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n[1,2]"
                ).text == "2")
            #expect(
                try client.ask(
                    "POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                ).status == 422)
        }
    }

    @Test(
        "RH-3, RH-8: groups of the path arrive decoded, by number and name; bad escapes are 400",
        arguments: testedBackends)
    func pathArguments(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/n/(?P<first>[^/]+)/(?P<second>[0-9]*)") { handler in
                handler.write("\(handler.pathArguments["first"] ?? "-") \(handler.pathArguments["second"] ?? "-")")
            },
            URLSpec(.get, "/([^/]+)/(.*)") { handler in
                handler.write("\(handler.pathArguments[0] ?? "-")|\(handler.pathArguments[1] ?? "-")")
                #expect(handler.pathArguments[2] == nil)
            },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/a%2Fb/c%20d+e/f").text == "a/b|c d+e/f")
            #expect(try client.get("/%C3%A9/").text == "é|")
            #expect(try client.get("/n/x%20y/12").text == "x y 12")
            for path in ["/%zz/x", "/%/x", "/%4/x", "/%ff/x", "/x/%C3"] {
                #expect(try client.get(path).status == 400, "\(path)")
            }
            #expect(try client.get("/still/here").text == "still|here")
        }
    }

    @Test("S-40: the request's parts, the same for both framings", arguments: testedBackends)
    func request(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.post, "/.*") { handler in
                let request = handler.request
                handler.write(
                    [
                        request.method.rawValue, request.uri, request.path, request.query, request.version,
                        request.host,
                        request.hostName, request.protocol, request.remoteIP, request.fullURL(),
                        request.headers[.userAgent] ?? "", request.queryArguments["a"]?.joined(separator: ",") ?? "",
                        request.cookies["c"] ?? "", String(decoding: request.body, as: UTF8.self),
                    ].joined(separator: "\n"))
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let head = "POST /p%20q?a=1&a=2 HTTP/1.1\r\nHost: Example.org:81\r\nUser-Agent: x\r\nCookie: c=d\r\n"
            let fixed = try client.ask(head + "Content-Length: 4\r\n\r\nbody")
            let chunked = try client.ask(head + "Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n")
            #expect(
                fixed.text.split(separator: "\n") == [
                    "POST", "/p%20q?a=1&a=2", "/p%20q", "a=1&a=2", "\(TestClient.version)",
                    "Example.org:81", "example.org", "http", "127.0.0.1", "http://Example.org:81/p%20q?a=1&a=2", "x",
                    "1,2", "d", "body",
                ])
            #expect(chunked.text == fixed.text)
        }
    }
}
