import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@Suite("TrailingSlash", .serialized)
struct TrailingSlashTests {
    private func ask(_ client: TestClient, _ method: String, _ target: String) throws -> TestClient.Response {
        try client.ask("\(method) \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    @Test("RH-49: GET and HEAD go to the one URL of a page, with their query", arguments: testedBackends)
    func redirects(_ backend: IOBackend) async throws {
        let application = try Application([
            RouteGroup(middleware: [TrailingSlash.added]) {
                URLSpec(.get, "/add/?") { $0.write("slash") }
                URLSpec(.post, "/add/?") { $0.write("posted") }
            },
            RouteGroup(middleware: [TrailingSlash.removed]) { URLSpec(.get, "(/remove)?/*") { $0.write("none") } },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/add/").text == "slash")
            let added = try client.get("/add?a=1&b=%20")
            #expect(added.status == 301 && added.field("Location") == "/add/?a=1&b=%20")
            #expect(try ask(client, "POST", "/add").status == 404)
            #expect(try ask(client, "POST", "/add/").text == "posted")
            #expect(try client.get("/remove").text == "none")
            let removed = try client.get("/remove///?q")
            #expect(removed.status == 301 && removed.field("Location") == "/remove?q")
            // Nothing would be left of the path.
            #expect(try client.get("/").text == "none")
        }
    }

    @Test("RH-49: a path never leads to another host", arguments: ["//evil.example/add", "///evil.example/add"])
    func openRedirect(_ path: String) async throws {
        let application = try Application([
            RouteGroup(middleware: [TrailingSlash.added]) { URLSpec(.get, "//.*add/?") { $0.write("slash") } },
            RouteGroup(middleware: [TrailingSlash.removed]) { URLSpec(.get, "//.*none/") { $0.write("none") } },
        ])
        try await withServer(.epoll, application) { port in
            let client = try TestClient(port: port)
            #expect(try client.get(path).field("Location") == "/evil.example/add/")
            #expect(try client.get("//evil.example/none/").field("Location") == "/evil.example/none")
        }
    }
}
