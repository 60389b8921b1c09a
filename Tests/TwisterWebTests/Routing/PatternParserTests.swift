import Testing
import TwisterTestSupport

@testable import TwisterWeb

@Suite("Pattern syntax")
struct PatternParserTests {
    @Test(
        "RT-11: what is not supported is refused at creation, with the reason",
        arguments: [
            (#"/(a)\1"#, "backreference"), (#"/(?P<x>a)(?P=x)"#, "backreference"), (#"/(?<x>a)\k<x>"#, "backreference"),
            ("/(?=a)a", "lookahead"), ("/(?!a)b", "lookahead"), ("/(?<=a)b", "lookbehind"), ("/(?<!a)b", "lookbehind"),
            ("/(?>a)b", "atomic"), ("/a*+", "possessive"), ("/a++", "possessive"), ("/a?+", "possessive"),
            ("/a{1,2}+", "possessive"), ("/(a)?(?(1)b|c)", "conditional"), (#"/\p{L}"#, "Unicode"),
            (#"/\PL"#, "Unicode"), (#"/\q"#, #"\q"#), (#"/\Qa\E"#, #"\Q"#), (#"/[\b]"#, #"\b"#), (#"/\0"#, #"\0"#),
            (#"/\x4"#, "hexadecimal"), (#"/\xg0"#, "hexadecimal"), ("/a\\", "backslash"), ("/[a\\", "backslash"),
            ("/(", "not closed"), ("/(a", "not closed"), ("/)", "closes no group"), ("/(a))", "closes no group"),
            ("/[a", "not closed"), ("/[", "not closed"), ("/[]", "not closed"), ("/(?#a", "comment"),
            ("/a{3,2}", "wrong order"), ("/a{2001}", "larger"), ("/a{20000000000000000000000000}", "larger"),
            ("*", "nothing"), ("/(+)", "nothing"), ("/(|?)", "nothing"), ("{2}", "nothing"), ("/a**", "follows"),
            ("/a{2}{3}", "follows"), ("/^*", "anchor"), (#"/\b+"#, "anchor"), ("/(?i)a", "inline"), ("(?s)/", "inline"),
            ("/(?i:a)", "inline"), ("/(?", "inline"), ("/(?P>x)", "inline"), ("/(?<>a)", "name"), ("/(?<1>a)", "name"),
            ("/(?<a-b>a)", "name"), ("/(?<a", "name"), ("/[z-a]", "range"), (#"/[a-\d]"#, "range"),
            ("/[[:alpha:]]", "classes within"), ("/[a&&b]", "set operations"), (#"/[\w--b]"#, "set operations"),
            ("/[ä]", "ASCII"), (#"/[\ä]"#, "ASCII"), ("/(?<a>x)(?<a>y)", "same name"), ("/(?<a>x)(y)", "mixed"),
        ])
    func refused(pattern: String, reason: String) {
        let error = #expect(throws: URLPatternError.self) { try URLPattern(pattern) }
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.pattern == pattern)
    }

    @Test("RT-11: groups within groups have a limit, just below which they work")
    func nesting() throws {
        func nested(_ depth: Int) -> String {
            "/" + String(repeating: "(?:", count: depth) + "a" + String(repeating: ")+", count: depth)
        }
        #expect(try URLPattern(nested(PatternParser.deepestNesting)).match("/aaa") != nil)
        #expect(throws: URLPatternError.self) { try URLPattern(nested(PatternParser.deepestNesting + 1)) }
    }

    @Test(
        "RT-11: a pattern that repeats too much is refused, and quickly",
        arguments: [
            "/(?:ab){2000}", "/(?:(?:a{100}){100}){100}", "/(?:(?:(?:a?){200}){200}){200}",
            "/(?:(?:(?:(?:){2000}){2000}){2000}){2000}", "/(?:(?:(?:x|){150}){150}y)*",
        ])
    func tooMuch(pattern: String) {
        let error = #expect(throws: URLPatternError.self) { try URLPattern(pattern) }
        #expect(error?.reason.contains("2000 steps") == true)
    }

    @Test(
        "RT-9: the letter case is folded before a class is inverted",
        arguments: [
            ("[^A].x", "b.x", true), ("[^A].x", "a.x", false), ("(?:AB|c)+", "abcab", true), ("[^B-C]", "b", false),
        ])
    func hosts(pattern: String, host: String, matches: Bool) throws {
        #expect(try HostPattern("(?:\(pattern))").matches(host) == matches)
    }

    @Test(
        "RT-11: (?i) at the start",
        arguments: [
            ("(?i)/ab-([c-e]+)", "/AB-cDe", true), ("(?i)/[^a]", "/A", false), ("(?i)/[^A]", "/b", true),
            ("(?i)/(?:a|bb)+", "/AbBa", true), (#"(?i)/\x41"#, "/a", true), ("/a", "/A", false),
        ])
    func ignoringCase(pattern: String, path: String, matches: Bool) throws {
        #expect((try URLPattern(pattern).match(path) != nil) == matches)
    }

    @Test("RT-11: no pattern text traps, whatever it is cut or changed to", arguments: 0..<8)
    func garbage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "(", ")", "(?", "(?:", "(?P<", "<a>", "[", "]", "[^", "-", "\\", "|", "*", "+", "?", "{", "}", "{1,", "2}",
            "^", "$", ".", "a", "é", "\\x", "d", "/", "(?#", "(?i)", "💥", "]]", ",",
        ]
        var accepted = 0
        for _ in 0..<2000 {
            let count = Int.random(in: 0...8, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            guard let pattern = try? URLPattern(text) else { continue }
            accepted += 1
            #expect(throws: Never.self) { try pattern.match("/a") }
            _ = try? pattern.reverse(arguments: Array(repeating: "a", count: pattern.groupCount))
        }
        #expect(accepted > 50)
    }
}
