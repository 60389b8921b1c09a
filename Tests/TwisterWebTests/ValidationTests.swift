import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@Suite("Validation", .serialized)
struct ValidationTests {
    private struct Draft: Decodable, Validatable {
        let title: String
        func validate() throws { try require(!title.isEmpty, "title", "must not be empty") }
    }

    /// Makes its value by hand, as one that has read a streamed form.
    private final class OwnHandler: RequestHandler {
        override func get() async throws {
            try Draft(title: try getArgument("title")).validate()
            write("valid")
        }
    }

    private final class SeveralHandler: RequestHandler {
        override func get() async throws {
            throw ValidationFailures([ValidationFailure("a", "is one"), ValidationFailure("b[0]", "is another")])
        }
    }

    @Test("a value that a handler validates by itself is refused as one that was decoded", arguments: testedBackends)
    func own(_ backend: IOBackend) async throws {
        let application = try Application([URLSpec("/", OwnHandler.self), URLSpec("/several", SeveralHandler.self)])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/?title=a").text == "valid")
            func problem(_ target: String) throws -> TestClient.Response {
                try client.ask("GET \(target) HTTP/1.1\r\nHost: a\r\nAccept: application/problem+json\r\n\r\n")
            }
            let one = try problem("/?title=")
            #expect(one.status == 422)
            #expect(one.text.contains("title must not be empty"))
            let several = try problem("/several")
            #expect(several.status == 422)
            #expect(several.text.contains("a is one; b[0] is another"))
        }
    }

    @Test(
        "N-23: an application may prefer problem details for clients that like both equally", arguments: testedBackends)
    func preference(_ backend: IOBackend) async throws {
        let application = try Application(
            [URLSpec("/", OwnHandler.self)], settings: .init(prefersProblemDetails: true))
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let problem = "application/problem+json"
            let html = "text/html; charset=utf-8"
            for (accept, type) in [
                ("", problem), ("Accept: */*\r\n", problem), ("Accept: application/json\r\n", "application/json"),
                ("Accept: text/html,*/*;q=0.8\r\n", html), ("Accept: image/png\r\n", html),
                ("Accept: text/html,application/problem+json\r\n", problem),
            ] {
                for path in ["/?title=", "/none"] {
                    let response = try client.ask("GET \(path) HTTP/1.1\r\nHost: a\r\n\(accept)\r\n")
                    #expect(response.field("Content-Type") == type, "\(path) \(accept)")
                    #expect(response.field("Vary") == "Accept")
                }
            }
        }
    }
}
