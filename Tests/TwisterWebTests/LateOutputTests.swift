import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

@Suite("Output that comes too late", .serialized) struct LateOutputTests {
    private func application(debug: Bool = false) throws -> Application {
        try Application(
            [
                URLSpec(.get, "/field") { handler in
                    handler.write("a")
                    try await handler.flush()
                    try handler.setHeader(.server, "late")
                    try handler.addHeader(.age, "1")
                },
                URLSpec(.get, "/added") { handler in
                    handler.finish("a")
                    try handler.addHeader(.age, "1")
                },
                URLSpec(.get, "/removed") { handler in
                    handler.finish("a")
                    handler.clearHeader(.age)
                },
                URLSpec(.get, "/status") { handler in
                    handler.finish("a")
                    handler.setStatus(.conflict)
                },
                URLSpec(.get, "/cookie") { handler in
                    handler.finish("a")
                    try handler.setCookie("c", "1")
                },
                URLSpec(.get, "/write") { handler in
                    handler.finish("a")
                    handler.write("b")
                    handler.write([1])
                    try handler.write(json: 1)
                },
                URLSpec(.get, "/early") { handler in
                    handler.beforeHead { try $0.setHeader(.server, "early") }
                    try handler.setCookie("c", "1")
                    handler.setStatus(.accepted)
                    handler.finish("a")
                },
            ], settings: ApplicationSettings(debug: debug))
    }

    private func lines(_ path: String, debug: Bool, _ depth: TestDepth) async throws -> [String] {
        try await loggedLines(with: "GET \(path) ") {
            try await application(debug: debug).test(depth) { client in
                let response = try await client.get(path)
                #expect(response.text == "a")
            }
        }
    }

    @Test(
        "RH-13: a change of the head that comes too late is logged once a request, with the name of the field",
        arguments: [
            ("/field", "the field Server after the response's head is sent"),
            ("/added", "the field Age after the response is finished"),
            ("/removed", "the field Age after"), ("/status", "the status 409 after"), ("/cookie", "the cookie c after"),
        ], TestDepth.allCases)
    func head(path: (path: String, text: String), depth: TestDepth) async throws {
        for (debug, level) in [(true, "warning"), (false, "notice")] {
            let lines = try await lines(path.path, debug: debug, depth)
            #expect(lines.count == 1)
            #expect(
                lines.first?.hasPrefix("\(level) GET \(path.path) (127.0.0.1): ClosureHandler changes \(path.text)")
                    == true)
            #expect(lines.first?.contains("beforeHead") == true)
        }
    }

    @Test("RH-27: what is written after the end is logged once a request", arguments: TestDepth.allCases)
    func body(depth: TestDepth) async throws {
        for (debug, level) in [(true, "warning"), (false, "notice")] {
            let lines = try await lines("/write", debug: debug, depth)
            #expect(
                lines == [
                    "\(level) GET /write (127.0.0.1): ClosureHandler writes after the response is finished: it is not sent"
                ])
        }
    }

    @Test("RH-13: what comes in time is not logged", arguments: TestDepth.allCases)
    func early(depth: TestDepth) async throws {
        #expect(try await lines("/early", debug: true, depth).isEmpty)
    }
}
