import Testing
import TwisterTestSupport
import _StringProcessing

@testable import TwisterWeb

@Suite("Router: the first match wins")
struct RouterTests {
    /// A router whose targets are the patterns' numbers.
    static func router(_ patterns: [String]) throws -> Router<Int> {
        Router(try patterns.enumerated().map { .init(try URLPattern($1), target: $0) })
    }

    /// The number of the route and the raw groups.
    static func match(_ router: Router<Int>, _ path: String) -> (index: Int, groups: [String?])? {
        let bytes = Array(path.utf8)
        guard let match = bytes.withUnsafeBytes(router.match) else { return nil }
        return (match.index, bytes.groups(match.captures))
    }

    @Test("S-12: the order of registration decides, between literals, groups and automata alike")
    func order() throws {
        let router = try Self.router([
            "/user/me", "/user/([^/]+)", "/user/([0-9]+)", "/(?:x|yy)+/(a)", "/yy/(.*)", "/(.*)", "/late",
        ])
        #expect(Self.match(router, "/user/me")?.index == 0)
        #expect(Self.match(router, "/user/12")?.index == 1)
        #expect(Self.match(router, "/user/me/x")?.index == 5)
        #expect(Self.match(router, "/yy/a")?.index == 3)
        #expect(Self.match(router, "/yy/a")?.groups == ["a"])
        #expect(Self.match(router, "/yy/b")?.index == 4)
        #expect(Self.match(router, "/late")?.index == 5)
        #expect(Self.match(router, "late") == nil)

        let reversed = try Self.router(["/(.*)", "/user/me", "/(?:x|yy)+"])
        #expect(Self.match(reversed, "/user/me")?.index == 0)
        #expect(Self.match(reversed, "/x")?.index == 0)
    }

    @Test("S-10: patterns are anchored at both ends")
    func anchors() throws {
        for pattern in ["/a", "^/a", "/a$", "^/a$"] {
            let router = try Self.router([pattern])
            #expect(Self.match(router, "/a") != nil)
            #expect(Self.match(router, "/ab") == nil)
            #expect(Self.match(router, "x/a") == nil)
            #expect(Self.match(router, "") == nil)
        }
    }

    @Test(
        "RT-11: what a path's groups capture",
        arguments: [
            (#"/user-([0-9]+)\.json"#, "/user-12.json", ["12"]),
            (#"/(\d{4})/(\d{2})/([a-z0-9-]+)"#, "/2026/07/a-b-9", ["2026", "07", "a-b-9"]),
            (#"/static/(.*)"#, "/static/a/b/c.css", ["a/b/c.css"]),
            (#"/(.*)/(.*)"#, "/a/b/c", ["a/b", "c"]),
            (#"/items/?"#, "/items/", []),
            (#"/items/?"#, "/items", []),
            (#"/(.*)/?"#, "/a/", ["a/"]),
            (#"/([^/]*)/x"#, "//x", [""]),
            (#"/([^/]+)\.(json|xml)"#, "/a.b.xml", ["a.b", "xml"]),
            (#"/(en|de)/([^/]+)"#, "/de/x", ["de", "x"]),
            (#"/(a(b+))c"#, "/abbc", ["abb", "bb"]),
            (#"/(?:v1|v2)/(\w+)"#, "/v2/x_1", ["x_1"]),
            (#"/(?<id>[0-9]+)"#, "/7", ["7"]),
            (#"/(?P<id>[0-9]+)"#, "/7", ["7"]),
            (#"/([\w.-]+)@([^@]+)"#, "/a.b-c@d", ["a.b-c", "d"]),
            ("/()x", "/x", [""]),
        ])
    func captures(pattern: String, path: String, groups: [String]) throws {
        #expect(try URLPattern(pattern).isSimple)
        #expect(Self.match(try Self.router([pattern]), path)?.groups == groups)
    }

    @Test("more groups than a match holds inline")
    func manyGroups() throws {
        let names = (0..<12).map { "s\($0)" }
        let router = try Self.router([names.map { _ in "/([^/]+)" }.joined()])
        #expect(Self.match(router, "/" + names.joined(separator: "/"))?.groups == names)
    }

    @Test(
        "what is not simple has an automaton, with the same groups and order",
        arguments: [
            (#"/((?:ab|a)+)"#, "/abaab", ["abaab"]), (#"/(a|ab)(c|bcd)(d*)"#, "/abcd", ["a", "bcd", ""]),
            (#"/(.+?)(\d*)"#, "/ab12", ["a", "b12"]), (#"/([a-z]+)(-\d+)?"#, "/ab-1", ["ab", "-1"]),
        ])
    func automata(pattern: String, path: String, groups: [String]) throws {
        let compiled = try URLPattern(pattern)
        #expect(!compiled.isSimple)
        let expected = try Self.reference(pattern, path)
        #expect(Self.match(try Self.router([pattern]), path)?.groups == expected)
    }

    @Test("an automaton is not fooled by bytes that are not ASCII")
    func notASCII() throws {
        let router = try Self.router(["/((?:[^/]|//)+)/(x)"])
        let path = Array("/é/x".utf8) + []
        let match = path.withUnsafeBytes(router.match)
        #expect(match.map { path.groups($0.captures) } == ["é", "x"])
        let optional = try Self.router(["/a(-b)?"])
        #expect(Self.match(optional, "/a")?.groups == [nil])
    }

    // MARK: Against Regex

    static func reference(_ pattern: String, _ path: String) throws -> [String?]? {
        let regex = try Regex(pattern).matchingSemantics(.unicodeScalar).asciiOnlyCharacterClasses()
        guard let output = try regex.wholeMatch(in: path)?.output else { return nil }
        return output.dropFirst().map { $0.substring.map(String.init) }
    }

    @Test("S-12: random simple patterns match and capture what Regex does", arguments: 0..<20)
    func property(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var hits = 0
        for _ in 0..<40 {
            let patterns = (0..<Int.random(in: 1...6, using: &random)).map { _ in RandomRoutes.pattern(&random) }
            let router = try Self.router(patterns)
            for _ in 0..<12 {
                let path = RandomRoutes.path(&random, like: patterns.randomElement(using: &random) ?? "")
                let expected = try patterns.lazy.enumerated().compactMap { index, pattern in
                    try Self.reference(pattern, path).map { (index: index, groups: $0) }
                }.first
                let found = Self.match(router, path)
                #expect(found?.index == expected?.index, "\(patterns) \(path)")
                #expect(found?.groups == expected?.groups, "\(patterns) \(path)")
                hits += expected == nil ? 0 : 1
            }
        }
        #expect(hits > 50, "the paths should match often enough to tell something")
    }

    @Test("the search with a memo finds what the search without one finds", arguments: 0..<6)
    func memo(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed &+ 1000)
        for _ in 0..<60 {
            let patterns = (0..<4).map { _ in RandomRoutes.ambiguousPattern(&random) }
            let trie = try Self.trie(patterns)
            let parsed = try patterns.map { try [PatternElement](PatternParser.parse($0).root) }
            let path = "/" + String((0..<40).map { _ in "ab-/".randomElement(using: &random) ?? "a" })
            let expected = Backtracker.firstMatch(parsed, path)
            let bytes = Array(path.utf8)
            // With no steps the memo is used at once; with the most steps it is never used.
            for steps in [0, Int.max] {
                let found = bytes.withUnsafeBytes { path in
                    trie.search(path, steps: steps)
                }
                #expect(found?.index == expected?.index, "\(patterns) \(path)")
                #expect(found.map { bytes.groups($0.captures) } == expected?.groups, "\(patterns) \(path)")
            }
        }
    }

    static func trie(_ patterns: [String]) throws -> RouteTrie {
        var lines: [(route: Int, pattern: LinearPattern)] = []
        for (index, pattern) in patterns.enumerated() {
            guard case .simple(_, let own) = try URLPattern(pattern).matcher else { continue }
            lines += own.map { (index, $0) }
        }
        return RouteTrie(lines)
    }

    @Test("S-12: many words at one place, with loops within and beside them", arguments: 0..<6)
    func words(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed &+ 2000)
        let letters = ["a", "b", "ab", "long-word-of-letters", "12", "x.y"]
        let endings = ["", "/", "/?", "/b", "/([0-9]+)", "([0-9]+)", "/(.*)", "([^/]*)/c", "-(a|b)", "/a/b/c"]
        func word() -> String {
            let count = Int.random(in: 1...3, using: &random)
            return (0..<count).map { _ in letters.randomElement(using: &random) ?? "" }.joined()
        }
        // Without loops at the root, the first step depends on words alone.
        let hasLoopsBeside = seed % 2 == 0
        let patterns = (0..<200).map { index in
            hasLoopsBeside && index % 40 == 39
                ? "/([^/]+)/(.*)" : "/" + word() + (endings.randomElement(using: &random) ?? "")
        }
        let parsed = try patterns.map { try [PatternElement](PatternParser.parse($0).root) }
        let router = try Self.router(patterns)
        let rests = ["", "/", "/b", "/7", "7", "7/c", "-b", "/a/b/c"]
        var hits = 0
        for _ in 0..<100 {
            let path = "/" + word() + (rests.randomElement(using: &random) ?? "")
            let expected = Backtracker.firstMatch(parsed, path)
            let found = Self.match(router, path)
            #expect(found?.index == expected?.index, "\(patterns) \(path)")
            #expect(found?.groups == expected?.groups, "\(patterns) \(path)")
            hits += expected == nil ? 0 : 1
        }
        #expect(hits > 20)
    }

    @Test(
        "S-12: words that share nodes keep their own routes, also behind loops",
        arguments: ["/", "/x/", "/([^/]*)/", "/(.*)/"])
    func sharedNodes(start: String) throws {
        let words = (0..<40).map { "w\($0)" }
        let endings = ["/([^/]*)", "", "/(.*)b", "/a/([a-z]+)/c", "/(.*)/(.*)"]
        // Every third word lacks an ending, so that two shapes are shared, and the second table has the first one's words.
        var patterns: [String] = []
        for (index, word) in words.enumerated() {
            for ending in endings.prefix(index % 3 == 0 ? 4 : 5) { patterns.append(start + word + ending) }
            if index % 2 == 0 { patterns.append(start + "w1/" + word + "/end") }
        }
        let parsed = try patterns.map { try [PatternElement](PatternParser.parse($0).root) }
        let trie = try Self.trie(patterns)
        let rests = ["", "/", "/a", "/ab", "/a/b", "/a/b/c", "/w2/ab", "/w3/w4/a/x/c", "/w2/end", "/w3/end", "/\u{0}"]
        for word in words + ["w", "w40", "w1/w7", "x/w5"] {
            for rest in rests {
                let path = (start.hasPrefix("/(") ? "/y/" : start) + word + rest
                let expected = Backtracker.firstMatch(parsed, path)
                let bytes = Array(path.utf8)
                for steps in [0, Int.max] {
                    let found = bytes.withUnsafeBytes { trie.search($0, steps: steps) }
                    #expect(found?.index == expected?.index, "\(path)")
                    #expect(found.map { bytes.groups($0.captures) } == expected?.groups, "\(path)")
                }
            }
        }
        // Each word has some nodes of its own only where loops stand before it.
        let nodes = trie.nodeCount
        #expect(start.contains("(") ? nodes > 200 : nodes < 100, "\(nodes) nodes")
    }

    @Test("S-12: each of 10,000 routes is found, and a path that none matches is not")
    func tenThousand() throws {
        let patterns = (0..<10_000).map { "/api/v\($0 % 7)/thing\($0)" + ($0 % 2 == 0 ? "/([0-9]+)" : "") }
        let router = try Self.router(patterns)
        for index in 0..<patterns.count {
            let path = "/api/v\(index % 7)/thing\(index)" + (index % 2 == 0 ? "/\(index)" : "")
            #expect(Self.match(router, path)?.index == index)
        }
        for path in ["/api/v1/thing", "/api/v0/thing1", "/api/v1/thing1/", "/api/v1/thing10000", "/api", "/api/v1/"] {
            #expect(Self.match(router, path) == nil)
        }
        #expect(router.validate().isEmpty)
    }

    @Test("a hostile path costs steps in proportion to its length", .timeLimit(.minutes(1)))
    func hostile() throws {
        let evil = [
            "/(.*)a(.*)a(.*)a(.*)a(.*)a(.*)x", "/(a*)(a*)(a*)(a*)(a*)(a*)(a*)b", "/([^/]*)/([^/]*)/?(.*)/(.*)z",
            "/(a?)(a?)(a?)(a?)(a?)(a?)(a?)(a?)(a{0,9})(a{0,9})(a{0,9})(a*)y",
        ]
        let router = try Self.router(evil)
        for filler in ["a", "a/", "/", "aa/b"] {
            let path = Array(("/" + String(repeating: filler, count: 8192 / filler.utf8.count)).utf8)
            let time = processorTime {
                #expect(path.withUnsafeBytes(router.match) == nil)
            }
            // Without the memo this would never end; with it, each loop takes well under a millisecond.
            #expect(time < .milliseconds(2000), "\(filler): \(time)")
        }
    }
}

extension [UInt8] {
    fileprivate func groups(_ captures: RouteCaptures) -> [String?] {
        (0..<captures.count).map { group in
            captures[group].map { String(decoding: self[$0], as: UTF8.self) }
        }
    }
}
