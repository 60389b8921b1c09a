import Testing

@testable import TwisterWeb

@Suite("Route checks")
struct RouteValidatorTests {
    private static func problems(_ patterns: [String]) throws -> [RouteProblem] {
        try RouterTests.router(patterns).validate()
    }

    @Test(
        "N-39: routes that an earlier one hides",
        arguments: [
            (["/(.*)", "/a"], 1, 0), (["/a", "/a/?", "/a/"], 2, 1), (["/x", "/([^/]+)", "/([0-9]+)"], 2, 1),
            (["/u/(.*)", "/u/([^/]+)/(x)"], 1, 0), (["/((?:a|bb)+)", "/abb"], 1, 0), (["/a+", "/a+"], 1, 0),
            (["/(json|xml)", "/xml"], 1, 0), (["/([a-z]{1,4})", "/([a-c]{2})"], 1, 0),
        ] as [([String], Int, Int)])
    func hidden(patterns: [String], route: Int, earlier: Int) throws {
        let problems = try Self.problems(patterns)
        #expect(problems.map(\.route) == [route])
        #expect(problems.first?.earlierRoute == earlier)
        #expect(problems.first?.description.contains(patterns[route]) == true)
    }

    @Test(
        "N-39: routes that only overlap are no problem",
        arguments: [
            ["/a", "/(.*)"], ["/([0-9]+)", "/([^/]+)"], ["/([a-z]{2})", "/([a-z]{2,3})"], ["/u/(.+)", "/u/(.*)"],
            ["/a/?", "/a/b"], ["/([^/]+)", "/([^/]+)/(.*)"], [#"\*"#, "/"], ["/(.*)x", "/(.*)"], ["/[ab]+", "/[bc]+"],
        ])
    func overlapping(patterns: [String]) throws {
        #expect(try Self.problems(patterns).isEmpty)
    }

    @Test(
        "N-39: slashes that a group's prefix and a pattern both have are reported",
        arguments: [
            ("/g/", "/x", true), ("/g/", "/([0-9]+)", true), ("/", "/", true), ("/g/", "x", false), ("/g", "/x", false),
            ("/g/", "", false), ("/g/", "/?", false), ("", "//x", false),
        ])
    func doubledSlash(prefix: String, pattern: String, isProblem: Bool) throws {
        let group = RouteGroup(prefix) { URLSpec(pattern, RequestHandler.self) }
        for routes in [group, RouteGroup("/outer") { group }] {
            let problems = try Application([routes]).validate()
            #expect(problems.map(\.kind) == (isProblem ? [.doubledSlash] : []))
            #expect(problems.allSatisfy { $0.description.contains("//") && $0.description.contains("prefix") })
        }
    }

    @Test("N-39: a pattern that is no path")
    func notAPath() throws {
        #expect(try Self.problems(["index.html", "/x"]).map(\.kind) == [.notAPath])
    }

    @Test(
        "N-39: another framework's parameters are taken literally, which is reported",
        arguments: [
            ("/b/:id", ":id"), ("/b/:user_id/x", ":user_id"), ("/b/{id}", "{id}"), ("/b/{id:int}.json", "{id:int}"),
            ("/b/<id>", "<id>"), ("/b/<int:id>/x", "<int:id>"), ("/([0-9]+)/:id", ":id"), ("/[:/]/{a}", "{a}"),
        ])
    func foreign(pattern: String, parameter: String) throws {
        let problem = try #require(try Self.problems([pattern]).first)
        #expect(problem.kind == .foreignSyntax && problem.route == 0)
        #expect(problem.description.contains("\"\(parameter)\" is taken literally: write ([^/]+)"))
    }

    @Test(
        "N-39: what only resembles a parameter is no problem",
        arguments: [
            "/a{2}", "/a{2,3}", "/(?<id>[0-9]+)", "/(?P<id>[0-9]+)", "/(?:a|b)", "/things:batch", #"/\:id"#,
            #"/\{id\}"#,
            "/[/:a]", "/[{a}]", "/a:b", "/{", "/<", "/:", "/[]{a}]", "/<a/b>", "/{a/}", "/[^]:a{b}]", "/[a",
        ])
    func notForeign(pattern: String) {
        #expect(ForeignParameter.first(in: pattern) == nil)
    }

    @Test("N-39: routes that do not share the trie are noted with the reason, and are no problem")
    func notes() throws {
        let router = try RouterTests.router([
            "/a", "/(?:a|bb)+", "/(.*?)x", "/(a+|b)/y", #"/a\b"#, "/a{300}", "/([0-9]*)(a|ab)(b?)",
            "/([^/]+)\\.(json|xml)",
        ])
        #expect(router.validate().isEmpty)
        let notes = router.notes()
        #expect(notes.map(\.route) == [1, 2, 3, 4, 5, 6])
        #expect(notes.allSatisfy { $0.kind == .notInTrie })
        for (note, reason) in zip(notes, ["repeats a group", "lazy", "choice", "boundary", "255", "order"]) {
            #expect(note.description.contains(reason), "\(note)")
        }
    }

    @Test("N-39, RT-5: a name that is used twice is reported, and the last one counts")
    func names() throws {
        let router = Router([
            .init(try URLPattern("/a"), name: "x", target: 0), .init(try URLPattern("/b"), target: 1),
            .init(try URLPattern("/c"), name: "x", target: 2),
        ])
        let problem = try #require(router.validate().first)
        #expect(problem.kind == .duplicateName && problem.route == 2 && problem.earlierRoute == 0)
        #expect(problem.description.contains("\"x\""))
        #expect(router.route(named: "x")?.target == 2)
        #expect(router.route(named: "y") == nil)
    }
}
