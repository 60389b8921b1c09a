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

    private static func outcome(_ hosts: VirtualHosts<Int>, _ host: String, _ path: String) -> String {
        let (name, bytes) = (Array(host.utf8), Array(path.utf8))
        let outcome = name.withUnsafeBytes { name in bytes.withUnsafeBytes { hosts.match($0) { name } } }
        return switch outcome {
        case .match(let match, let host): hosts.hosts[host].pattern.text + " \(match.index)"
        case .noRoute: "no route"
        case .noHost: "no host"
        }
    }

    @Test("S-12: named hosts are tried before the wildcard, whichever was added first")
    func order() throws {
        var hosts = VirtualHosts<Int>()
        hosts.add(.any, try RouterTests.router(["/", "/all"]))
        hosts.add(try HostPattern("api.example.com"), try RouterTests.router(["/api"]))
        hosts.add(try HostPattern("*.example.com"), try RouterTests.router(["/", "/api"]))
        #expect(Self.outcome(hosts, "API.example.com", "/api") == "api.example.com 0")
        #expect(Self.outcome(hosts, "api.example.com", "/") == "*.example.com 0")
        #expect(Self.outcome(hosts, "www.example.com", "/api") == "*.example.com 1")
        #expect(Self.outcome(hosts, "api.example.com", "/all") == ".* 1")
        #expect(Self.outcome(hosts, "elsewhere", "/api") == "no route")
    }

    @Test("S-12: without a wildcard an unknown host differs from an unknown path")
    func noHost() throws {
        var hosts = VirtualHosts<Int>()
        hosts.add(try HostPattern("example.com"), try RouterTests.router(["/"]))
        #expect(Self.outcome(hosts, "example.org", "/") == "no host")
        #expect(Self.outcome(hosts, "example.com", "/x") == "no route")
        #expect(Self.outcome(VirtualHosts(), "example.com", "/") == "no host")
    }
}
