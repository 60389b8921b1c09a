import HTTPTypes
import Testing
import TwisterHTTP
import TwisterTesting

@testable import TwisterWeb

@Suite("Rows: responses")
struct ResponseRowsTests {
    private final class Cleared: RequestHandler {
        override func setDefaultHeaders() throws { try setHeader(.contentLanguage, "en") }
        override func get() async throws {
            setStatus(.created)
            try setHeader(.location, "/x")
            write("gone")
            clear()
            write("kept")
        }
        override func post() async throws { throw HTTPError(.conflict) }
    }

    private final class Prepared: RequestHandler {
        override func prepare() async throws { try setHeader(.retryAfter, "7") }
        override func get() async throws {
            try setHeader(.location, "/of-the-method")
            throw HTTPError(.conflict)
        }
    }

    private final class Late: RequestHandler {
        override func get() async throws {
            finish("all")
            write("late")
            write([1, 2])
            try write(json: ["late"])
            finish("twice")
        }
    }

    private final class Flushing: RequestHandler {
        override func get() async throws {
            write("a")
            try await flush()
            setStatus(.created)
            write("b")
            try await flush()
            #expect(throws: HTTPOutputError.self) { try redirect("/x") }
            write("c")
        }
    }

    private final class Tagged: RequestHandler {
        override func computeETag() -> String? { "v1" }
        override func get() async throws {
            try setETagHeader()
            if checkETagHeader() { return setStatus(.notModified) }
            write("fresh")
        }
    }

    private static let routes: [any Routes] = [
        URLSpec("/clear", Cleared.self), URLSpec("/prepare", Prepared.self), URLSpec("/late", Late.self),
        URLSpec("/flush", Flushing.self), URLSpec("/tag", Tagged.self),
        URLSpec(.get, "/auto") { handler in handler.write("body") },
        URLSpec(.get, "/own") { handler in
            try handler.setHeader(.eTag, "\"mine\"")
            handler.write("body")
        },
    ]

    @Test("RH-9: clear forgets status, fields and body", arguments: Setting.each)
    func clear(setting: Setting) async throws {
        try await withRoutes(setting, Self.routes) { client async throws in
            let response = try await client.get("/clear")
            #expect(response.status == .ok && response.text == "kept")
            #expect(response.headers[.location] == nil)
            #expect(response.headers[.contentType] == "text/html; charset=utf-8")
        }
    }

    @Test("RH-10: setDefaultHeaders holds for responses and for errors", arguments: Setting.each)
    func defaultHeaders(setting: Setting) async throws {
        try await withRoutes(setting, Self.routes) { client async throws in
            let error = try await client.post("/clear")
            #expect(error.status == .conflict && error.headers[.contentLanguage] == nil)
            let refused = try await client.put("/prepare")
            #expect(refused.status == .methodNotAllowed && refused.headers[.retryAfter] == "7")
        }
    }

    @Test(
        "RH-4: the fields of prepare and of middleware stay in an error's response, the method's do not",
        arguments: Setting.each)
    func keptFields(setting: Setting) async throws {
        let middleware = MiddlewareClosure { handler, next in
            try handler.setHeader(.server, "mine")
            try await next()
        }
        try await withRoutes(setting, Self.routes, middleware: [middleware]) { client async throws in
            let response = try await client.get("/prepare")
            #expect(response.status == .conflict)
            #expect(response.headers[.retryAfter] == "7" && response.headers[.server] == "mine")
            #expect(response.headers[.location] == nil)
            #expect(try await client.get("/nowhere").headers[.server] == "mine")
        }
    }

    @Test("RH-27: what is written after finish is not sent, and is no error", arguments: Setting.each)
    func late(setting: Setting) async throws {
        try await withRoutes(setting, Self.routes) { client async throws in
            #expect(try await client.get("/late").text == "all")
            // The connection serves the next request.
            #expect(try await client.get("/late").text == "all")
        }
    }

    @Test("RH-28: flush sends the head, which does not change any more, and the body in order", arguments: Setting.each)
    func flush(setting: Setting) async throws {
        try await withRoutes(setting, Self.routes) { client async throws in
            let response = try await client.get("/flush")
            #expect(response.status == .ok && response.text == "abc")
            #expect(response.headers[.contentLength] == nil)
            #expect(response.headers[.eTag] == nil)
        }
    }

    @Test("RH-29: finish sets the length and, where the setting asks for it, an ETag", arguments: Setting.each)
    func finish(setting: Setting) async throws {
        try await withRoutes(setting, Self.routes, settings: .init(automaticETags: true)) { client async throws in
            let response = try await client.get("/auto")
            let tag = try #require(response.headers[.eTag])
            #expect(tag.hasPrefix("\"") && tag.count > 20)
            #expect(response.headers[.contentLength] == "4")
            let known = try await client.get("/auto", headers: [.ifNoneMatch: tag])
            #expect(known.status == .notModified && known.body.isEmpty)
            #expect(known.headers[.eTag] == tag)
            let other = try await client.get("/auto", headers: [.ifNoneMatch: "\"no\", W/\(tag)"])
            #expect(other.status == .notModified)
            #expect(try await client.get("/auto", headers: [.ifNoneMatch: "\"no\""]).status == .ok)
            #expect(try await client.get("/own").headers[.eTag] == "\"mine\"")
        }
        try await withRoutes(setting, Self.routes) { client async throws in
            #expect(try await client.get("/auto").headers[.eTag] == nil)
        }
    }

    @Test(
        "RH-45, X-33: a 304 and a 412 of the tag have the fields that middleware sets at the last moment",
        arguments: Setting.each)
    func conditionalFields(setting: Setting) async throws {
        let late = MiddlewareClosure { handler, next in
            handler.beforeHead { try $0.setHeader("X-Late", "\($0.getStatus().code)") }
            try await next()
        }
        let routes: [any Routes] = [RouteGroup("", middleware: [late]) { URLSpec(.get, "/late") { _ in "text" } }]
        try await withRoutes(setting, routes, settings: .init(automaticETags: true)) { client async throws in
            let tag = try #require(try await client.get("/late").headers[.eTag])
            let name = try #require(HTTPField.Name("X-Late"))
            let known = try await client.get("/late", headers: [.ifNoneMatch: tag])
            #expect(known.status == .notModified && known.headers[name] == "304")
            let failed = try await client.get("/late", headers: [.ifMatch: "\"other\""])
            #expect(failed.status == .preconditionFailed && failed.headers[name] == "412")
        }
    }

    @Test("BH-11, RH-29: each coding has an ETag, and a 304 is about that of the client", arguments: Setting.each)
    func codedTags(setting: Setting) async throws {
        let routes: [any Routes] = [URLSpec(.get, "/long") { _ in String(repeating: "long ", count: 500) }]
        try await withRoutes(
            setting, routes, middleware: [Compression()], settings: .init(automaticETags: true)
        ) { client async throws in
            var tags: [String: String] = [:]
            for coding in ["gzip", "identity"] {
                tags[coding] = try await client.get("/long", headers: [.acceptEncoding: coding]).headers[.eTag]
            }
            #expect(tags["gzip"] != tags["identity"])
            for (coding, own) in tags {
                for (other, tag) in tags {
                    let response = try await client.get(
                        "/long", headers: [.acceptEncoding: coding, .ifNoneMatch: tag])
                    #expect(response.status == (coding == other ? .notModified : .ok), "\(coding), \(other)")
                    #expect(response.headers[.eTag] == own)
                    #expect(response.headers[.vary] == "Accept-Encoding")
                }
            }
        }
    }

    @Test("RH-45: an own ETag, compared weakly, and *", arguments: Setting.each)
    func ownTag(setting: Setting) async throws {
        try await withRoutes(setting, Self.routes) { client async throws in
            #expect(try await client.get("/tag").headers[.eTag] == "\"v1\"")
            for field in ["\"v1\"", "W/\"v1\"", "\"x\", \"v1\"", "*"] {
                let response = try await client.get("/tag", headers: [.ifNoneMatch: field])
                #expect(response.status == .notModified && response.body.isEmpty)
            }
            for field in ["\"v2\"", "v1", "\"v1"] {
                #expect(try await client.get("/tag", headers: [.ifNoneMatch: field]).text == "fresh")
            }
        }
    }
}
