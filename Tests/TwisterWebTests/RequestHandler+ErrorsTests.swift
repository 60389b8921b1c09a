import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

private struct Mishap: Error {}

/// A handler with error pages of its own.
private final class OwnPageHandler: RequestHandler {
    override func get() async throws {
        write("never seen")
        switch try getQueryArgument("how", default: nil) {
        case "http": throw HTTPError(.conflict, "for the log", headers: [.retryAfter: "9"])
        case "send": await sendError(.gone)
        default: throw Mishap()
        }
    }

    override func writeError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
        let what = error.map { "\(type(of: $0))" } ?? "nothing thrown"
        write("own page: \(status.code), \(what)")
    }
}

/// From errors in handlers to responses.
@Suite("RequestHandler: errors", .serialized)
struct RequestHandlerErrorsTests {
    @Test("S-13, RH-51: HTTPError becomes its status, its message stays in the log", arguments: testedBackends)
    func httpError(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/teapot") { handler in
                handler.write("never seen")
                try handler.setHeader(.eTag, "never")
                throw HTTPError(418, "a secret")
            },
            URLSpec(.get, "/fields") { _ in
                throw HTTPError(.serviceUnavailable, headers: [.retryAfter: "120"])
            },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            let teapot = try client.get("/teapot")
            #expect(teapot.status == 418 && teapot.field("ETag") == nil)
            #expect(teapot.text.contains("418") && !teapot.text.contains("secret") && !teapot.text.contains("never"))
            let fields = try client.get("/fields")
            #expect(fields.status == 503 && fields.field("Retry-After") == "120")
            #expect(try client.get("/teapot").status == 418)
        }
    }

    @Test(
        "S-13, S-44: an unknown exception is a 500 that tells nothing, and the connection lives on",
        arguments: testedBackends)
    func unknown(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/bad") { handler in
                handler.write("never seen")
                throw Mishap()
            },
            URLSpec(.get, "/good") { $0.write("good") },
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for _ in 0..<3 {
                let bad = try client.get("/bad")
                #expect(bad.status == 500 && !bad.text.contains("Mishap") && !bad.text.contains("never"))
                #expect(try client.get("/good").text == "good")
            }
        }
    }

    @Test("RH-33, RH-34: writeError makes the page, for errors thrown and sent", arguments: testedBackends)
    func ownPage(backend: IOBackend) async throws {
        try await withServer(backend, try Application([URLSpec("/", OwnPageHandler.self)])) { port in
            let client = try TestClient(port: port)
            let thrown = try client.get("/?how=http")
            #expect(thrown.status == 409 && thrown.text == "own page: 409, HTTPError")
            #expect(thrown.field("Retry-After") == "9")
            let sent = try client.get("/?how=send")
            #expect(sent.status == 410 && sent.text == "own page: 410, nothing thrown")
            let unknown = try client.get("/")
            #expect(unknown.status == 500 && unknown.text == "own page: 500, Mishap")
        }
    }

    @Test("RH-51: Finish ends the request with what was written", arguments: testedBackends)
    func finish(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/") { handler in
                handler.setStatus(.accepted)
                handler.write("enough")
                throw Finish()
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for _ in 0..<2 {
                let response = try client.get("/")
                #expect(response.status == 202 && response.text == "enough")
            }
        }
    }

    @Test(
        "RH-33: an error after a flush cuts the response, so that the client sees that it is not complete",
        arguments: testedBackends)
    func afterFlush(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/chunked") { handler in
                handler.write("part one")
                try await handler.flush()
                throw Mishap()
            },
            URLSpec(.get, "/declared") { handler in
                try handler.setHeader(.contentLength, "100")
                handler.write("part one")
                try await handler.flush()
                throw HTTPError(.notFound)
            },
            URLSpec(.get, "/good") { $0.write("good") },
        ])
        try await withServer(backend, application) { port in
            for path in ["/chunked", "/declared"] {
                let client = try TestClient(port: port)
                try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                let all = String(decoding: try client.receiveAll(), as: UTF8.self)
                #expect(all.hasPrefix("HTTP/1.1 200 ") && all.contains("part one"), "\(path)")
                #expect(!all.hasSuffix("0\r\n\r\n") && !all.contains("404") && !all.contains("500"), "\(path)")
            }
            #expect(try TestClient(port: port).get("/good").text == "good")
        }
    }

    @Test("an error after the response is finished changes nothing", arguments: testedBackends)
    func afterFinish(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/") { handler in
                handler.finish("done")
                throw Mishap()
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            for _ in 0..<2 { #expect(try client.get("/").text == "done") }
        }
    }
}
