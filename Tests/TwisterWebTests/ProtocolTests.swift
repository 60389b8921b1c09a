import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

/// What HTTP requires of an application as a whole: methods, errors, informational responses, trailers, limits.
@Suite(.serialized)
struct ProtocolTests {
    private final class Greeting: RequestHandler {
        override func get() async throws {
            try sendInformational(.earlyHints, [.contentLanguage: "en"])
            if let name = HTTPField.Name("X-Sum") { try setTrailer(name, "x") }
            write("hello")
        }
    }

    private final class Failing: RequestHandler {
        override func get() async throws { throw HTTPError(.conflict, "not for <clients>") }
        override func post() async throws { setStatus(150) }
        override func put() async throws { throw HTTPError(.methodNotAllowed, headers: [.allow: "PATCH"]) }
    }

    private final class Upload: RequestHandler {
        override class var requestBody: RequestBodyMode { .streamed }
        override func prepare() async throws {
            setMaxBodySize(request.query == "small" ? 10 : 1_000_000)
            if request.query == "quick" { setBodyTimeout(.milliseconds(150)) }
        }
        override func post() async throws {
            var count = 0
            for try await chunk in request.bodyStream { count += chunk.count }
            write("\(count)")
        }
    }

    private func withApplication(_ backend: IOBackend, _ body: (TestClient, UInt16) async throws -> Void) async throws {
        let application = try Application([
            URLSpec("/", Greeting.self), URLSpec("/fail", Failing.self), URLSpec("/upload", Upload.self),
            URLSpec("/all/.*", Greeting.self),
        ])
        try await withServer(backend, application) { port in try await body(TestClient(port: port), port) }
    }

    @Test("N-23, N-24: methods, known and unknown", arguments: testedBackends)
    func methods(_ backend: IOBackend) async throws {
        try await withApplication(backend) { client, _ in
            let post = try client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
            #expect(post.status == 405)
            #expect(post.field("Allow") == "GET, HEAD, OPTIONS")
            let trace = try client.ask("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(trace.status == 405)
            #expect(trace.field("Allow") == "GET, HEAD, OPTIONS")
            #expect(try client.ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n").status == 501)
            #expect(try client.ask("get / HTTP/1.1\r\nHost: a\r\n\r\n").status == 501)
            let options = try client.ask("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(options.status == 204)
            #expect(options.field("Allow") == "GET, HEAD, OPTIONS")
            let server = try client.ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(server.status == 204)
            #expect(server.field("Allow")?.contains("DELETE") == true)
            let own = try client.ask("PUT /fail HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(own.field("Allow") == "PATCH")
            let connect = try client.ask("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(connect.status == 405)
            #expect(try client.endsConnection(after: connect))
        }
    }

    @Test(
        "H1-8: a client that waits to send a body that is not needed gets its response at once",
        arguments: testedBackends)
    func expectationRefused(backend: IOBackend) async throws {
        try await withApplication(backend) { _, port in
            for (line, status) in [
                ("POST /nowhere", 404), ("DELETE /", 405), ("PROPFIND /", 501), ("DELETE /fail", 405),
            ] {
                let client = try TestClient(port: port)
                let fields = "Host: a\r\nExpect: 100-continue\r\nContent-Length: 50000000"
                let response = try client.ask("\(line) HTTP/1.1\r\n\(fields)\r\n\r\n")
                #expect(response.status == status)
                #expect(try client.endsConnection(after: response))
            }
            let client = try TestClient(port: port)
            let small = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            #expect(try client.ask(small).status == 405)
            #expect(try client.get("/").status == 103)
        }
    }

    @Test("N-23: a handler's errors get pages too, which do not contain the error itself", arguments: testedBackends)
    func errors(_ backend: IOBackend) async throws {
        try await withApplication(backend) { client, _ in
            let html = try client.get("/fail")
            #expect(html.status == 409)
            #expect(html.text.contains("<title>409: Conflict</title>"))
            let json = try client.ask("GET /fail HTTP/1.1\r\nHost: a\r\nAccept: application/problem+json\r\n\r\n")
            #expect(json.field("Content-Type") == "application/problem+json")
            #expect(json.text == #"{"title":"Conflict","status":409}"# + "\n")
            let missing = try client.ask("HEAD /no HTTP/1.1\r\nHost: a\r\n\r\n", toHead: true)
            #expect(missing.status == 404)
            #expect(missing.field("Content-Length") != "0")
            #expect(try client.ask("POST /fail HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status == 500)
        }
    }

    @Test("N-27, N-28: early hints and trailers from a handler", arguments: testedBackends)
    func extras(_ backend: IOBackend) async throws {
        try await withApplication(backend) { client, _ in
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.receiveResponse().status == 103)
            let response = try client.receiveResponse()
            #expect(response.text == "hello")
            #expect(response.field("Trailer") == "X-Sum")
            #expect(try client.get("/fail").status == 409)
        }
    }

    @Test("H1-15: limits of a body that a handler sets in prepare", arguments: testedBackends)
    func limits(_ backend: IOBackend) async throws {
        try await withApplication(backend) { client, port in
            let post = { (query: String, length: Int) in
                "POST /upload?\(query) HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n"
            }
            #expect(try client.ask(post("", 20) + String(repeating: "x", count: 20)).text == "20")
            let refused = try client.ask(post("small", 11))
            #expect(refused.status == 413)
            #expect(try client.endsConnection(after: refused))
            let chunked = try TestClient(port: port)
            let response = try chunked.ask(
                "POST /upload?small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n"
            )
            #expect(response.status == 413)
            let slow = try TestClient(port: port)
            #expect(try slow.ask(post("quick", 10) + "12345").status == 408)
        }
    }
}
