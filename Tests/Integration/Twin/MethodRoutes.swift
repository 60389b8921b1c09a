import Twister

/// The methods of requests.
let methodRoutes = RouteGroup("/methods") {
    URLSpec("/all", AllMethods.self)
    URLSpec(.get, "/get") { $0.write("got") }
    URLSpec(.post, "/post") { $0.write("posted") }
    URLSpec(.get, "/more") { $0.write("GET") }
    URLSpec(HTTPRequest.Method("PROPFIND") ?? .get, "/more") { $0.write("PROPFIND") }
    URLSpec(.get, "/cors") { $0.write("cors") }
    URLSpec(.options, "/cors") { handler in
        try handler.setHeader(.accessControlAllowOrigin, "*")
        handler.setStatus(.noContent)
    }
}.routes

private final class AllMethods: RequestHandler {
    private func respond() throws {
        try setHeader("X-Method", request.method.rawValue)
        write(request.method.rawValue)
    }

    override func get() async throws { try respond() }
    override func head() async throws { try respond() }
    override func post() async throws { try respond() }
    override func put() async throws { try respond() }
    override func patch() async throws { try respond() }
    override func delete() async throws { try respond() }
    override func options() async throws { try respond() }
}
