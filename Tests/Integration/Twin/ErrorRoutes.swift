import Twister

/// Errors that handlers throw, and the pages that clients get for them.
let errorRoutes = RouteGroup {
    RouteGroup("/error") {
        URLSpec(.get, "/([0-9]+)") { (_, code: Int) in throw HTTPError(code) }
        URLSpec(.get, "/reason") { _ in throw HTTPError(418, reason: "Short And Stout") }
        URLSpec(.get, "/log") { _ in throw HTTPError(.badRequest, "log-only detail") }
        URLSpec(.get, "/crash") { _ in throw Crash("crash-detail") }
        URLSpec(.get, "/discard") { handler in
            handler.write("half a page")
            try handler.setHeader("X-Half", "1")
            try handler.setHeader(.contentType, "text/plain")
            try handler.setCookie("kept", "maybe")
            throw HTTPError(.conflict)
        }
        URLSpec(.get, "/send") { await $0.sendError(.gone) }
        URLSpec("/json/([0-9]+|crash)", JSONErrors.self)
        URLSpec(.get, "/argument") { $0.write(try $0.getArgument("needed")) }
    }
    URLSpec("/gone", ErrorHandler.self, .gone)
}.routes

private final class JSONErrors: RequestHandler {
    override func get() async throws {
        guard let code = pathArguments[0].flatMap({ Int($0) }) else { throw Crash("crash-detail") }
        throw HTTPError(code)
    }

    override func writeError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
        try? finish(json: ["error": .integer(status.code), "reason": .string(status.reasonPhrase)] as JSON)
    }
}
