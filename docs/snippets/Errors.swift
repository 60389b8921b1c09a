import Twister

/// The pages of errors, for all handlers that inherit from it.
class SiteHandler: RequestHandler {
    override func setDefaultHeaders() throws {
        try setHeader("X-Site", "example")
    }

    override func writeError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
        write("<h1>\(status.code)</h1><p>\(xhtmlEscape(status.reasonPhrase))</p>")
    }
}

final class CatHandler: SiteHandler {
    override func get() async throws {
        guard let name = pathArguments["name"], name != "schrodinger" else {
            throw HTTPError(404, "asked for a cat that may not exist", reason: "No Such Cat")
        }
        write("<h1>\(xhtmlEscape(name))</h1>")
    }
}

final class LostHandler: SiteHandler {
    override func prepare() async throws { throw HTTPError(.notFound) }
}

func makeSite() throws -> Application {
    try Application(
        [URLSpec("/cats/(?P<name>[^/]+)", CatHandler.self)], defaultHandler: { LostHandler($0) })
}

/// Without a class: the pages of closures, of files that are not found, and of paths that no route has.
func makeNews() throws -> Application {
    try Application(
        [URLSpec(.get, "/news/([0-9]+)") { (_, id: Int) in id == 1 ? "It rains." : nil }],
        settings: Application.Settings(
            errorPage: { handler, status, _ in
                handler.write("<h1>\(status.code)</h1><p>\(xhtmlEscape(status.reasonPhrase))</p>")
            }))
}
