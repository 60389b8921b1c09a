import Testing

@testable import TwisterWeb

@Suite("Host patterns")
struct HostPatternTests {
    @Test(
        "RT-9: names, names below a name, and regexes, without regard to case",
        arguments: [
            ("example.com", "EXAMPLE.com", true), ("example.com", "examplexcom", false),
            ("example.com", "www.example.com", false), ("Example.COM", "example.com", true),
            ("*.example.com", "a.b.example.com", true), ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false), ("*.example.com", "badexample.com", false),
            (#"(.*\.)?example\.com"#, "www.Example.com", true), (#"(.*\.)?example\.com"#, "example.com", true),
            (#"(.*\.)?example\.com"#, "example.com.evil", false), (#"www\.EXAMPLE\.com"#, "www.example.com", true),
            (#"[A-C]+\.de"#, "ab.de", true), (#"[A-C]+\.de"#, "xy.de", false),
            (".*", "anything", true), ("*", "", true), ("[::1]", "[::1]", true), ("127.0.0.1", "127.0.0.1", true),
        ])
    func hosts(pattern: String, host: String, matches: Bool) throws {
        #expect(try HostPattern(pattern).matches(host) == matches)
    }

    @Test("a bad host pattern fails at creation")
    func bad() {
        #expect(throws: URLPatternError.self) { try HostPattern("(example") }
    }
}
