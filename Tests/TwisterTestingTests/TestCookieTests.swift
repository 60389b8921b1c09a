import Testing
import TwisterTesting

@Suite("TestClient: cookies")
struct TestCookieTests {
    @Test("X-76: cookies come back by path and expiry; another client has none", arguments: Setting.all)
    func jar(setting: Setting) async throws {
        let configuration = setting.configuration(.virtual)
        try await makeApplication().test(setting.depth, configuration: configuration) { client in
            let set = try await client.get(
                "/cookies/a/b",
                query: [
                    "set": "here=1", "set": "root=2; Path=/; Secure; HttpOnly; SameSite=Lax",
                    "set": "brief=3; Path=/; Max-Age=60", "set": "foreign=4; Domain=example.org",
                    "set": "old=5; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "set": "=6", "set": "seven",
                ])
            #expect(set.cookies.map(\.name) == ["here", "root", "brief", "foreign", "old"])
            #expect(set.cookies[1].isSecure && set.cookies[1].isHTTPOnly && set.cookies[1].sameSite == "Lax")
            #expect(try await client.get("/cookies/a/c").text == "here=1; root=2; brief=3")
            #expect(try await client.get("/cookies/ab").text == "root=2; brief=3")
            #expect(client.cookies["root"] == "2" && client.cookies["old"] == nil)
            #expect(try await client.another().get("/cookies/a/c").text == "none")
            try await client.advance(by: .seconds(61))
            #expect(try await client.get("/cookies/ab").text == "root=2")
            _ = try await client.get("/cookies", query: ["set": "root=; Path=/; Max-Age=0"])
            #expect(try await client.get("/cookies/ab").text == "none")
            var bare = client
            bare.keepsCookies = false
            #expect(try await bare.get("/cookies/a/c").text == "none")
        }
    }

    @Test(
        "X-76: Set-Cookie in its odd forms",
        arguments: [
            ("a=b", "a", "b"), (" a = \"b c\" ; path=/x", "a", "b c"), ("a=b=c;;;", "a", "b=c"), ("a=", "a", ""),
            ("a=b; max-age=99999999999999999999; max-age=x; domain=.; path=x", "a", "b"),
        ])
    func parsing(field: String, name: String, value: String) throws {
        let cookie = try #require(TestCookie(field))
        #expect(cookie.name == name && cookie.value == value && cookie.domain == nil)
        if field.contains("max-age") { #expect(cookie.maxAge == .max && cookie.path == nil) }
    }

    @Test("X-76: any bytes are read as a cookie or refused, and nothing traps")
    func mutations() {
        let field = Array(
            "id=\"v\"; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=-1; Domain=.a.b; Path=/; Secure".utf8)
        for index in field.indices {
            _ = TestCookie(String(decoding: field[..<index], as: UTF8.self))
            for bit in 0..<8 {
                var changed = field
                changed[index] ^= 1 << UInt8(bit)
                _ = TestCookie(String(decoding: changed, as: UTF8.self))
            }
        }
        #expect(TestCookie("") == nil && TestCookie("; a=b") == nil)
    }
}
