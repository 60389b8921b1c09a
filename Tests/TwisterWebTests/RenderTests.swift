import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@Suite("Pages of handlers", .serialized)
struct RenderTests {
    private final class PageHandler: RequestHandler {
        override func get() async throws {
            let some: Int? = 7
            try render("page", ["some": some, "none": nil, "current_user": nil])
        }
        override func getCurrentUser() -> String? { "ann" }
    }

    private final class TokenHandler: RequestHandler {
        override class var requestBody: RequestBodyMode { .streamed }
        override func get() async throws { try render("form") }
        override func post() async throws { write("posted") }
    }

    @Test("a section of nil is not rendered, also in place of a value that every page has", arguments: testedBackends)
    func nothing(_ backend: IOBackend) async throws {
        let page = "{{#some}}some {{some}}{{/some}}{{#none}}none{{/none}}{{#current_user}}user{{/current_user}}"
        let application = try Application(
            [URLSpec("/", PageHandler.self)], settings: .init(templates: try TemplateLibrary(templates: ["page": page]))
        )
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/").text == "some 7")
        }
    }

    @Test("RH-39, RH-40: the token in the URL of a form lets its streamed body in", arguments: testedBackends)
    func token(_ backend: IOBackend) async throws {
        let form = "?_xsrf={{xsrf_token}}"
        let application = try Application(
            [URLSpec("/", TokenHandler.self)],
            settings: .init(xsrfCookies: true, templates: try TemplateLibrary(templates: ["form": form])))
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let page = try client.get("/")
            let cookie = try #require(page.field("Set-Cookie")?.prefix { $0 != ";" })
            func post(_ query: String) throws -> TestClient.Response {
                try client.ask(
                    "POST /\(query) HTTP/1.1\r\nHost: a\r\nCookie: \(cookie)\r\nContent-Length: 2\r\n\r\nok")
            }
            #expect(try post(page.text).text == "posted")
            #expect(try post("").status == 403)
        }
    }
}
