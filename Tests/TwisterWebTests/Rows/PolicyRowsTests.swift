import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTesting

@testable import TwisterWeb

@Suite("Rows: rules of routes, and several things at once")
struct PolicyRowsTests {
    @Test("RH-48, N-24: maxBodySize: 413 over it, and not at it", arguments: Setting.each)
    func bodySize(setting: Setting) async throws {
        let routes: [any Routes] = [
            URLSpec(.post, "/") { handler in "\(handler.request.body.count)" }.policy(Policy(maxBodySize: 10))
        ]
        try await withRoutes(setting, routes) { client async throws in
            #expect(try await client.post("/", body: .text("0123456789")).text == "10")
            #expect(try await client.post("/", body: .text("01234567890")).status == .contentTooLarge)
            #expect(
                try await client.post("/", body: .pieces([[1], [UInt8](repeating: 1, count: 10)])).status
                    == .contentTooLarge)
        }
    }

    @Test("N-24: consumes and produces: 415 and 406 by the declared types", arguments: Setting.each)
    func mediaTypes(setting: Setting) async throws {
        let trace = Trace()
        let group = RouteGroup(
            policy: Policy(
                consumes: ["application/JSON", "image/*", "application/*+json"], produces: ["application/json"])
        ) {
            URLSpec(.get, "/") { _ in [1] }
            URLSpec(.post, "/") { _ in
                trace.note("called")
                return [1]
            }
            URLSpec(.post, "/any") { _ in "any" }.policy(
                Policy(consumes: ["*/*"], produces: ["text/plain", "text/html"]))
            URLSpec(.get, "/best") { handler in
                handler.preferredMediaType(of: ["text/html", "Application/JSON"]) ?? "none"
            }.policy(Policy(produces: []))
        }
        try await withRoutes(setting, [group]) { client async throws in
            for (type, isTaken) in [
                ("application/json; charset=utf-8", true), ("image/png", true), ("IMAGE/x", true),
                ("application/vnd.api+json", true), ("application/+json", false), ("image/", false),
                ("text/json", false),
                ("application/jsonx", false), ("", false), ("application/xml+json+xml", false),
            ] {
                let before = trace.all.count
                let response = try await client.post("/", headers: [.contentType: type], body: .text("[]"))
                #expect(response.status == (isTaken ? .ok : .unsupportedMediaType), "\(type)")
                #expect(trace.all.count == before + (isTaken ? 1 : 0))
                if !isTaken {
                    #expect(response.headers[.accept] == "application/json, image/*, application/*+json")
                }
            }
            // A request without a body has no type.
            #expect(try await client.post("/").status == .ok)
            #expect(try await client.post("/any", headers: [.contentType: "x/y"], body: .text("x")).text == "any")
            for (accept, isMade) in [
                ("application/json", true), ("*/*", true), ("application/*;q=0.1", true), ("", true),
                ("text/html, APPLICATION/JSON;q=0.001", true), ("text/html", false),
                ("application/json;q=0, */*", false),
                ("*/*;q=0", false), ("application/problem+json", false),
                // What is malformed refuses nothing.
                ("*", true), ("garbage", true), ("text/html, image/gif, *; q=.2, */*; q=.2", true),
                ("text/html;q=2", true),
            ] {
                let response = try await client.get("/", headers: [.accept: accept])
                #expect(response.status == (isMade ? .ok : .notAcceptable), "\(accept)")
                #expect(response.headers[.vary] == "Accept")
            }
            #expect(try await client.post("/any", headers: [.accept: "text/html"]).status == .ok)
            #expect(try await client.options("/", headers: [.accept: "text/html"]).status == .noContent)
            #expect(try await client.put("/", headers: [.accept: "text/html"]).status == .methodNotAllowed)
            for (accept, best) in [
                ("application/json", "Application/JSON"), ("*/*", "text/html"),
                ("text/*;q=0.5, */*;q=0.6", "Application/JSON"),
                ("image/png", "none"), ("text/html;q=0", "none"),
            ] {
                let response = try await client.get("/best", headers: [.accept: accept])
                #expect(response.text == best, "\(accept)")
                #expect(response.headers[.vary] == "Accept")
            }
        }
    }

    @Test("N-52: deadline: the handler is cancelled, and the client gets 503", arguments: Setting.each)
    func deadline(setting: Setting) async throws {
        let trace = Trace()
        let application = try Application([
            URLSpec(.get, "/slow") { handler -> String in
                do { try await handler.sleep(for: .seconds(60)) } catch {
                    trace.note("\(type(of: error))")
                    throw error
                }
                return "late"
            }.policy(Policy(deadline: .seconds(2))),
            URLSpec(.get, "/quick") { handler -> String in
                try await handler.sleep(for: .seconds(1))
                return "in time"
            }.policy(Policy(deadline: .seconds(2))),
        ])
        try await application.test(setting.depth, configuration: setting.configuration(.virtual)) {
            client async throws in
            async let slow = client.get("/slow")
            try await client.waitForRequests(1)
            try await client.advance(by: .seconds(2))
            #expect(try await slow.status == .serviceUnavailable)
            #expect(trace.all == ["CancellationError"])
            async let quick = client.get("/quick")
            try await client.waitForRequests(1)
            try await client.advance(by: .seconds(1))
            #expect(try await quick.text == "in time")
        }
    }

    @Test("N-52: concurrency: one too many gets 503 with Retry-After", arguments: Setting.each)
    func concurrency(setting: Setting) async throws {
        let gate = AsyncEvent()
        let routes: [any Routes] = [
            URLSpec(.get, "/") { _ -> String in
                try await gate.wait()
                return "served"
            }.policy(Policy(concurrency: 2))
        ]
        try await withRoutes(setting, routes) { client async throws in
            async let first = client.get("/")
            async let second = client.get("/")
            try await client.waitForRequests(2)

            let refused = try await client.get("/")
            #expect(refused.status == .serviceUnavailable && refused.headers[.retryAfter] == "1")
            gate.set()
            #expect(try await first.text == "served")
            #expect(try await second.text == "served")
            #expect(try await client.get("/").text == "served")
        }
    }

    @Test("N-52: cacheControl: for good responses that have none", arguments: Setting.each)
    func cacheControl(setting: Setting) async throws {
        let folder = try TemporaryFiles()
        let routes: [any Routes] = [
            RouteGroup(policy: Policy(cacheControl: "max-age=60")) {
                URLSpec(.get, "/") { _ in "a" }
                URLSpec(.get, "/own") { handler in
                    try handler.setHeader(.cacheControl, "no-store")
                    return "b"
                }
                URLSpec(.get, "/bad") { _ in HTTPResponse.Status.conflict }
                URLSpec("/files/(.*)") { StaticFileHandler($0, root: folder.root) }
            }
        ]
        try folder.write("0123456789", at: "a.txt")
        try await withRoutes(setting, routes) { client async throws in
            #expect(try await client.get("/").headers[.cacheControl] == "max-age=60")
            let file = try await client.get("/files/a.txt")
            #expect(file.headers[.cacheControl] == "max-age=60")
            // RFC 9110, 15.3.7 and 15.4.5.
            let part = try await client.get("/files/a.txt", headers: [.range: "bytes=2-4"])
            #expect(part.text == "234" && part.headers[.cacheControl] == "max-age=60")
            let tag = try #require(file.headers[.eTag])
            let known = try await client.get("/files/a.txt", headers: [.ifNoneMatch: tag])
            #expect(known.status == .notModified && known.headers[.cacheControl] == "max-age=60")
            #expect(try await client.get("/own").headers[.cacheControl] == "no-store")
            #expect(try await client.get("/bad").headers[.cacheControl] == nil)
        }
    }

    private struct Failure: Error {}

    @Test("W-1: together runs its parts at once; the first error cancels the others", arguments: Setting.each)
    func together(setting: Setting) async throws {
        let trace = Trace()
        let application = try Application([
            URLSpec(.get, "/both") { handler -> String in
                let (a, b) = try await handler.together(
                    {
                        try await handler.sleep(for: .seconds(2))
                        return 1
                    },
                    {
                        try await handler.sleep(for: .seconds(3))
                        return "two"
                    })
                return "\(a) \(b)"
            },
            URLSpec(.get, "/fail") { handler -> String in
                do {
                    _ = try await handler.together(
                        {
                            do { try await handler.sleep(for: .seconds(60)) } catch {
                                trace.note("cancelled")
                                throw error
                            }
                        }, { throw Failure() })
                } catch is Failure {
                    return "failed"
                }
                return "?"
            },
        ])
        try await application.test(setting.depth, configuration: setting.configuration(.virtual)) {
            client async throws in
            async let both = client.get("/both")
            try await client.waitForRequests(1)
            try await client.advance(by: .seconds(3))
            #expect(try await both.text == "1 two")
            #expect(try await client.get("/fail").text == "failed")
            #expect(trace.all == ["cancelled"])
        }
    }

    @Test("W-1, N-52: withTimeout ends what takes too long; uncaught, it is 504", arguments: Setting.each)
    func timeout(setting: Setting) async throws {
        let application = try Application([
            URLSpec(.get, "/([a-z]+)") { (handler, how: String) -> String in
                do {
                    return try await handler.withTimeout(.seconds(5)) {
                        if how == "quick" { return "quick" }
                        if how == "throws" { throw HTTPError(.conflict) }
                        try await handler.sleep(for: .seconds(60))
                        return "slow"
                    }
                } catch is TimeoutError where how == "caught" {
                    return "timed out"
                }
            }
        ])
        try await application.test(setting.depth, configuration: setting.configuration(.virtual)) {
            client async throws in
            #expect(try await client.get("/quick").text == "quick")
            #expect(try await client.get("/throws").status == .conflict)
            for (path, status) in [("/caught", 200), ("/uncaught", 504)] {
                async let response = client.get(path)
                try await client.waitForRequests(1)
                try await client.advance(by: .seconds(5))
                #expect(try await response.status.code == status)
            }
        }
    }
}
