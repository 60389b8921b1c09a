import HTTPTypes
import Testing
import TwisterHTTP
import TwisterTesting

@testable import TwisterWeb

@Suite("Rows: built-in handlers and helpers")
struct HelperRowsTests {
    private final class Needy: RequestHandler {
        override func get() async throws {
            let missing: String? = nil
            do { _ = try require(missing, "shop", for: "orders") } catch { write(error.description) }
        }
    }

    /// Logs its errors itself.
    private final class Noting: RequestHandlerWith<Trace> {
        struct Failure: Error {}
        override func get() async throws { throw HTTPError(.conflict, "seen") }
        override func post() async throws { throw Failure() }
        override func put() async throws { throw Finish("over") }
        override func logException(_ error: any Error) { state.note("\(error)") }
    }

    @Test("RH-44: a setting that is missing is named with what needs it", arguments: Setting.each)
    func require(setting: Setting) async throws {
        try await withRoutes(setting, [URLSpec("/", Needy.self)]) { client async throws in
            #expect(try await client.get("/").text == "the application needs the setting shop for orders")
        }
    }

    @Test("RH-35: a handler decides how its errors are logged", arguments: Setting.each)
    func log(setting: Setting) async throws {
        let trace = Trace()
        try await withRoutes(setting, [URLSpec("/", Noting.self, trace)]) { client async throws in
            #expect(try await client.get("/").status == .conflict)
            #expect(try await client.post("/").status == .internalServerError)
            #expect(try await client.put("/").text == "over")
        }
        #expect(trace.all == ["HTTP 409 Conflict (seen)", "Failure()"])
    }

    @Test("BH-13: links and the token's input are functions of each template", arguments: Setting.each)
    func modules(setting: Setting) async throws {
        let templates = try TemplateLibrary(templates: [
            "page.html": "{{#linkify}}see http://a.example{{/linkify}} {{{xsrf_form_html}}}"
        ])
        let routes: [any Routes] = [URLSpec(.get, "/") { handler in try handler.render("page") }]
        try await withRoutes(setting, routes, settings: .init(templates: templates)) { client async throws in
            let page = try await client.get("/").text
            #expect(page.contains("<a href=\"http://a.example\">http://a.example</a>"))
            #expect(page.contains("<input type=\"hidden\" name=\"_xsrf\""))
        }
    }

    @Test("RH-49: one URL for each page, with or without a slash at its end", arguments: Setting.each)
    func slashes(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec(.get, "/.*added/?") { _ in "added" }.middleware(TrailingSlash.added),
            URLSpec(.post, "/.*added/?") { _ in "posted" }.middleware(TrailingSlash.added),
            URLSpec(.get, "/.*") { _ in "removed" }.middleware(TrailingSlash.removed),
        ]
        try await withRoutes(setting, routes) { client async throws in
            #expect(try await client.get("/added/").text == "added")
            let added = try await client.get("/added?a=1&b=%2F")
            #expect(added.status == .movedPermanently && added.headers[.location] == "/added/?a=1&b=%2F")
            #expect(try await client.post("/added").status == .notFound)
            #expect(try await client.post("/added/").text == "posted")
            #expect(try await client.get("/removed").text == "removed")
            #expect(try await client.get("/").text == "removed")
            #expect(try await client.get("/removed///?q").headers[.location] == "/removed?q")
            #expect(try await client.head("/removed/").status == .movedPermanently)
            // Never to another host.
            #expect(try await client.get("//evil.example/").headers[.location] == "/evil.example")
            #expect(try await client.get("//evil.example/added").headers[.location] == "/evil.example/added/")
        }
    }

    @Test("BH-7: a redirect takes groups and the query along", arguments: Setting.each)
    func redirect(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec("/photos/(.*)", RedirectHandler.self, .init("/pictures/{0}")),
            URLSpec(
                "/u/(?P<name>[^/]+)", RedirectHandler.self, .init("https://x.example/{name}?a=1", permanent: false)),
            URLSpec("/to/(.*)", RedirectHandler.self, .init("/{0}")),
            URLSpec("/docs", RedirectHandler.self, .init("/guide#top")),
            URLSpec("/docs/(.*)", RedirectHandler.self, .init("/guide?page={0}#a?b")),
            URLSpec("/text", RedirectHandler.self, .init("/guide#a?b")),
        ]
        try await withRoutes(setting, routes) { client async throws in
            let moved = try await client.get("/photos/a%20b?w=1")
            #expect(moved.status == .movedPermanently && moved.headers[.location] == "/pictures/a%20b?w=1")
            let found = try await client.get("/u/ann?b=2")
            #expect(found.status == .found && found.headers[.location] == "https://x.example/ann?a=1&b=2")
            #expect(try await client.get("/to//evil.example").headers[.location]?.hasPrefix("//") == false)
            #expect(try await client.post("/photos/a").status == .methodNotAllowed)
            // RFC 3986, 3: the fragment stands behind the query.
            #expect(try await client.get("/docs?x=1").headers[.location] == "/guide?x=1#top")
            #expect(try await client.get("/docs").headers[.location] == "/guide#top")
            #expect(try await client.get("/docs/5?x=1").headers[.location] == "/guide?page=5&x=1#a?b")
            #expect(try await client.get("/text?x=1").headers[.location] == "/guide?x=1#a?b")
        }
    }

    @Test("BH-8: an ErrorHandler refuses every method, without an XSRF check", arguments: Setting.each)
    func errorHandler(setting: Setting) async throws {
        let routes: [any Routes] = [URLSpec("/old/.*", ErrorHandler.self, .gone)]
        try await withRoutes(setting, routes, settings: .init(xsrfCookies: true)) { client async throws in
            #expect(try await client.get("/old/1").status == .gone)
            #expect(try await client.post("/old/1", body: .text("x")).status == .gone)
            #expect(try await client.execute(.options, "/old/1").status == .gone)
        }
    }

    @Test("BH-9, RT-1: the requests of a route may be served by something else", arguments: Setting.each)
    func fallback(setting: Setting) async throws {
        let legacy = try Application([
            URLSpec(.post, "/legacy/(.*)") { (handler, rest: String) in
                "\(rest) \(handler.request.body.count)"
            }
        ])
        let routes: [any Routes] = [URLSpec(.get, "/") { _ in "new" }, URLSpec("/legacy/.*", legacy)]
        try await withRoutes(setting, routes) { client async throws in
            #expect(try await client.get("/").text == "new")
            #expect(try await client.post("/legacy/x", body: .text("abc")).text == "x 3")
            #expect(try await client.get("/legacy/x").status == .methodNotAllowed)
        }
    }

    /// Doubles each byte, and counts its calls in a field.
    private final class Doubling: OutputTransform {
        func transformFirstChunk(_ handler: RequestHandler, _ chunk: [UInt8], finishing: Bool) throws -> [UInt8] {
            try handler.setHeader(.server, finishing ? "whole" : "part")
            return chunk.flatMap { [$0, $0] }
        }
        func transformChunk(_ chunk: [UInt8], finishing: Bool) throws -> [UInt8] {
            chunk.flatMap { [$0, $0] } + (finishing ? [33] : [])
        }
    }

    @Test("BH-10, APP-4: a transform changes the bodies of all responses", arguments: Setting.each)
    func transform(setting: Setting) async throws {
        let application = try Application(
            [
                URLSpec(.get, "/whole") { _ in "ab" },
                URLSpec(.get, "/parts") { handler in
                    handler.write("a")
                    try await handler.flush()
                    handler.write("b")
                },
            ], transforms: [{ Doubling() }])
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            let whole = try await client.get("/whole")
            #expect(whole.text == "aabb" && whole.headers[.contentLength] == "4" && whole.headers[.server] == "whole")
            let parts = try await client.get("/parts")
            #expect(parts.text == "aabb!" && parts.headers[.server] == "part")
            #expect(try await client.get("/nowhere").text.hasPrefix("<<"))
        }
    }
}
