import Twister

/// Applications within the application that refuse requests which other sites' pages have browsers send: by a token, and by
/// where the browser says that a request comes from.
func xsrfApplication(_ templates: TemplateLibrary) throws -> Application {
    try Application(
        [
            URLSpec(.get, "/xsrf/token") { try $0.respond(["token": JSON($0.xsrfToken())]) },
            URLSpec(.get, "/xsrf/form") { try $0.render("form.html") },
            URLSpec("/xsrf/submit", Submission.self),
            URLSpec(.post, "/xsrf/exempt") { $0.write("exempt") }.policy(Policy(xsrf: false)),
        ], settings: Application.Settings(automaticETags: true, xsrfCookies: true, templates: templates))
}

func originApplication() throws -> Application {
    try Application(
        [URLSpec("/origin/submit", Submission.self)],
        middleware: [CrossOriginProtection(trustedOrigins: ["https://trusted.example"])],
        settings: Application.Settings(automaticETags: true))
}

private final class Submission: RequestHandler {
    override func get() async throws { write("no check") }
    override func post() async throws { write("accepted") }
    override func put() async throws { write("accepted") }
    override func patch() async throws { write("accepted") }
    override func delete() async throws { write("accepted") }
}
