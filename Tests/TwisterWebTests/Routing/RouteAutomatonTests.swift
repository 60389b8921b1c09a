import Testing
import TwisterTestSupport

@testable import TwisterWeb

@Suite("Route automaton")
struct RouteAutomatonTests {
    private static func automaton(_ pattern: String) throws -> RouteAutomaton {
        let parsed = try PatternParser.parse(pattern)
        return try RouteAutomaton(parsed.root, groupCount: parsed.groupCount)
    }

    private static func match(_ automaton: RouteAutomaton, _ path: String) -> [Range<Int>?]? {
        Array(path.utf8).withUnsafeBytes(automaton.match).map { captures in
            (0..<captures.count).map { captures[$0] }
        }
    }

    @Test("RT-3, RT-11: matches and captures are those of Python's re.fullmatch", arguments: PythonMatches.table)
    func python(line: PythonMatches.Line) throws {
        let automaton = try Self.automaton(line.pattern)
        let pattern = try URLPattern(line.pattern)
        for (subject, groups) in line.cases {
            #expect(Self.match(automaton, subject) == groups, "\(line.pattern) \(subject)")
            // The trie, if it takes the pattern, finds the same.
            let captures = Array(subject.utf8).withUnsafeBytes(pattern.captures)
            #expect(
                captures.map { found in (0..<found.count).map { found[$0] } } == groups, "\(line.pattern) \(subject)")
        }
    }

    @Test("RT-11: 10,000 random patterns match as backtracking does", arguments: 0..<20)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var hits = 0
        var compared = 0
        for _ in 0..<500 {
            let pattern = "/" + RandomRoutes.regex(&random, depth: 4)
            let parsed = try PatternParser.parse(pattern)
            let automaton = try RouteAutomaton(parsed.root, groupCount: parsed.groupCount)
            for _ in 0..<6 {
                let count = Int.random(in: 0...7, using: &random)
                let path = "/" + String((0..<count).map { _ in "aabbc-".randomElement(using: &random) ?? "a" })
                let expected: [Range<Int>?]?
                do {
                    expected = try NaiveRegex.match(
                        parsed.root, groupCount: parsed.groupCount, Array(path.utf8))
                } catch { continue }
                compared += 1
                #expect(Self.match(automaton, path) == expected, "\(pattern) \(path)")
                hits += expected == nil ? 0 : 1
            }
        }
        #expect(hits > 300 && compared > 2700, "\(hits) of \(compared): too few to tell something")
    }

    @Test(
        "RT-11: a hostile path of 8 KB takes a number of steps that is linear in its length",
        arguments: [
            ("/shop/", #"((?:\w+-?)+)/item"#), ("/docs/", #"(?:(.*)/)?(.*)\.html"#), ("/", "(a*)*b"),
            ("/", "((a*)*)*b"), ("/", "(?:a|a)*b"), ("/", "(?:a|aa)+$x"), ("/", "(?:a?){30}a{30}"),
            ("/", "(.*?)(.*?)(.*?)(.*?)(.*?)x"), ("/", "(?:(?:a|b)*(?:b|a)*)*c"), ("/", #"(?:\b|\B|a)*b"#),
            ("/", "(?:(?:(?:a?)+?)*?)+b"), ("/", "((((((a|)|)|)|)|)|)*b"), ("/", "(?:.*,){11}P"), ("/", "(|a|ab)*?c"),
        ])
    func linear(start: String, pattern: String) throws {
        let automaton = try Self.automaton(start + pattern)
        #expect(automaton.stepsPerByte < 300)
        for filler in ["a", "a-", "ab", "a/", "-,", "aaaaaaaa.html"] {
            let path = Array((start + String(repeating: filler, count: 8192 / filler.utf8.count) + "!").utf8)
            var steps = 0
            #expect(path.withUnsafeBytes { automaton.match($0, steps: &steps) } == nil)
            #expect(steps <= automaton.stepsPerByte * (path.count + 1))
        }
    }

    @Test("RT-11: the most expensive pattern that is accepted takes at most its steps for each byte")
    func mostExpensive() throws {
        let automaton = try Self.automaton("/(?:a?){990}b")
        let limit = RouteAutomatonCompiler.largestStepsPerByte
        #expect(automaton.stepsPerByte > limit * 9 / 10 && automaton.stepsPerByte <= limit)
        #expect(throws: URLPatternError.self) { try URLPattern("/(?:a?){1010}b") }
        var steps = 0
        let path = Array(("/" + String(repeating: "a", count: 1024)).utf8)
        #expect(path.withUnsafeBytes { automaton.match($0, steps: &steps) } == nil)
        #expect(steps <= limit * (path.count + 1))
    }

    @Test("RT-11: twice the path takes twice the steps, not four times as many")
    func growth() throws {
        let automaton = try Self.automaton(#"/docs/(?:(.*)/)?(.*)\.html"#)
        func steps(_ count: Int) -> Int {
            var steps = 0
            let path = Array(("/docs/" + String(repeating: "a/", count: count)).utf8)
            #expect(path.withUnsafeBytes { automaton.match($0, steps: &steps) } == nil)
            return steps
        }
        let (short, long) = (steps(1000), steps(2000))
        #expect(short > 1000 && long < short * 21 / 10)
    }

    @Test("RT-11: a path that does not begin as every match does takes no steps")
    func prefix() throws {
        let automaton = try Self.automaton("/shop/(?:ab|c)+")
        var steps = 0
        #expect(Array("/blog/ab".utf8).withUnsafeBytes { automaton.match($0, steps: &steps) } == nil)
        #expect(steps == 0)
        #expect(Array("/shop/abc".utf8).withUnsafeBytes { automaton.match($0, steps: &steps) } != nil)
        #expect(steps > 0)
        #expect(Array("".utf8).withUnsafeBytes { automaton.match($0, steps: &steps) } == nil)
    }

    @Test("RT-11: any bytes may be in a path")
    func bytes() throws {
        let automaton = try Self.automaton("/((?:[^/]|//)*)")
        let path = [UInt8(ascii: "/")] + (0...255).filter { $0 != UInt8(ascii: "/") }
        #expect(path.withUnsafeBytes(automaton.match)?[0] == 1..<256)
    }

    @Test("RT-3: tasks that share an automaton do not disturb each other")
    func shared() async throws {
        let automaton = try Self.automaton("/((?:ab|a)+)-([a-z]+?)(x*)")
        await withTaskGroup(of: Bool.self) { group in
            for task in 1...8 {
                group.addTask {
                    let path = "/" + String(repeating: "ab", count: task) + "-yx"
                    return (0..<200).allSatisfy { _ in
                        Self.match(automaton, path)
                            == [1..<2 * task + 1, 2 * task + 2..<2 * task + 3, 2 * task + 3..<2 * task + 4]
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
