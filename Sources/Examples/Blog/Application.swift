import Foundation
import Twister

/// The routes and the settings of the blog.
func makeApplication(_ blog: Blog, debug: Bool = false) throws -> Application {
    let resources = Bundle.module.resourcePath ?? "."
    return try Application(
        [
            URLSpec("/", Home.self, blog, name: "home"),
            URLSpec("/archive", Archive.self, blog, name: "archive"),
            URLSpec("/feed", Feed.self, blog, name: "feed"),
            URLSpec("/entry/([^/]+)", EntryPage.self, blog, name: "entry"),
            URLSpec("/compose", Compose.self, blog, name: "compose"),
            URLSpec("/compose/([0-9]+)", Compose.self, blog, name: "change"),
            URLSpec("/preview", Preview.self, blog, name: "preview"),
            URLSpec("/auth/create", Create.self, blog, name: "create"),
            URLSpec("/auth/login", Login.self, blog, name: "login"),
            URLSpec("/auth/logout", Logout.self, blog, name: "logout"),
            URLSpec("/pictures/(.+)", name: "picture") { StaticFileHandler($0, root: blog.pictures) }
                .policy(Policy(cacheControl: "public, max-age=31536000, immutable")),
        ],
        middleware: [SafeHeaders(), Compression()],
        settings: .init(
            debug: debug, loginURL: "/auth/login", cookieSecret: try blog.cookieSecret(), xsrfCookies: true,
            templatePath: "\(resources)/templates", staticPath: "\(resources)/static"))
}

/// Tells browsers to take what comes for what it says it is, and to load nothing from other servers into the pages.
struct SafeHeaders: Middleware {
    func handle(_ handler: RequestHandler, next: Next) async throws {
        handler.beforeHead { handler in
            for (name, value) in [
                ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"),
                ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
            ] {
                if let name = HTTPField.Name(name) { try handler.setHeader(name, value) }
            }
        }
        try await next()
    }
}
