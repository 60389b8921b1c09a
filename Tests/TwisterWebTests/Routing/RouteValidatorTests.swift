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

    @Test("N-39: a pattern that is no path")
    func notAPath() throws {
        #expect(try Self.problems(["index.html", "/x"]).map(\.kind) == [.notAPath])
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
