import HTTPTypes
import Testing
import TwisterTestSupport
import TwisterTesting
import TwisterWeb

private struct Silent: Middleware {
    func handle(_ handler: RequestHandler, next: Next) async throws {}
}

private struct Twice: Middleware {
    func handle(_ handler: RequestHandler, next: Next) async throws {
        try await next()
        try await next()
    }
}

@Suite("Mistakes of middleware", .serialized) struct MiddlewareMistakesTests {
    private let route = URLSpec(.get, "/") { handler in handler.write("served") }

    @Test(
        "X-49: a middleware that neither calls next nor responds is 500, and the log names it",
        arguments: TestDepth.allCases)
    func silent(depth: TestDepth) async throws {
        let outer = MiddlewareClosure { handler, next in
            try handler.setHeader(.server, "outer")
            try await next()
        }
        let application = try Application([route], middleware: [outer, Silent()])
        let lines = try await loggedLines(with: "neither") {
            try await application.test(depth) { client in
                let response = try await client.get("/")
                #expect(response.status == .internalServerError)
                #expect(response.headers[.server] == "outer")
            }
        }
        #expect(lines.count == 1)
        #expect(
            lines.first?.hasPrefix(
                "error Uncaught exception GET / (127.0.0.1): the middleware Silent has neither called next nor responded"
            ) == true)
    }

    @Test("X-49: a middleware that responds in some way need not call next", arguments: TestDepth.allCases)
    func responding(depth: TestDepth) async throws {
        let responses: [@Sendable (RequestHandler) async throws -> Void] = [
            { $0.write("own") }, { $0.finish() }, { $0.setStatus(.noContent) }, { try await $0.flush() },
            { try $0.redirect("/a") },
        ]
        let statuses: [HTTPResponse.Status] = [.ok, .ok, .noContent, .ok, .found]
        for (respond, status) in zip(responses, statuses) {
            let middleware = MiddlewareClosure { handler, _ in try await respond(handler) }
            try await Application([route], middleware: [middleware]).test(depth) { client in
                let response = try await client.get("/")
                #expect(response.status == status && response.text != "served")
            }
        }
    }

    @Test("X-49: a second call of next is an error, and the handler runs once", arguments: TestDepth.allCases)
    func twice(depth: TestDepth) async throws {
        let runs = Notes()
        let counted = URLSpec(.get, "/") { handler in
            runs.note("run")
            handler.write("served")
        }
        let application = try Application([counted], middleware: [Twice()])
        let lines = try await loggedLines(with: "second time") {
            try await application.test(depth) { client in
                let response = try await client.get("/")
                #expect(response.status == .internalServerError)
            }
        }
        #expect(lines.count == 1 && lines.first?.contains("the middleware Twice calls next a second time") == true)
        #expect(runs.all == ["run"])
    }
}
