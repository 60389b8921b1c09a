import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

@Suite("Absolute and signed URLs", .serialized)
struct SignedURLTests {
    private enum Names {
        static let file = RouteName<Int, String>("file")
        static let home = PlainRouteName("home")
    }

    private static let secret: CookieSecret = "a secret for tests"

    private static func application(_ settings: Application.Settings) throws -> Application {
        try Application(
            [
                URLSpec(.get, "/") { handler in try handler.absoluteURL(Names.home) }.named(Names.home),
                URLSpec(.get, "/files/([0-9]+)/([^/]+)") { (handler: RequestHandler, id: Int, name: String) in
                    try handler.requireSignedURL()
                    return "\(id) \(name) \(try handler.getQueryArgument("v", default: "-"))"
                }
                .named(Names.file),
                URLSpec(.get, "/absolute") { handler in
                    let texts = [
                        try handler.absoluteURL(Names.file, 7, "a b"), try handler.absoluteURL("file", 7, "a/b"),
                        handler.absoluteURL(path: "/x?y=1"),
                    ]
                    return texts.joined(separator: " ")
                },
                URLSpec(.get, "/sign") { handler in
                    let lifetime = Duration.seconds(try handler.getQueryArgument("lifetime", as: Int.self, default: 60))
                    let path = try handler.signedURL(Names.file, 7, "a ü", lifetime: lifetime)
                    let named = try handler.signedURL("file", 7, "b", lifetime: lifetime)
                    let withQuery = try handler.signedURL(
                        path: urlConcat(handler.reverseURL(Names.file, 8, "c"), ["v": "2 &"]) + "#top",
                        lifetime: lifetime)
                    return [path, named, withQuery].joined(separator: " ")
                },
            ], settings: settings)
    }

    @Test("RH-57: an absolute URL has the host and the scheme of the request", arguments: testedBackends)
    func absolute(_ backend: IOBackend) async throws {
        try await withServer(backend, try Self.application(.init())) {
            $0.xheaders = true
        } _: { port in
            let client = try TestClient(port: port)
            func get(_ path: String, _ fields: String) throws -> String {
                try client.ask("GET \(path) HTTP/1.1\r\nHost: example.com:81\r\n\(fields)\r\n").text
            }
            #expect(try get("/", "") == "http://example.com:81/")
            #expect(
                try get("/absolute", "X-Scheme: https\r\n") == """
                    https://example.com:81/files/7/a%20b https://example.com:81/files/7/a%2Fb https://example.com:81/x?y=1
                    """)
        }
    }

    @Test("RH-57: the setting baseURL takes the place of what the client says", arguments: testedBackends)
    func baseURL(_ backend: IOBackend) async throws {
        for base in ["https://example.com/app", "https://example.com/app/"] {
            try await withServer(backend, try Self.application(.init(baseURL: base))) { port in
                let client = try TestClient(port: port)
                let response = try client.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
                #expect(response.text == "https://example.com/app/")
            }
        }
    }

    @Test("RH-57: a signed URL is taken until it ends, and no other one", arguments: testedBackends)
    func signed(_ backend: IOBackend) async throws {
        try await withServer(backend, try Self.application(.init(cookieSecret: Self.secret))) { port in
            let client = try TestClient(port: port)
            let paths = try client.get("/sign").text.split(separator: " ").map(String.init)
            #expect(paths[2].hasSuffix("#top"))
            #expect(try client.get(paths[0]).text == "7 a ü -")
            #expect(try client.get(paths[1]).text == "7 b -")
            #expect(try client.get(String(paths[2].dropLast(4))).text == "8 c 2 &")
            let path = paths[1]
            let end = try #require(path.split(separator: "=")[1].split(separator: "&").first)
            let others = [
                "/files/7/b", path + "&v=3", path.replacing("?", with: "?v=3&"), path.replacing("/7/", with: "/8/"),
                path.replacing(end, with: "9\(end)"), path.replacing("=0.", with: "=1."),
                path.replacing("=0.", with: "=00."), String(path.dropLast()), path + "A",
                path.replacing("&", with: "&&"),
                String(path.prefix { $0 != "&" }), path.replacing("/b?", with: "/%62?"),
            ]
            for other in others { #expect(try client.get(other).status == 403, "\(other)") }
            for path in try client.get("/sign?lifetime=-1").text.split(separator: " ").prefix(2) {
                let response = try client.get(String(path))
                #expect(response.status == 410)
                #expect(response.text.contains("This link has expired."))
            }
        }
        try await withServer(backend, try Self.application(.init())) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/files/7/b").status == 500, "there is no secret")
        }
    }

    @Test("RH-57: signatures of URLs outlive a change of keys, and are none of other values")
    func keys() throws {
        let old = try CookieSecret(versions: [1: "the first key"], current: 1)
        let both = try CookieSecret(versions: [1: "the first key", 2: "the second key"], current: 2)
        let new = try CookieSecret(versions: [2: "the second key"], current: 2)
        func check(_ url: String, _ secret: CookieSecret, at now: Double = 99) -> SignedURL.Verdict {
            let parts = url.split(separator: "?", maxSplits: 1).map(String.init)
            return SignedURL.check(path: parts[0], query: parts[1], at: now, secret)
        }
        let first = try SignedURL.sign("/a", end: 100, old)
        #expect(first.hasPrefix("/a?expires=100&signature=1."))
        #expect(check(first, both) == .valid)
        #expect(check(first, both, at: 100) == .expired)
        #expect(check(first, new) == .invalid)
        let second = try SignedURL.sign("/a", end: 100, both)
        #expect(check(second, new) == .valid)
        // A signed value whose name and value make the same text is no signature of it, and the other way round.
        let key = try #require(both.key(2))
        let message = Array("/a?expires=100".utf8)
        #expect(key.urlSignature(of: message) != key.signature(of: message))
        let cookie = try createSignedValue(secret: both, name: "/a?expires", value: "100")
        #expect(check("/a?expires=100&signature=\(cookie)", both) == .invalid)
    }
}
