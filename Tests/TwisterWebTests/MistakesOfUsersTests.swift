import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

/// Its error page fails with another error, and so on.
private final class CircularHandler: RequestHandler {
    override func get() async throws { throw HTTPError(.conflict) }

    override func writeError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
        write("lost")
        await sendError(.gone)
    }
}

private final class UploadHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }

    override func post() async throws {
        for try await part in try multipart(limits: MultipartLimits(files: 1)) { _ = try await part.collect() }
    }
}

/// Mistakes in the first hours with the framework: they have to be harmless, or to end with a message that says what to do.
@Suite("Mistakes of users") struct MistakesOfUsersTests {
    private func problems(_ routes: [URLSpec]) -> [String] {
        do {
            _ = try Application(routes)
            return []
        } catch {
            return (error as? RoutingError)?.problems ?? ["\(error)"]
        }
    }

    @Test("a group's middleware or policy around another application, where it would not run, is refused at start")
    func groupAroundApplication() throws {
        let other = try Application([URLSpec(.get, "/admin/x") { _ in "x" }])
        let route = URLSpec("/admin/.*", other)
        #expect(problems(RouteGroup("") { route }.routes) == [])
        let groups = [
            RouteGroup("", middleware: [SecurityHeaders()]) { route },
            RouteGroup("", policy: Policy(authenticated: true)) { route },
        ]
        for group in groups {
            #expect(problems(group.routes).first?.contains("do not run around the route \"/admin/.*\"") == true)
        }
    }

    @Test("RH-50: sendError within writeError ends with the default page", arguments: TestDepth.allCases)
    func circularErrorPage(depth: TestDepth) async throws {
        let application = try Application([URLSpec("/", CircularHandler.self), URLSpec(.get, "/ok") { _ in "ok" }])
        try await application.test(depth) { client in
            let response = try await client.get("/")
            #expect(response.status == .gone)
            #expect(response.text.contains("410") && !response.text.contains("lost"))
            #expect(try await client.get("/ok").text == "ok")
        }
    }

    @Test("a form that is malformed or too large has the status of its error", arguments: TestDepth.allCases)
    func malformedForm(depth: TestDepth) async throws {
        try await Application([URLSpec("/", UploadHandler.self)]).test(depth) { client in
            let response = try await client.post("/", form: ["a": "b"])
            #expect(response.status == .unsupportedMediaType)
        }
    }

    @Test("a route to files whose pattern has no group is the programmer's mistake", arguments: TestDepth.allCases)
    func filesWithoutGroup(depth: TestDepth) async throws {
        let application = try Application([
            URLSpec("/files/.*") { StaticFileHandler($0, root: "/") },
            URLSpec("/index") { StaticFileHandler($0, root: "/", defaultFilename: "does-not-exist") },
        ])
        try await application.test(depth) { client in
            let response = try await client.get("/files/a")
            #expect(response.status == .internalServerError)
            #expect(try await client.get("/index").status != .internalServerError)
        }
    }

    @Test("two closures for one method of a path are refused, in groups too")
    func closureTwice() {
        let routes = [
            URLSpec(.get, "/a") { _ in "1" }, URLSpec(.post, "/a") { _ in "2" }, URLSpec(.get, "/a") { _ in "3" },
        ]
        #expect(problems(routes) == ["two closures serve GET of the pattern \"/a\""])
        #expect(problems(Array(routes.prefix(2))).isEmpty)
        let group = RouteGroup("/a") { URLSpec(.get, "") { _ in "3" } }
        #expect(problems(Array(routes.prefix(2)) + group.routes).count == 1)
        let ofHost = RouteGroup("/a", host: "example.com") { URLSpec(.get, "") { _ in "3" } }
        #expect(problems(Array(routes.prefix(2)) + ofHost.routes).isEmpty)
    }

    @Test("a closure with arguments for another framework's parameters is told what to write")
    func foreignParameter() throws {
        let problem = try #require(problems([URLSpec(.get, "/a/:id") { (_, id: Int) in "\(id)" }]).first)
        #expect(problem.contains("\":id\" is no group: write ([^/]+)"))
        let plain = try #require(problems([URLSpec(.get, "/a") { (_, id: Int) in "\(id)" }]).first)
        #expect(!plain.contains("is no group"))
    }
}
