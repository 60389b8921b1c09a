import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport
import TwisterWeb

/// A combining character makes one `Character` of a `String` with the one before it: code that looks for a slash, a
/// semicolon or a space among characters does not find it.
@Suite("Combining characters", .serialized)
struct CombiningCharacterTests {
    /// U+FE0F, U+034F and U+0301, as octets of a path, and percent-encoded.
    private static let marks = [("\u{FE0F}", "%EF%B8%8F"), ("\u{34F}", "%CD%8F"), ("\u{301}", "%CC%81")]

    @Test("RH-49: TrailingSlash never leads to another host, and makes valid URLs", arguments: testedBackends)
    func trailingSlash(_ backend: IOBackend) async throws {
        let application = try Application([
            RouteGroup(middleware: [TrailingSlash.removed]) { URLSpec(.get, "/([^/]*)/?") { $0.write("none") } },
            RouteGroup(middleware: [TrailingSlash.added]) { URLSpec(.get, "/([^/]*)/add/?") { $0.write("slash") } },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for (mark, encoded) in Self.marks {
                let removed = try client.get("/\(mark)evil.example/")
                #expect(removed.status == 301 && removed.field("Location") == "/\(encoded)evil.example")
                let added = try client.get("/\(mark)evil.example/add")
                #expect(added.status == 301 && added.field("Location") == "/\(encoded)evil.example/add/")
            }
        }
    }

    @Test("RH-47: RedirectHandler never leads to another host", arguments: testedBackends)
    func redirectHandler(_ backend: IOBackend) async throws {
        let application = try Application([
            URLSpec("/to/(.*)", RedirectHandler.self, Redirection("/{0}")),
            URLSpec("/fixed", RedirectHandler.self, Redirection("/\u{FE0F}/fixed")),
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for (mark, encoded) in Self.marks {
                #expect(try client.get("/to/\(mark)evil.example").field("Location") == "/\(encoded)evil.example")
            }
            #expect(try client.get("/fixed").field("Location") == "/%EF%B8%8F/fixed")
        }
    }

    @Test("X-4: HTTPSRedirect redirects each path", arguments: testedBackends)
    func httpsRedirect(_ backend: IOBackend) async throws {
        let application = try Application([URLSpec(.get, "/.*") { $0.write("secret") }], middleware: [HTTPSRedirect()])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for (mark, encoded) in Self.marks {
                let response = try client.ask("GET /\(mark)page HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(response.status == 301 && response.field("Location") == "https://a/\(encoded)page")
            }
        }
    }

    @Test("a media type ends at its semicolon", arguments: testedBackends)
    func mediaType(_ backend: IOBackend) async throws {
        let application = try Application([URLSpec(.post, "/") { $0.write(try $0.getArgument("a", default: "none")) }])
        try await withServer(backend, application) { port in
            let type = "Content-Type: application/x-www-form-urlencoded;\u{301}x=y"
            let response = try TestClient(port: port).ask(
                "POST / HTTP/1.1\r\nHost: a\r\n\(type)\r\nContent-Length: 3\r\n\r\na=1")
            #expect(response.text == "1")
        }
    }
}
