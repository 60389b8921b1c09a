import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

private class BaseHandler: RequestHandler {
    override func setDefaultHeaders() throws { try setHeader(.server, "own") }
    override func writeError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
        write("own page: \(status.code), \((error as? HTTPError)?.detail ?? "no detail")")
    }
}

private final class CollectingHandler: BaseHandler {
    override class var policy: Policy { Policy(maxBodySize: 10) }
    override func post() async throws { write("\(request.body.count)") }
}

/// Reads its body in its method.
private final class ReadingHandler: BaseHandler {
    override class var policy: Policy { Policy(maxBodySize: 10) }
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws {
        if let limit = try getQueryArgument("limit", default: nil).flatMap({ Int($0) }) { setMaxBodySize(limit) }
        if try getQueryArgument("hurried", default: nil) != nil { setBodyTimeout(.milliseconds(100)) }
    }
    override func post() async throws {
        // The client waits for this before it sends too much.
        if request.query.contains("hint") { try sendInformational(.earlyHints) }
        var count = 0
        do {
            for try await chunk in request.bodyStream { count += chunk.count }
        } catch HTTPBodyError.refused(let status) where request.query == "own,hint" {
            return write("caught \(status)")
        }
        write("\(count)")
    }
}

/// Does not look at its body.
private final class HeedlessHandler: BaseHandler {
    override class var policy: Policy { Policy(maxBodySize: 10) }
    override class var requestBody: RequestBodyMode { .streamed }
    override func post() async throws {
        try await sleep(for: .milliseconds(20))
        write("heedless")
    }
}

/// Requests that the server refuses when their route is known: the response is an error of the route, with its page and the
/// fields of middleware.
@Suite("Requests that the server refuses, with a known route", .serialized)
struct RefusedRequestTests {
    private static let routes: [any Routes] = [
        URLSpec("/collected", CollectingHandler.self), URLSpec("/streamed", ReadingHandler.self),
        URLSpec("/heedless", HeedlessHandler.self),
        URLSpec(.post, "/closure") { handler in "\(handler.request.body.count)" }.policy(Policy(maxBodySize: 10)),
        URLSpec(.get, "/get") { _ in "got" },
    ]

    private static func application(_ extra: [any Routes] = [], _ trace: Trace = Trace()) throws -> Application {
        let noting = MiddlewareClosure { handler, next in
            do { try await next() } catch {
                trace.note("\(error)")
                throw error
            }
        }
        return try Application(
            routes + extra, middleware: [try CORS(origins: ["https://a.example"]), SecurityHeaders(), noting],
            settings: .init(
                errorPage: { handler, status, error in
                    let detail = (error as? HTTPError)?.detail ?? "no detail"
                    handler.write("page of \(status.code), \(detail)")
                }))
    }

    private static func message(_ path: String, _ fields: String, _ body: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n\(fields)\r\n\r\n\(body)"
    }

    private static let tooLong = "b\r\n0123456789a\r\n0\r\n\r\n"

    /// Whether the response has what every response of the application has.
    private func expectOwn(
        _ response: TestClient.Response, _ status: Int, _ page: String, _ comment: String,
        location: SourceLocation = #_sourceLocation
    ) {
        let comment = Comment(rawValue: "\(comment): \(response.head)\(response.text)")
        #expect(response.status == status && response.text == page, comment, sourceLocation: location)
        #expect(
            response.field("Access-Control-Allow-Origin") == "https://a.example", comment, sourceLocation: location)
        #expect(response.field("X-Content-Type-Options") == "nosniff", comment, sourceLocation: location)
    }

    @Test("N-24, RH-32, RH-48: 413 of a route has the application's page and fields", arguments: testedBackends)
    func contentTooLarge(backend: IOBackend) async throws {
        let trace = Trace()
        try await withServer(backend, try Self.application([], trace)) { port in
            for path in ["/closure", "/collected", "/streamed"] {
                let page = path == "/closure" ? "page of 413, no detail" : "own page: 413, no detail"
                let messages = [
                    Self.message(path, "Content-Length: 11", "0123456789a"),
                    // The client gets the response in place of the permission to send.
                    Self.message(path, "Content-Length: 11\r\nExpect: 100-continue"),
                    Self.message(path, "Transfer-Encoding: chunked", Self.tooLong),
                ]
                for message in messages {
                    let client = try TestClient(port: port)
                    let response = try client.ask(message)
                    expectOwn(response, 413, page, message)
                    #expect(path == "/closure" || response.field("Server") == "own")
                    #expect(try client.endsConnection(after: response), "\(message)")
                }
            }
            #expect(trace.all.count == 9 && trace.all.allSatisfy { $0.contains("413") }, "\(trace.all)")
        }
    }

    @Test("RH-48: 413 while the handler reads, at a limit that it sets", arguments: testedBackends)
    func whileReading(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application()) { port in
            for path in ["/streamed?limit=4&hint=1", "/streamed?hint"] {
                let client = try TestClient(port: port)
                let hint = try client.ask(Self.message(path, "Transfer-Encoding: chunked", "3\r\nabc\r\n"))
                #expect(hint.status == 103)
                let response = try client.ask("8\r\ndefghijk\r\n0\r\n\r\n")
                expectOwn(response, 413, "own page: 413, no detail", path)
                #expect(try client.endsConnection(after: response))
            }
            // All of the body is there before the handler sets the limit.
            for fields in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
                let body = fields.hasPrefix("C") ? "01234" : "5\r\n01234\r\n0\r\n\r\n"
                let response = try TestClient(port: port).ask(Self.message("/streamed?limit=4", fields, body))
                expectOwn(response, 413, "own page: 413, no detail", fields)
            }
            let own = try TestClient(port: port)
            let hint = try own.ask(Self.message("/streamed?own,hint", "Transfer-Encoding: chunked", "3\r\nabc\r\n"))
            #expect(hint.status == 103)
            expectOwn(try own.ask("8\r\ndefghijk\r\n0\r\n\r\n"), 200, "caught 413", "the handler responds itself")
            let heedless = try TestClient(port: port)
            try heedless.send(Self.message("/heedless", "Transfer-Encoding: chunked", "3\r\nabc\r\n"))
            try await Task.sleep(for: .milliseconds(5))
            let response = try heedless.ask("8\r\ndefghijk\r\n0\r\n\r\n")
            #expect([200, 413].contains(response.status), "\(response.head)")
            #expect(response.field("X-Content-Type-Options") == "nosniff")
        }
    }

    @Test("N-24: what follows a refused request on its connection is not read as a request", arguments: testedBackends)
    func nothingFollows(backend: IOBackend) async throws {
        let trace = Trace()
        let smuggled = URLSpec(.get, "/smuggled") { _ in trace.note("smuggled") }
        let next = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        try await withServer(backend, try Self.application([smuggled])) { port in
            for path in ["/closure", "/streamed"] {
                for message in [
                    Self.message(path, "Content-Length: \(next.utf8.count)", next),
                    Self.message(
                        path, "Transfer-Encoding: chunked",
                        String(next.utf8.count, radix: 16) + "\r\n\(next)\r\n0\r\n\r\n"),
                ] {
                    let client = try TestClient(port: port)
                    let response = try client.ask(message)
                    #expect(response.status == 413)
                    #expect(try client.endsConnection(after: response))
                }
            }
            #expect(trace.all.isEmpty)
        }
    }

    @Test("H1-20, RH-32: 400 and 415 of a body's coding, 417, and 408", arguments: testedBackends)
    func relatives(backend: IOBackend) async throws {
        let configure = { (configuration: inout HTTPServer.Configuration) in
            configuration.decompressRequest = true
            configuration.bodyStallTimeout = .milliseconds(100)
        }
        try await withServer(backend, try Self.application(), configure: configure) { port in
            func ask(_ path: String, _ fields: String, _ body: String = "") throws -> TestClient.Response {
                try TestClient(port: port).ask(Self.message(path, fields, body))
            }
            for (path, page) in [("/closure", "page of"), ("/collected", "own page:"), ("/streamed", "own page:")] {
                let gzip = try ask(path, "Content-Encoding: gzip\r\nContent-Length: 3", "abc")
                expectOwn(gzip, 400, "\(page) 400, the compressed body is malformed", path)
                let brotli = try ask(path, "Content-Encoding: br\r\nContent-Length: 3", "abc")
                expectOwn(brotli, 415, "\(page) 415, the body's Content-Encoding is not supported", path)
                #expect(brotli.field("Accept-Encoding") == "gzip, deflate")
                expectOwn(
                    try ask(path, "Expect: miracles\r\nContent-Length: 3", "abc"), 417, "\(page) 417, no detail", path)
                expectOwn(
                    try ask(path, "Content-Length: 3", "a"), 408, "\(page) 408, the request's body took too long", path)
            }
            expectOwn(
                try ask("/streamed?hurried=1", "Content-Length: 3", "a"), 408,
                "own page: 408, the request's body took too long", "a limit that the handler sets")
        }
    }

    @Test(
        "S-13: 400 of a chunk that cannot be read", .disabled(if: TestClient.speaksHTTP2, "chunks are of HTTP/1.1"),
        arguments: testedBackends)
    func malformedChunks(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application()) { port in
            for (path, page) in [("/closure", "page of 400, "), ("/streamed", "own page: 400, ")] {
                let client = try TestClient(port: port)
                let response = try client.ask(Self.message(path, "Transfer-Encoding: chunked", "3\r\nabc\r\nzz\r\n"))
                #expect(response.status == 400 && response.text.hasPrefix(page), "\(response.text)")
                #expect(response.field("Access-Control-Allow-Origin") == "https://a.example")
                #expect(try client.endsConnection(after: response))
            }
        }
    }

    @Test(
        "N-24, RH-32: problem details where they are preferred; the default page without middleware",
        arguments: testedBackends)
    func builtInPage(backend: IOBackend) async throws {
        for prefers in [true, false] {
            let application = try Application(Self.routes, settings: .init(prefersProblemDetails: prefers))
            try await withServer(backend, application) { port in
                let response = try TestClient(port: port).ask(Self.message("/closure", "Content-Length: 11"))
                #expect(response.status == 413)
                let type = prefers ? "application/problem+json" : "text/html; charset=utf-8"
                #expect(response.field("Content-Type") == type)
            }
        }
    }

    @Test("N-52: 503 of a route that serves too many has the fields of middleware", arguments: testedBackends)
    func tooMany(backend: IOBackend) async throws {
        let gate = AsyncEvent()
        let trace = Trace()
        let busy = URLSpec(.post, "/busy") { _ -> String in
            trace.note("begun")
            try await gate.wait()
            return "served"
        }.policy(Policy(concurrency: 1))
        try await withServer(backend, try Self.application([busy])) { port in
            let first = try TestClient(port: port)
            try first.send(Self.message("/busy", "Content-Length: 0"))
            try await trace.wait(for: 1)
            let second = try TestClient(port: port).ask(Self.message("/busy", "Content-Length: 0"))
            expectOwn(second, 503, "page of 503, no detail", "one too many")
            gate.set()
            #expect(try first.receiveResponse().text == "served")
        }
    }

    @Test("N-24: a refused request counts as under way no longer than its response", arguments: testedBackends)
    func countedRequests(backend: IOBackend) async throws {
        let configure = { (configuration: inout HTTPServer.Configuration) in
            configuration.clientLimits.maxConcurrentRequests = 1
        }
        try await withServer(backend, try Self.application(), configure: configure) { port in
            for _ in 0..<3 {
                let refused = try TestClient(port: port).ask(Self.message("/closure", "Content-Length: 11"))
                expectOwn(refused, 413, "page of 413, no detail", "counted")
            }
            try await eventually("the refused requests are over") {
                try TestClient(port: port).get("/get").text == "got"
            }
        }
    }
}
