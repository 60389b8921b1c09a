import Foundation
import Twister

/// The pages load nothing from other servers, and no script but the blog's own files.
private let pagePolicy = ContentSecurityPolicy().defaultSrc(.self).baseURI(.none)

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
        middleware: [SecurityHeaders(contentSecurityPolicy: pagePolicy), Compression()],
        settings: .init(
            debug: debug, loginURL: "/auth/login", cookieSecret: try blog.cookieSecret(), xsrfCookies: true,
            templatePath: "\(resources)/templates", staticPath: "\(resources)/static"))
}
