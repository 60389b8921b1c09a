import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTesting

@testable import TwisterWeb

private enum Names {
    static let home = PlainRouteName("home")
    static let entry = RouteName<Int>("entry")
    static let page = RouteName<String, Int>("page")
}

@Suite("Rows: routing")
struct RoutingRowsTests {
    private enum Color: String, PathValue { case red, green }

    private struct Tagging: Middleware {
        let tag: String
        func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
            try handler.addHeader(.server, tag)
            try await next()
        }
    }

    @Test("RT-11, N-41: an argument that does not convert has no page", arguments: Setting.each)
    func typed(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec(.get, "/int/([^/]+)") { (_, id: Int) in "\(id)" },
            URLSpec(.get, "/color/([^/]+)") { (_, color: Color) in color.rawValue },
            URLSpec(.get, "/two/([^/]+)/([^/]+)") { (_, a: Bool, b: Double) in "\(a) \(b)" },
            URLSpec(.get, "/maybe(?:/([0-9]+))?") { (_, id: Int?) in "\(id ?? -1)" },
        ]
        try await withRoutes(setting, routes) { client async throws in
            #expect(try await client.get("/int/12").text == "12")
            #expect(try await client.get("/int/-12").text == "-12")
            for bad in ["x", "1.5", "99999999999999999999", "%31x", "1%20"] {
                #expect(try await client.get("/int/\(bad)").status == .notFound)
            }
            #expect(try await client.get("/color/red").text == "red")
            #expect(try await client.get("/color/blue").status == .notFound)
            #expect(try await client.get("/two/true/1e3").text == "true 1000.0")
            #expect(try await client.get("/two/1/2").status == .notFound)
            #expect(try await client.get("/maybe").text == "-1")
            #expect(try await client.get("/maybe/5").text == "5")
            #expect(try await client.get("/maybe/99999999999999999999").status == .notFound)
        }
    }

    @Test("RT-2, RT-12, S-16: names that know the types of their arguments", arguments: Setting.each)
    func typedReverse(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec(.get, "/entry/([0-9]+)") { (handler, id: Int) in
                try "\(handler.reverseURL(Names.entry, id + 1)) \(handler.reverseURL(Names.page, "a b/c", 2))"
            }.named(Names.entry),
            URLSpec(.get, "/home") { handler in try handler.reverseURL(Names.home) }.named(Names.home),
            URLSpec(.get, "/text/([0-9]+)") { (handler, id: Int) in try handler.reverseURL("text", id) }.named("text"),
            URLSpec(.get, "/p/([^/]+)/([0-9]+)") { (_, a: String, b: Int) in "\(a) \(b)" }.named(Names.page),
        ]
        try await withRoutes(setting, routes) { client async throws in
            let text = try await client.get("/entry/7").text
            #expect(text == "/entry/8 /p/a%20b%2Fc/2")
            #expect(try await client.get("/p/a%20b%2Fc/2").text == "a b/c 2")
            #expect(try await client.get("/home").text == "/home")
            #expect(try await client.get("/text/3").text == "/text/3")
        }
        #expect(try URLSpec("/x/(.*)", ErrorHandler.self, .gone).reverse("y z") == "/x/y%20z")
    }

    @Test("RH-3: closures of one path with middleware and rules of their own", arguments: Setting.each)
    func methods(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec(.get, "/a") { _ in "get" }.middleware(Tagging(tag: "g")),
            URLSpec(.put, "/a") { _ in "put" }.middleware(Tagging(tag: "p")).policy(Policy(maxBodySize: 3)),
            RouteGroup(middleware: [Tagging(tag: "d")]) { URLSpec(.delete, "/a") { _ in "delete" } },
            URLSpec(HTTPRequest.Method("PURGE")!, "/a") { _ in "purge" },
        ]
        try await withRoutes(setting, routes) { client async throws in
            let get = try await client.get("/a")
            #expect(get.text == "get" && get.headers[.server] == "g")
            let put = try await client.put("/a", body: .text("123"))
            #expect(put.text == "put" && put.headers[.server] == "p")
            #expect(try await client.put("/a", body: .text("1234")).status == .contentTooLarge)
            #expect(try await client.delete("/a").headers[.server] == "d")
            #expect(try await client.execute(HTTPRequest.Method("PURGE")!, "/a").text == "purge")
            let head = try await client.head("/a")
            #expect(head.status == .ok && head.body.isEmpty && head.headers[.server] == "g")
            let allow = "GET, HEAD, PUT, DELETE, OPTIONS, PURGE"
            let post = try await client.post("/a")
            #expect(post.status == .methodNotAllowed && post.headers[.allow] == allow)
            let options = try await client.options("/a")
            #expect(options.status == .noContent && options.headers[.allow] == allow)
        }
    }

    @Test(
        "RT-3, RT-6: groups in groups: prefixes, middleware from outside to inside, the nearest rule",
        arguments: Setting.each)
    func groups(setting: Setting) async throws {
        let routes: [any Routes] = [
            RouteGroup("/api", middleware: [Tagging(tag: "1")], policy: Policy(maxBodySize: 5, cacheControl: "outer")) {
                RouteGroup("/v([0-9])", middleware: [Tagging(tag: "2")], policy: Policy(cacheControl: "inner")) {
                    URLSpec(.get, "/([a-z]+)") { (handler, version: Int, name: String) in "\(version) \(name)" }
                        .middleware(Tagging(tag: "3"))
                    if setting.backend == .epoll { URLSpec(.get, "/") { _ in "root" } }
                    for name in ["X", "Y"] { URLSpec(.post, "/\(name)") { (_, _: Int) in name } }
                }
                URLSpec(.get, "/plain") { _ in "plain" }.policy(Policy(cacheControl: "own"))
            }
        ]
        try await withRoutes(setting, routes) { client async throws in
            let inner = try await client.get("/api/v2/name")
            #expect(inner.text == "2 name" && inner.headers[.cacheControl] == "inner")
            #expect(inner.headers[values: .server] == ["1", "2", "3"])
            #expect(try await client.post("/api/v2/Y", body: .text("12345")).text == "Y")
            #expect(try await client.post("/api/v2/Y", body: .text("123456")).status == .contentTooLarge)
            let plain = try await client.get("/api/plain")
            #expect(plain.headers[.cacheControl] == "own" && plain.headers[values: .server] == ["1"])
            #expect(try await client.get("/v2/name").status == .notFound)
        }
    }

    @Test(
        "RT-7, RT-8: a matcher decides by the request's head; without one a group serves all", arguments: Setting.each)
    func matchers(setting: Setting) async throws {
        let isMobile: RequestMatcher = { $0.headers[.userAgent]?.contains("Mobile") == true }
        let routes: [any Routes] = [
            URLSpec(.get, "/first") { _ in "first" },
            RouteGroup(matching: isMobile) {
                URLSpec(.get, "/(?:first|page)") { _ in "mobile" }
                RouteGroup("/deep", matching: { $0.query == "x" }) { URLSpec(.get, "") { _ in "both" } }
            },
            URLSpec(.get, "/(?:page|deep)") { _ in "all" },
        ]
        try await withRoutes(setting, routes) { client async throws in
            let mobile: HTTPFields = [.userAgent: "A Mobile"]
            #expect(try await client.get("/page").text == "all")
            #expect(try await client.get("/page", headers: mobile).text == "mobile")
            #expect(try await client.get("/first", headers: mobile).text == "first")
            #expect(try await client.get("/deep", query: ["x": ""], headers: mobile).text == "all")
            #expect(try await client.get("/deep?x", headers: mobile).text == "both")
            #expect(try await client.get("/deep?x").text == "all")
        }
    }

    @Test("N-39: all mistakes of all routes at once, each with the pattern's text")
    func mistakes() {
        let routes: [any Routes] = [
            URLSpec(.get, "/a/([0-9]+") { (_, _: Int) in "" },
            URLSpec(.get, "/b/([0-9]+)") { (_, _: Int, _: Int) in "" },
            URLSpec("/c", RedirectHandler.self),
            URLSpec(.get, "/d/([0-9]+)") { _ in "" }.named(RouteName<Int, Int>("d")),
            RouteGroup(host: "(") { URLSpec(.get, "/") { _ in "" } },
        ]
        do {
            _ = try Application(routes)
            Issue.record("the mistakes are not found")
        } catch let error as RoutingError {
            #expect(error.problems.count == 4)
            for pattern in ["/a/([0-9]+", "/b/([0-9]+)", "/c", "/d/([0-9]+)"] {
                #expect(error.description.contains("\"\(pattern)\""))
            }
            #expect(error.description.contains("takes 2 argument(s)") && error.description.contains("needs a state"))
        } catch {
            Issue.record("\(error)")
        }
        #expect(throws: RoutingError.self) { try Application([routes[4]]) }
    }

    private final class Page: RequestHandler {
        override func get() async throws { write(pathArguments[0] ?? "") }
        override func writeError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
            write("own page \(status.code)")
        }
    }

    private final class Latin: RequestHandler {
        override func decodeArgument(_ value: [UInt8], _ name: String?) throws -> String {
            String(String.UnicodeScalarView(value.map { Unicode.Scalar($0) }))
        }
        override func get() async throws { write("\(pathArguments[0] ?? "") \(try getArgument("q"))") }
    }

    @Test("RH-17, RH-34: a malformed escape in a path goes to the handler's own page for 400", arguments: Setting.each)
    func malformed(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec("/p/(.*)", Page.self), URLSpec("/latin/(.*)", Latin.self),
            URLSpec(.get, "/closure/(.*)") { (_, text: String) in text },
        ]
        try await withRoutes(setting, routes) { client async throws in
            for path in ["/p/%ff", "/p/a%C3", "/p/%C0%AF"] {
                let response = try await client.get(path)
                #expect(response.status == .badRequest && response.text == "own page 400", "\(path)")
            }
            #expect(try await client.get("/closure/%ff").status == .badRequest)
            #expect(try await client.get("/latin/%e9?q=%e8").text == "é è")
            #expect(try await client.get("/p/%C3%A9").text == "é")
        }
    }
}
