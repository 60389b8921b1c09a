import Testing
import TwisterTestSupport

@testable import TwisterWeb

@Suite("URLPattern")
struct URLPatternTests {
    @Test(
        "S-10: a bad pattern fails at creation, with its text",
        arguments: [
            "/(", "/)", "/[a", "/a**", "/(?<id>a)(b)", "/(?P<id>a)/(b|(?:c)+)", "/(?<id>a)(?<id>b)", "/[é]", "/[^a-é]+",
            "/é(", "/a\n", "/a\u{7f}",
        ])
    func bad(pattern: String) {
        let error = #expect(throws: URLPatternError.self) { try URLPattern(pattern) }
        #expect(error?.pattern == pattern)
        #expect(error?.description.contains(pattern) == true)
        #expect(error?.reason.isEmpty == false)
    }

    @Test(
        "A character beyond ASCII is its percent-encoding, in the pattern and in the path",
        arguments: [
            ("/grüße", "/grüße", []), ("/grüße", "/gr%C3%BC%C3%9Fe", []), ("/gr%C3%BC%C3%9Fe", "/grüße", []),
            (#"/\é"#, "/é", []), ("/a/([^/]+)", "/a/日本", ["日本"]), ("/a/([^/]+)", "/a/日%E6%9C%AC", ["日本"]),
            ("/(ä|ö)/x", "/ö/x", ["ö"]), ("/(ä|ö)/x", "/%C3%B6/x", ["ö"]), ("/(é+)", "/éé", ["éé"]),
            ("/(?<naïve>.*)", "/é", ["é"]), (#"/a\{b\}"#, "/a{b}", []), (#"/("<>\^`\|)"#, #"/"<>^`|"#, [#""<>^`|"#]),
        ])
    func nonASCII(pattern: String, path: String, arguments: [String]) throws {
        let compiled = try URLPattern(pattern)
        #expect(try compiled.match(path)?.values == arguments)
        #expect(compiled.text == pattern)
    }

    @Test("A pattern beyond ASCII matches nothing else, and makes a path in ASCII")
    func nonASCIIReverse() throws {
        let pattern = try URLPattern("/é/(.*)")
        #expect(try pattern.match("/e/a") == nil && pattern.match("/%C3%A8/a") == nil)
        #expect(try pattern.reverse("ü") == "/%C3%A9/%C3%BC")
        #expect(try URLPattern("/(é)+").match("/ééé")?.values == ["é"])
    }

    @Test("RT-11: mixed groups have an error of their own")
    func mixed() {
        let error = #expect(throws: URLPatternError.self) { try URLPattern("/(?<id>[0-9]+)/([a-z]+)") }
        #expect(error?.reason.contains("mixed") == true)
    }

    @Test("S-12: arguments are percent-decoded, and named ones found by name")
    func arguments() throws {
        let positional = try #require(try URLPattern("/([^/]+)/(.*)").match("/a%20b/%C3%A9/x"))
        #expect(positional.values == ["a b", "é/x"])
        #expect(positional[1] == "é/x")
        #expect(positional[2] == nil)
        #expect(positional[-1] == nil)
        let named = try #require(try URLPattern(#"/(?<year>\d+)/(?P<name>\w+)"#).match("/2026/x"))
        #expect(named.names == ["year", "name"])
        #expect(named["name"] == "x")
        #expect(named["nobody"] == nil)
        #expect(try URLPattern("/a").match("/b") == nil)
        #expect(try URLPattern("/a").match("/a")?.count == 0)
    }

    @Test("S-12: a group matches the path as it was sent: an encoded slash does not end it")
    func encodedSlash() throws {
        #expect(try URLPattern("/([^/]+)").match("/a%2Fb")?.values == ["a/b"])
    }

    @Test(
        "a malformed escape, or bytes that are no UTF-8, are a bad request",
        arguments: [
            "/%", "/%4", "/%zz", "/a%ff", "/%C3",
        ])
    func malformed(path: String) throws {
        let pattern = try URLPattern("/(.*)")
        #expect(throws: PathArgumentError(group: 0)) { try pattern.match(path) }
        // The group took no part in the match: no error.
        #expect(try URLPattern("/.*").match(path)?.count == 0)
    }

    // MARK: Reverse

    @Test(
        "S-16: a path is made from arguments",
        arguments: [
            ("/", [], "/"), ("/user/([0-9]+)", ["12"], "/user/12"), ("/a/([^/]+)/b", ["x y/é"], "/a/x%20y%2F%C3%A9/b"),
            ("/static/(.*)", ["a/b c"], "/static/a/b%20c"), ("/items/?", [], "/items"), (#"/a\.b"#, [], "/a.b"),
            ("^/(?<a>x+)-(?<b>y+)$", ["x", "yy"], "/x-yy"), ("/a{3}/(b)", ["b"], "/aaa/b"),
            ("/mail/([a-z@]+)", ["a@b"], "/mail/a@b"), (#"/((?:ab|a)+)\.x"#, ["aab"], "/aab.x"),
            ("/(?:v1|v2)/([^/]+)", ["x"], "/v1/x"), ("/([^/]+)\\.(json|xml)", ["a.b", "xml"], "/a.b.xml"),
            (#"/a/(\w+?)(?:/x)?"#, ["b"], "/a/b"), ("/(?:ab){2}-(a|ab)", ["ab"], "/abab-ab"),
            (#"/\b(\w+)\b"#, ["ab"], "/ab"), ("/(?:/([0-9]+?))", ["12"], "//12"),
            ("/([a-c]+)(?:-(?:x|yy))*", ["a"], "/a"),
        ] as [(String, [String], String)])
    func reverse(pattern: String, arguments: [String], path: String) throws {
        let compiled = try URLPattern(pattern)
        #expect(try compiled.reverse(arguments: arguments) == path)
        #expect(try compiled.match(path)?.values == arguments)
    }

    @Test("S-16: arguments may be anything that has a description")
    func reverseValues() throws {
        #expect(try URLPattern(#"/(\d+)/(\w+)"#).reverse(7, "x") == "/7/x")
        #expect(try URLSpec(#"/(\d+)"#, RequestHandler.self, name: "item").reverse(7) == "/7")
    }

    @Test(
        "RT-11: what cannot be reversed says why",
        arguments: [
            ("/[ab]", []), ("/a.b", []), ("/((a)b)", ["ab", "a"]), ("/(?:a|bb)+x", []), ("/(a)?(?:x|yy)*", ["a"]),
            ("/((?:a|bb)+(c))", ["ac", "c"]), (#"/([a-z]+)(-\d+)?"#, ["a", "-1"]), ("/(?:(a)|(b))", ["a", "b"]),
            ("(?i)/a", []),
        ] as [(String, [String])])
    func notReversible(pattern: String, arguments: [String]) throws {
        let compiled = try URLPattern(pattern)
        let error = #expect(throws: URLReverseError.self) { try compiled.reverse(arguments: arguments) }
        guard case .notReversible(pattern, let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("S-16: arguments that a match would not give back are refused")
    func doNotFit() throws {
        #expect(throws: URLReverseError.wrongNumberOfArguments(pattern: "/(a)", expected: 1, given: 0)) {
            try URLPattern("/(a)").reverse()
        }
        #expect(throws: URLReverseError.argumentsDoNotFit(pattern: "/([0-9]+)", arguments: ["x"])) {
            try URLPattern("/([0-9]+)").reverse("x")
        }
        #expect(throws: URLReverseError.self) { try URLPattern("/(.*)-(.*)").reverse("a", "b-c") }
        #expect(try URLPattern("/(.*)-(.*)").reverse("a-b", "c") == "/a-b-c")
    }

    @Test("S-16: match(reverse(x)) is x, for random patterns and arguments", arguments: 0..<10)
    func property(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let words = ["", "a", "12", "a b", "é/ü", "%", "x.y", "漢", "..", "a+b?c#d", "\u{0}\n", "ab-"]
        var reversed = 0
        for _ in 0..<200 {
            let pattern = try URLPattern(RandomRoutes.pattern(&random))
            let arguments = (0..<pattern.groupCount).map { _ in words.randomElement(using: &random) ?? "" }
            guard let path = try? pattern.reverse(arguments: arguments) else { continue }
            reversed += 1
            #expect(path.utf8.allSatisfy { 0x21..<0x7F ~= $0 })
            #expect(try pattern.match(path)?.values == arguments)
        }
        #expect(reversed > 10)
    }
}
