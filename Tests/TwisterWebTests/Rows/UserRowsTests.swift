import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTesting

@testable import TwisterWeb

@Suite("Rows: users, cookies, XSRF")
struct UserRowsTests {
    private final class Member: RequestHandlerWith<Trace> {
        override class var policy: Policy { Policy(authenticated: true) }
        override func getCurrentUser() -> String? {
            state.note("asked")
            return getCookie("user")
        }
        override func get() async throws { write("\(currentUser ?? "") \(currentUser ?? "")") }
        override func post() async throws { write("done") }
    }

    private final class Elsewhere: RequestHandler {
        override class var policy: Policy { Policy(authenticated: true) }
        override func getLoginURL() -> String? { "https://login.example/in" }
        override func get() async throws { write("in") }
    }

    /// Finds out its user in `prepare`.
    private final class Looked: RequestHandler {
        override class var policy: Policy { Policy(authenticated: true) }
        override func prepare() async throws {
            await Task.yield()
            currentUser = "eve"
        }
        override func get() async throws { write(currentUser ?? "nobody") }
    }

    @Test(
        "RH-36, RH-37, RH-50, SET-11: users who have not logged in are sent to the login URL", arguments: Setting.each)
    func authenticated(setting: Setting) async throws {
        let trace = Trace()
        let routes: [any Routes] = [
            URLSpec("/member", Member.self, trace), URLSpec("/elsewhere", Elsewhere.self),
            URLSpec("/looked", Looked.self),
        ]
        try await withRoutes(setting, routes, settings: .init(loginURL: "/login")) { client async throws in
            let guest = try await client.get("/member", query: ["a": "b c"])
            #expect(guest.status == .found)
            #expect(
                guest.headers[.location] == "/login?next=%2Fmember%3Fa%3Db%2Bc"
                    || guest.headers[.location] == "/login?next=%2Fmember%3Fa%3Db%2520c")
            #expect(try await client.post("/member").status == .forbidden)
            _ = trace.take()
            let user = try await client.get("/member", headers: [.cookie: "user=ann"])
            #expect(user.text == "ann ann")
            #expect(trace.take() == ["asked"])
            let away = try await client.get("/elsewhere")
            #expect(away.headers[.location]?.hasPrefix("https://login.example/in?next=http%3A%2F%2F") == true)
            #expect(try await client.get("/looked").text == "eve")
        }
        try await withRoutes(setting, routes) { client async throws in
            #expect(try await client.get("/member").status == .forbidden)
        }
        for (url, location) in [
            ("/login#form", "/login?next=%2Fmember#form"), ("/login#a?b", "/login?next=%2Fmember#a?b"),
            ("/login?x=1#form", "/login?x=1#form"),
        ] {
            try await withRoutes(setting, routes, settings: .init(loginURL: url)) { client async throws in
                #expect(try await client.get("/member").headers[.location] == location)
            }
        }
    }

    private final class Signing: RequestHandler {
        override func get() async throws {
            try setSignedCookie("id", "ann=1; \"x\"")
            write(try createSignedValue("id", "ann", version: .two))
        }
        override func post() async throws {
            let value: String? = try getSignedCookie("id")
            write(value ?? "none")
        }
    }

    @Test("RH-21, RH-22: signed cookies come back, and forged ones do not", arguments: Setting.each)
    func signed(setting: Setting) async throws {
        let routes: [any Routes] = [URLSpec("/", Signing.self)]
        let settings = ApplicationSettings(cookieSecret: try CookieSecret(key: "a secret that is long enough"))
        try await withRoutes(setting, routes, settings: settings) { client async throws in
            let response = try await client.get("/")
            #expect(response.text.hasPrefix("2|1:0|10:"))
            let cookie = try #require(response.headers[.setCookie])
            #expect(cookie.lowercased().contains("expires="))
            #expect(try await client.post("/").text == "ann=1; \"x\"")
            let value = String(cookie.dropFirst(3).prefix { $0 != ";" })
            var forged = Array(value)
            for place in stride(from: 0, to: forged.count, by: 7) where forged[place] != "|" {
                let character = forged[place]
                forged[place] = character == "5" ? "6" : "5"
                let sent = try await client.another().post("/", headers: [.cookie: "id=\(String(forged))"])
                #expect(sent.text == "none", "\(place)")
                forged[place] = character
            }
        }
        try await withRoutes(setting, routes) { client async throws in
            // Without a secret nothing is signed: the mistake is the application's.
            #expect(try await client.get("/").status == .internalServerError)
        }
    }

    @Test("RH-18: the cookies of a request, with a default for one that is missing", arguments: Setting.each)
    func cookies(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec(.get, "/") { handler in
                "\(handler.getCookie("a", default: "-")) \(handler.getCookie("b") ?? "nil") \(handler.cookies.count)"
            }
        ]
        try await withRoutes(setting, routes, settings: .init(maxCookies: 5)) { client async throws in
            #expect(try await client.get("/").text == "- nil 0")
            #expect(try await client.get("/", headers: [.cookie: "a=1; b=\"2\"; c"]).text.hasPrefix("1 2 "))
            let many = (0..<6).map { "c\($0)=x" }.joined(separator: "; ")
            #expect(try await client.get("/", headers: [.cookie: many]).status == .badRequest)
            let few = (0..<5).map { "c\($0)=x" }.joined(separator: "; ")
            #expect(try await client.get("/", headers: [.cookie: few]).text == "- nil 5")
        }
    }

    private final class Form: RequestHandler {
        override func get() async throws { write(try xsrfFormHTML()) }
        override func post() async throws { write("changed") }
    }

    @Test("SET-12, SET-13, RH-41: requests that change something need the token of the page", arguments: Setting.each)
    func xsrf(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec("/", Form.self),
            URLSpec(.post, "/hook") { _ in "called" }.policy(Policy(xsrf: false)),
        ]
        let settings = ApplicationSettings(
            xsrfCookies: true, xsrfCookie: SetCookie(name: "guard", value: "", httpOnly: true, sameSite: .strict))
        try await withRoutes(setting, routes, settings: settings) { client async throws in
            #expect(try await client.post("/").status == .forbidden)
            #expect(try await client.post("/hook").text == "called")
            let page = try await client.get("/")
            let cookie = try #require(page.headers[.setCookie])
            #expect(cookie.hasPrefix("guard=2|") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
            let start = "<input type=\"hidden\" name=\"_xsrf\" value=\""
            #expect(page.text.hasPrefix(start) && page.text.hasSuffix("\"/>"))
            let token = String(page.text.dropFirst(start.count).dropLast(3))
            #expect(try await client.post("/", form: ["_xsrf": token]).text == "changed")
            #expect(try await client.post("/", headers: HTTPFields("X-XSRFToken", token)).text == "changed")
            // An empty text is no token.
            let fields = HTTPFields("X-XSRFToken", token)
            #expect(try await client.post("/", headers: fields, form: ["_xsrf": ""]).text == "changed")
            var both = HTTPFields("X-XSRFToken", "")
            #expect(try await client.post("/", headers: both).status == .forbidden)
            both.append(contentsOf: HTTPFields("X-CSRFToken", token))
            #expect(try await client.post("/", headers: both).text == "changed")
            // Another text for the same token each time.
            #expect(try await client.get("/").text != page.text)
            #expect(try await client.post("/", form: ["_xsrf": "2|00000000|00|1"]).status == .forbidden)
            #expect(try await client.another().post("/", form: ["_xsrf": token]).status == .forbidden)
        }
        try await withRoutes(setting, routes) { client async throws in
            #expect(try await client.post("/").text == "changed")
        }
    }

    @Test("SET-12, N-24: a method that is not served is 405, whatever its form holds", arguments: Setting.each)
    func xsrfOfOtherMethods(setting: Setting) async throws {
        try await withRoutes(setting, [URLSpec("/", Form.self)], settings: .init(xsrfCookies: true)) {
            client async throws in
            let page = try await client.get("/").text
            let token = String(try #require(page.split(separator: "value=\"").last?.prefix { $0 != "\"" }))
            for token in [token, "", "2|00000000|00|1"] {
                let responses = [
                    try await client.put("/", form: ["_xsrf": token]),
                    try await client.put("/", multipart: [.field("_xsrf", token)]),
                    try await client.put("/", headers: HTTPFields("X-XSRFToken", token)),
                ]
                for response in responses {
                    #expect(response.status == .methodNotAllowed)
                    #expect(response.headers[.allow] == "GET, HEAD, POST, OPTIONS")
                }
            }
        }
    }
}
