import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@Suite("The user of a request", .serialized)
struct UserTests {
    private final class NextHandler: RequestHandler {
        override func get() async throws { write(try nextURL(default: "/home")) }
    }

    private final class UserHandler: RequestHandler {
        override func getCurrentUser() -> String? { getCookie("user") }
        override func get() async throws { write(try requireUser()) }
    }

    @Test("RH-50: a login leads back to a path of this server, and to no other host", arguments: testedBackends)
    func next(_ backend: IOBackend) async throws {
        try await withServer(backend, try Application([URLSpec("/", NextHandler.self)])) { port in
            let client = try TestClient(port: port)
            func next(_ argument: String) throws -> String { try client.get("/?next=\(argument)").text }
            #expect(try client.get("/").text == "/home")
            #expect(try next("/compose%3Fa%3D1%26b%3D%2541") == "/compose?a=1&b=%41")
            #expect(try next("/") == "/")
            let foreign = [
                "//evil.example", "/%5Cevil.example", "%5C%5Cevil.example", "https://evil.example",
                "javascript:alert(1)",
                "evil.example", "", "/%09/evil.example", "/%0D%0ALocation:%20x", "%20//evil.example", "/%C3%BC",
            ]
            for argument in foreign { #expect(try next(argument) == "/home", "\(argument)") }
            #expect(try client.get("/?next=%FF").status == 400)
        }
    }

    @Test("RH-36: a handler that needs a user refuses others with 403", arguments: testedBackends)
    func required(_ backend: IOBackend) async throws {
        try await withServer(backend, try Application([URLSpec("/", UserHandler.self)])) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/").status == 403)
            #expect(try client.ask("GET / HTTP/1.1\r\nHost: a\r\nCookie: user=ann\r\n\r\n").text == "ann")
        }
    }
}
