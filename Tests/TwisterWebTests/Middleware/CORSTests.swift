import HTTPTypes
import Testing
import TwisterTesting

@testable import TwisterWeb

@Suite("CORS")
struct CORSTests {
    private static let page = "https://app.example.com"

    private func application(_ cors: CORS, _ more: [any Middleware] = []) throws -> Application {
        try Application(
            [
                URLSpec(.get, "/page") { handler in handler.write("page") },
                URLSpec(.get, "/crash") { (_: RequestHandler) throws in throw CancellationError() },
                URLSpec(.get, "/refused") { (_: RequestHandler) throws in throw HTTPError(.unauthorized) },
                URLSpec(.get, "/vary") { handler in try handler.setHeader(.vary, "Accept") },
            ], middleware: [cors] + more)
    }

    private func preflight(_ origin: String) -> HTTPFields {
        [.origin: origin, .accessControlRequestMethod: "PUT", .accessControlRequestHeaders: "content-type"]
    }

    @Test("X-50: a preflight gets its response without the handler, on every path and in front of other middleware")
    func preflights() async throws {
        let cors = try CORS(origins: [Self.page], credentials: true, maxAge: .seconds(60))
        let auth = BasicAuth(realm: "all") { (_, _) -> String? in nil }
        try await application(cors, [auth]).testOnBothBackends { client async throws in
            for path in ["/page", "/no-such-path"] {
                let response = try await client.options(path, headers: preflight(Self.page))
                #expect(response.status == .noContent)
                #expect(response.headers[.accessControlAllowOrigin] == Self.page)
                #expect(response.headers[.accessControlAllowCredentials] == "true")
                #expect(response.headers[.accessControlAllowMethods]?.contains("PUT") == true)
                #expect(response.headers[.accessControlAllowHeaders]?.contains("Content-Type") == true)
                #expect(response.headers[.accessControlMaxAge] == "60")
                #expect(
                    response.headers[.vary] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
            }
            let foreign = try await client.options("/page", headers: preflight("https://evil.example"))
            #expect(foreign.status == .noContent)
            #expect(foreign.headers[.accessControlAllowOrigin] == nil)
            #expect(foreign.headers[.accessControlAllowMethods] == nil)
            #expect(foreign.headers[.vary]?.contains("Origin") == true)
        }
    }

    @Test("X-50: OPTIONS without Access-Control-Request-Method is the handler's")
    func ordinaryOptions() async throws {
        try await application(try CORS(origins: [Self.page])).testOnBothBackends { client async throws in
            let response = try await client.options("/page", headers: [.origin: Self.page])
            #expect(response.headers[.allow]?.contains("GET") == true)
            #expect(response.headers[.accessControlAllowMethods] == nil)
            #expect(response.headers[.accessControlAllowOrigin] == Self.page)
        }
    }

    @Test("X-50: responses for errors have the fields, and every response says that it depends on Origin")
    func errors() async throws {
        let cors = try CORS(origins: [Self.page], exposedHeaders: [.eTag])
        try await application(cors).testOnBothBackends { client async throws in
            for (path, status) in [("/page", 200), ("/crash", 500), ("/refused", 401), ("/none", 404)] {
                let response = try await client.get(path, headers: [.origin: Self.page])
                #expect(response.status.code == status)
                #expect(response.headers[.accessControlAllowOrigin] == Self.page, "\(path)")
                #expect(response.headers[.accessControlExposeHeaders] == "ETag")
                #expect(response.headers[.vary]?.contains("Origin") == true)
                let other = try await client.get(path)
                #expect(other.headers[.accessControlAllowOrigin] == nil)
                #expect(other.headers[.vary]?.contains("Origin") == true, "caches have to know it")
            }
            #expect(try await client.get("/vary").headers[.vary] == "Accept, Origin")
        }
    }

    @Test("X-50: an error of the middleware behind has the fields, too")
    func errorsOfMiddleware() async throws {
        let auth = BearerAuth(realm: "all") { (_) -> String? in nil }
        try await application(try CORS(origins: .any), [auth]).testOnBothBackends { client async throws in
            let response = try await client.get("/page", headers: [.origin: Self.page])
            #expect(response.status == .unauthorized)
            #expect(response.headers[.accessControlAllowOrigin] == "*")
            #expect(response.headers[.vary] == "Accept", "the response to all origins is the same")
        }
    }

    @Test(
        "X-50: only what is exactly a listed origin is allowed",
        arguments: [
            ("https://app.example.com", true), ("https://APP.example.com", true), ("https://app.example.com:443", true),
            ("http://app.example.com", false), ("https://app.example.com:8443", false), ("https://example.com", false),
            ("https://app.example.com.evil.com", false), ("https://evilapp.example.com", false), ("null", false),
            ("https://a.sub.example.org", true), ("https://sub.example.org", true), ("https://example.org", false),
            ("https://evilexample.org", false), ("https://.example.org", false), ("http://a.example.org", false),
            ("https://a.example.org:444", false), ("https://user@a.example.org", false),
            ("https://a.example.org/", false), ("https://a.example.org?x", false), ("https://a.example.org, x", false),
            ("*", false), ("", false), ("https://", false), ("https://*.example.org", false),
        ])
    func matching(origin: String, isAllowed: Bool) throws {
        let list = try OriginList([Self.page, "https://*.example.org"])
        #expect(list.contains(origin) == isAllowed)
    }

    @Test("X-50: each bit of an origin counts")
    func flippedBits() throws {
        let list = try OriginList([Self.page])
        for index in Self.page.utf8.indices {
            for bit in 0..<8 {
                var octets = Array(Self.page.utf8)
                octets[Self.page.utf8.distance(from: Self.page.utf8.startIndex, to: index)] ^= 1 << bit
                let text = String(decoding: octets, as: UTF8.self)
                #expect(list.contains(text) == (text.lowercased() == Self.page), "\(text)")
            }
        }
    }

    @Test("X-50: nothing of an origin gets into the response but a listed one")
    func injection() async throws {
        let cors = try CORS(origins: [Self.page, "https://*.example.org"], credentials: true)
        try await application(cors).testOnBothBackends { client async throws in
            for origin in [
                "https://a.example.org\tX-Evil: 1", "https://\u{E4}.example.org", "https://a;b.example.org/,",
            ] {
                let response = try await client.get("/page", headers: [.origin: origin])
                #expect(response.field("X-Evil") == nil)
                if let echoed = response.headers[.accessControlAllowOrigin] {
                    #expect(WebOrigin(echoed)?.text == echoed)
                }
            }
            // Two fields are no origin.
            var twice = fields(["Origin": Self.page])
            twice.append(HTTPField(name: .origin, value: Self.page))
            #expect(try await client.get("/page", headers: twice).headers[.accessControlAllowOrigin] == nil)
        }
    }

    @Test("X-50: credentials for everybody, and texts that are no origins, are refused when CORS is made")
    func refusals() {
        #expect(throws: OriginError.credentialsForAll) { try CORS(origins: .any, credentials: true) }
        #expect(throws: OriginError.credentialsForNull) { try CORS(origins: ["null"], credentials: true) }
        for text in ["example.com", "https://example.com/", "*", "https://*", "https://a.*.com", "https://*.*.com", ""]
        {
            #expect(throws: OriginError.malformed(text)) { try CORS(origins: [text]) }
        }
    }

    @Test("X-50: null is an origin where it is listed")
    func null() async throws {
        try await application(try CORS(origins: ["null"])).testOnBothBackends { client async throws in
            let response = try await client.get("/page", headers: [.origin: "null"])
            #expect(response.headers[.accessControlAllowOrigin] == "null")
        }
    }
}
