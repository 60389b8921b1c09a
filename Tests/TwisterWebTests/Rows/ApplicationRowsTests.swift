import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTesting

@testable import TwisterWeb

@Suite("Rows: the application and its settings")
struct ApplicationRowsTests {
    private final class Settings: RequestHandler {
        override func get() async throws {
            write("\(application.settings.other["title"] as? String ?? "none") \(application.settings.maxArguments)")
        }
    }

    private final class Missing: RequestHandler {
        override func prepare() async throws {
            setStatus(.notFound)
            finish("own page for \(request.path)")
        }
    }

    private final class Failing: RequestHandler {
        struct Secret: Error, CustomStringConvertible { let description = "the <secret>" }
        override func get() async throws { throw Secret() }
    }

    @Test("APP-1, RH-8: handlers read the application's settings, known ones and others", arguments: Setting.each)
    func settings(setting: Setting) async throws {
        let settings = ApplicationSettings(maxArguments: 7, other: ["title": "Blog"])
        try await withRoutes(setting, [URLSpec("/", Settings.self)], settings: settings) { client async throws in
            #expect(try await client.get("/").text == "Blog 7")
        }
    }

    @Test("APP-2: an application listens, and serves what comes", arguments: [IOBackend.ioUring, .epoll])
    func listen(backend: IOBackend) async throws {
        try await withRoutes(Setting(depth: .live, backend: backend), [URLSpec(.get, "/") { _ in "listening" }]) {
            client async throws in
            #expect(try await client.get("/").text == "listening")
        }
    }

    @Test("APP-3, RT-9: routes of a host come before those of every host", arguments: Setting.each)
    func hosts(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec(.get, "/") { _ in "any" }, URLSpec(.get, "/only-any") { _ in "any" },
            RouteGroup(host: "admin.example") { URLSpec(.get, "/") { _ in "admin" } },
            RouteGroup(host: "*.example") {
                URLSpec(.get, "/") { _ in "below" }
                URLSpec(.get, "/only-below") { _ in "below" }
            },
            RouteGroup(host: "(one|two)\\.test") { URLSpec(.get, "/") { _ in "regex" } },
        ]
        try await withRoutes(setting, routes) { client async throws in
            func text(_ path: String, _ host: String) async throws -> String {
                try await client.get(path, headers: HTTPFields("Host", host)).text
            }
            #expect(try await text("/", "admin.example") == "admin")
            #expect(try await text("/", "ADMIN.example:8080") == "admin")
            #expect(try await text("/", "b.example") == "below")
            #expect(try await text("/", "example") == "any")
            #expect(try await text("/", "two.test") == "regex")
            #expect(try await text("/", "two.test.evil") == "any")
            #expect(try await text("/only-any", "admin.example") == "any")
            #expect(try await text("/only-below", "admin.example") == "below")
        }
    }

    @Test("RT-10: a host that no route serves is sent to the default host", arguments: Setting.each)
    func defaultHost(setting: Setting) async throws {
        let routes: [any Routes] = [RouteGroup(host: "a.example") { URLSpec(.get, "/") { _ in "a" } }]
        try await withRoutes(setting, routes, settings: .init(defaultHost: "a.example")) { client async throws in
            #expect(try await client.get("/", headers: HTTPFields("Host", "a.example")).text == "a")
            let other = try await client.get("/x", headers: HTTPFields("Host", "b.example"))
            #expect(other.status == .found && other.headers[.location] == "http://a.example/")
            #expect(try await client.get("/x", headers: HTTPFields("Host", "a.example")).status == .notFound)
        }
        try await withRoutes(setting, routes) { client async throws in
            #expect(try await client.get("/", headers: HTTPFields("Host", "b.example")).status == .notFound)
        }
    }

    @Test(
        "SET-3, RT-13, APP-5: the default handler serves what no route does; without it, 404", arguments: Setting.each)
    func defaultHandler(setting: Setting) async throws {
        let application = try Application([URLSpec(.get, "/") { _ in "a" }], defaultHandler: { Missing($0) })
        try await application.test(setting.depth, configuration: setting.configuration()) { client async throws in
            let response = try await client.post("/nowhere")
            #expect(response.status == .notFound && response.text == "own page for /nowhere")
        }
        try await withRoutes(setting, []) { client async throws in
            #expect(try await client.get("/").status == .notFound)
        }
    }

    @Test("APP-6: a request reaches its handler when it is complete", arguments: Setting.each)
    func complete(setting: Setting) async throws {
        let routes: [any Routes] = [URLSpec(.post, "/") { handler in "\(handler.request.body.count)" }]
        try await withRoutes(setting, routes) { client async throws in
            let pieces = [[UInt8]](repeating: [UInt8](repeating: 1, count: 1_000), count: 50)
            #expect(try await client.post("/", body: .pieces(pieces)).text == "50000")
        }
    }

    @Test("APP-7, S-16: paths by names; an unknown name and wrong arguments are errors")
    func reverse() throws {
        let application = try Application([
            URLSpec("/story/([0-9]+)", Settings.self, name: "story"),
            URLSpec("/(?:a|b)", Settings.self, name: "either"),
        ])
        #expect(try application.reverseURL("story", 7) == "/story/7")
        #expect(throws: URLReverseError.noSuchName("tale")) { try application.reverseURL("tale") }
        #expect(throws: URLReverseError.self) { try application.reverseURL("story") }
        #expect(throws: URLReverseError.self) { try application.reverseURL("story", 1, 2) }
    }

    /// Notes the exchanges of a server, as `log_function` does in Tornado.
    private final class Observer: ExchangeObserver {
        let trace: Trace
        init(_ trace: Trace) { self.trace = trace }
        func exchangeBegan(_ record: ExchangeRecord) {}
        func exchangeEnded(_ record: ExchangeRecord) { trace.note("\(record.status ?? 0)") }
    }

    @Test("APP-8, SET-5: an observer is told of each exchange", arguments: Setting.each.filter { $0.depth != .handler })
    func observer(setting: Setting) async throws {
        let trace = Trace()
        var configuration = setting.configuration()
        configuration.server.observers = [Observer(trace)]
        try await Application([URLSpec(.get, "/") { _ in "a" }]).test(setting.depth, configuration: configuration) {
            _ = try await $0.get("/")
            _ = try await $0.get("/nowhere")
        }
        #expect(trace.all == ["200", "404"])
    }

    @Test("SET-2, SET-6: an error is shown to developers only", arguments: Setting.each)
    func traceback(setting: Setting) async throws {
        let routes: [any Routes] = [URLSpec("/", Failing.self)]
        try await withRoutes(setting, routes) { client async throws in
            let page = try await client.get("/")
            #expect(page.status == .internalServerError && !page.text.contains("secret"))
        }
        for settings in [ApplicationSettings(debug: true), ApplicationSettings(serveTraceback: true)] {
            try await withRoutes(setting, routes, settings: settings) { client async throws in
                let page = try await client.get("/").text
                #expect(page.contains("the &lt;secret&gt;") && !page.contains("<secret>"))
            }
        }
        let quiet = ApplicationSettings(debug: true, serveTraceback: false)
        try await withRoutes(setting, routes, settings: quiet) { client async throws in
            #expect(try await !client.get("/").text.contains("secret"))
        }
    }

    @Test("SET-4: responses are compressed for clients that can read it", arguments: Setting.each)
    func compression(setting: Setting) async throws {
        let text = String(repeating: "compress me ", count: 500)
        let routes: [any Routes] = [
            URLSpec(.get, "/") { _ in text },
            URLSpec(.get, "/secret") { _ in text }.policy(Policy(compression: false)),
        ]
        try await withRoutes(setting, routes, middleware: [Compression()]) { client async throws in
            let response = try await client.get("/", headers: [.acceptEncoding: "gzip"])
            #expect(response.headers[.contentEncoding] == "gzip")
            #expect(response.body.count < text.utf8.count / 4)
            #expect(response.headers[.vary]?.lowercased().contains("accept-encoding") == true)
            #expect(try await client.get("/", headers: [.acceptEncoding: "gzip;q=0"]).text == text)
            #expect(try await client.get("/").text == text)
            // RH: a policy of the route.
            let secret = try await client.get("/secret", headers: [.acceptEncoding: "gzip"])
            #expect(secret.headers[.contentEncoding] == nil && secret.text == text)
        }
    }
}
