import HTTPTypes
import Testing
import TwisterCodec
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP
@testable import TwisterWeb

private final class StoryHandler: RequestHandler {
    override func get() async throws { write("story \(pathArguments[0] ?? "-")") }
}

private final class LostHandler: RequestHandler {
    override func prepare() async throws {
        setStatus(.notFound)
        finish("lost: \(request.path)")
    }
}

@Suite("Application", .serialized)
struct ApplicationTests {
    /// A request without a connection.
    private static func request(_ text: String) throws -> HTTPServerRequest {
        let exchange = HTTPConnection(try IOLoop.current())
        var parser = RequestParser()
        let result = Array(text.utf8).withUnsafeBytes { parser.parse($0, into: exchange.requestHead) }
        guard case .complete = result else { throw TestFailure("\(result)") }
        return HTTPServerRequest(exchange)
    }

    @Test("S-9, S-11, S-14: it responds to a request value without a socket, with a dispatcher for each")
    func withoutSocket() async throws {
        let application = try Application([
            URLSpec("/story/([0-9]+)", StoryHandler.self), URLSpec(.post, "/story/.*") { $0.write("no") },
        ])
        let request = try Self.request("GET /story/7 HTTP/1.1\r\nHost: a\r\n\r\n")
        let delegate = application.startRequest(request)
        #expect(delegate !== application.startRequest(request))
        guard case .collected(limit: nil) = delegate.headersReceived() else {
            Issue.record("a body that is not collected")
            return
        }
        try await delegate.execute()
        #expect(request.connection.head.status == 200)
        #expect(String(decoding: request.connection.responseBody.octets, as: UTF8.self) == "story 7")
        delegate.exchangeEnded()

        let lost = try Self.request("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        let notFound = application.startRequest(lost)
        _ = notFound.headersReceived()
        await #expect(throws: HTTPError.self) { try await notFound.execute() }
        await notFound.executionFailed(HTTPError(.notFound))
        #expect(lost.connection.head.status == 404)
        notFound.exchangeEnded()
    }

    @Test("S-10: the handlers are listed with pattern, class and name; a bad pattern fails with its text")
    func listing() throws {
        let application = try Application([
            URLSpec("/story/([0-9]+)", StoryHandler.self, name: "story"), URLSpec(.get, "/") { $0.write("") },
        ])
        #expect(application.handlers.map(\.pattern) == ["/story/([0-9]+)", "/"])
        #expect(application.handlers.map(\.name) == ["story", nil])
        let error = #expect(throws: RoutingError.self) { try Application([URLSpec("/bad(", StoryHandler.self)]) }
        #expect(error.map { "\($0)".contains("/bad(") } == true)
    }

    @Test("S-12: the first match wins, and the default handler takes the rest", arguments: testedBackends)
    func firstMatch(backend: IOBackend) async throws {
        let application = try Application(
            [
                URLSpec(.get, "/user/me") { $0.write("me") },
                URLSpec(.get, "/user/([a-z]+)") { $0.write("user \($0.pathArguments[0] ?? "")") },
                URLSpec(.get, "/user/admin") { $0.write("never") },
            ], defaultHandler: { LostHandler($0) })
        #expect(application.validate().count == 1)
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/user/me").text == "me")
            #expect(try client.get("/user/me?q=/user/admin").text == "me")
            #expect(try client.get("/user/admin").text == "user admin")
            #expect(try client.get("http://localhost/user/me").text == "me")
            let lost = try client.get("/user/1")
            #expect(lost.status == 404 && lost.text == "lost: /user/1")
        }
    }

    @Test("S-16, RH-43: reverseURL gives the path that the same route matches", arguments: testedBackends)
    func reverse(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/first/([^/]+)/([0-9]+)", name: "two") { handler in
                handler.write("\(handler.pathArguments[0] ?? "")|\(handler.pathArguments[1] ?? "")")
            }
        ])
        #expect(throws: URLReverseError.self) { try application.reverseURL("three") }
        #expect(throws: URLReverseError.self) { try application.reverseURL("two", "x") }
        #expect(throws: URLReverseError.self) { try application.reverseURL("two", "x", "y") }
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for word in ["plain", "a b", "é/ü", "100%", "?#&=+", "漢"] {
                let path = try application.reverseURL("two", word, 42)
                #expect(try client.get(path).text == "\(word)|42", "\(path)")
            }
        }
    }

    @Test("CONNECT is refused and the connection closes", arguments: testedBackends)
    func connect(backend: IOBackend) async throws {
        try await withServer(backend, try Application([])) { port in
            let client = try TestClient(port: port)
            let response = try client.ask("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
            #expect(response.status == 405)
            #expect(try client.endsConnection(after: response))
        }
    }
}
