import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

@Suite("Reasons of refusals in the log", .serialized) struct RefusalReasonTests {
    private final class Form: RequestHandler {
        override func post() async throws { write("served") }
    }

    private func application(debug: Bool) throws -> Application {
        let members = RouteGroup("/members", policy: Policy(authenticated: true, xsrf: false)) {
            URLSpec(.get, "") { _ in "served" }
            URLSpec(.post, "") { _ in "served" }
        }
        let other = RouteGroup("/other", middleware: [try CrossOriginProtection()], policy: Policy(xsrf: false)) {
            URLSpec(.post, "") { _ in "served" }
        }
        return try Application(
            [
                members, other, URLSpec("/form", Form.self),
                URLSpec(.get, "/number/([^/]+)") { (_, number: Int) in "\(number)" },
                URLSpec(.get, "/gone") { (_: RequestHandler) throws in throw HTTPError(.gone) },
            ], settings: ApplicationSettings(debug: debug, xsrfCookies: true))
    }

    @Test(
        "RH-35, RH-40: while an application is being developed, the log has as a warning why a request is refused",
        arguments: [true, false])
    func reasons(debug: Bool) async throws {
        let lines = try await loggedLines(with: "(127.0.0.1): HTTP 4") {
            try await application(debug: debug).test(.handler) { client in
                let form = try await client.post("/form", form: ["a": "b"])
                #expect(form.status == .forbidden)
                _ = try await client.post("/other", headers: [.origin: "https://evil.example"])
                _ = try await client.get("/members")
                _ = try await client.post("/members")
                _ = try await client.get("/number/x")
                _ = try await client.get("/gone")
            }
        }
        let level = debug ? "warning" : "debug"
        #expect(
            lines == [
                "\(level) 403 POST /form (127.0.0.1): HTTP 403 Forbidden (the argument _xsrf is missing)",
                "\(level) 403 POST /other (127.0.0.1): HTTP 403 Forbidden (the origin https://evil.example is not allowed)",
                "\(level) 403 GET /members (127.0.0.1): HTTP 403 Forbidden (nobody has logged in, and there is no loginURL)",
                "\(level) 403 POST /members (127.0.0.1): HTTP 403 Forbidden (nobody has logged in)",
                "\(level) 404 GET /number/x (127.0.0.1): HTTP 404 Not Found (path argument 0 is no Int)",
                "debug 410 GET /gone (127.0.0.1): HTTP 410 Gone",
            ])
    }

    @Test("X-50: a session without Sessions names the route in the log")
    func session() async throws {
        let application = try Application([
            URLSpec(.get, "/cart/([a-z]+)") { handler in handler.session["a", as: String.self] ?? "" }
        ])
        let lines = try await loggedLines(with: "without the middleware Sessions") {
            try await application.test(.handler) { client in _ = try await client.get("/cart/a") }
        }
        #expect(
            lines == [
                "error ClosureHandler (route /cart/([a-z]+)) uses a session without the middleware Sessions: what it stores is lost"
            ])
    }
}
