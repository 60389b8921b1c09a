import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@Suite("HTTPSRedirect")
struct HTTPSRedirectTests {
    private func application(_ redirect: HTTPSRedirect) throws -> Application {
        try Application(
            [
                URLSpec(.get, "/.*") { $0.write("secured") },
                URLSpec(.post, "/.*") { $0.write("posted") },
            ], middleware: [redirect])
    }

    @Test("X-4: plain http is redirected with its path and query", arguments: testedBackends)
    func redirects(_ backend: IOBackend) async throws {
        try await withServer(backend, application(HTTPSRedirect())) { port in
            let client = try TestClient(port: port)
            let got = try client.ask("GET /a/b?c=%20&d HTTP/1.1\r\nHost: www.example.org:8080\r\n\r\n")
            #expect(got.status == 301 && got.field("Location") == "https://www.example.org/a/b?c=%20&d")
            let posted = try client.ask("POST /a HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 1\r\n\r\nx")
            #expect(posted.status == 308 && posted.field("Location") == "https://[::1]/a")
        }
        try await withServer(backend, application(HTTPSRedirect(host: "example.org", port: 8443))) { port in
            let got = try TestClient(port: port).get("//evil.example/")
            #expect(got.field("Location") == "https://example.org:8443//evil.example/")
        }
    }

    @Test("X-4: what came over https, as a trusted proxy says, is served", arguments: testedBackends)
    func proxied(_ backend: IOBackend) async throws {
        try await withServer(backend, application(HTTPSRedirect()), configure: { $0.xheaders = true }) { port in
            let client = try TestClient(port: port)
            let head = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: "
            #expect(try client.ask(head + "https\r\n\r\n").text == "secured")
            #expect(try client.ask(head + "http\r\n\r\n").status == 301)
        }
    }
}
