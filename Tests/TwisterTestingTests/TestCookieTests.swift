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

    @Test(
        "X-76: RFC 6265 5.1.1: Expires in the forms that browsers read",
        arguments: [
            ("Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_480), ("Wed, 21-Oct-2015 07:28:00 GMT", 1_445_412_480),
            ("Wednesday, 21-Oct-15 07:28:00 GMT", 1_445_412_480), ("Wed Oct 21 07:28:00 2015", 1_445_412_480),
            ("21 oct 2015 7:28:0", 1_445_412_480), ("2015 October 21 07:28:00x", 1_445_412_480),
            ("07-Nov-27 00:00:00", 1_825_545_600), ("Sun, 07-Nov-2027 00:00:00 GMT", 1_825_545_600),
            ("01-Jan-69 00:00:00", 3_124_224_000), ("01-Jan-70 00:00:00", 0), ("01-Jan-99 00:00:00", 915_148_800),
            ("01-Jan-1601 00:00:00", -11_644_473_600),
            ("01-Jan-1600 00:00:00", nil), ("31-Feb-2027 00:00:00", nil), ("01-Jan-2027 24:00:00", nil),
            ("01-Jan-2027 00:00:60", nil), ("01-Jan-2027 00:00", nil), ("01-Jan-20275 00:00:00", nil),
            ("Jan-2027 00:00:00", nil), ("01-Foo-2027 00:00:00", nil), ("0", nil), ("", nil),
            ("001-Jan-2027 00:00:00", nil), ("32-Jan-2027 00:00:00", nil), ("01-Jan-2027 000:00:00", nil),
        ] as [(String, Int64?)])
    func expiry(text: String, expected: Int64?) throws {
        #expect(try #require(TestCookie("a=b; Expires=\(text)")).expires == expected)
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
