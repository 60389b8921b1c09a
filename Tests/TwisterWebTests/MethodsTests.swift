import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

private class ReadingHandler: RequestHandler {
    override func get() async throws { write("got it") }
}

private final class StoringHandler: ReadingHandler {
    override func put() async throws { setStatus(.noContent) }
    override func delete() async throws { write("deleted") }
}

private final class FindingHandler: RequestHandler {
    override func other(_ method: HTTPRequest.Method) async throws {
        guard method.rawValue == "PROPFIND" else { return try await super.other(method) }
        write("found")
    }
}

/// Methods that a handler serves, and the responses to others.
@Suite("Methods", .serialized)
struct MethodsTests {
    private static func application() throws -> Application {
        try Application([
            URLSpec("/class", StoringHandler.self),
            URLSpec("/find", FindingHandler.self),
            URLSpec(.get, "/get") { $0.write("closure") },
            URLSpec(.post, "/post") { $0.write("posted") },
            URLSpec(try #require(HTTPRequest.Method("REPORT")), "/report") { $0.write("reported") },
        ])
    }

    @Test("RH-3: HEAD of a GET handler has GET's head and no body", arguments: testedBackends)
    func head(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application()) { port in
            let client = try TestClient(port: port)
            for path in ["/class", "/get"] {
                let response = try client.ask("HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n", toHead: true)
                #expect(response.status == 200)
                #expect(response.field("Content-Length") == (path == "/class" ? "6" : "7"))
                #expect(response.field("Content-Type") == "text/html; charset=utf-8")
            }
            // No byte of a body came between the responses.
            #expect(try client.get("/class").text == "got it")
        }
    }

    @Test("RH-1, RH-3: a method that is not served gets 405 with exactly the served ones", arguments: testedBackends)
    func notAllowed(backend: IOBackend) async throws {
        let cases = [
            ("POST /class", "GET, HEAD, PUT, DELETE, OPTIONS"), ("TRACE /class", "GET, HEAD, PUT, DELETE, OPTIONS"),
            ("POST /get", "GET, HEAD, OPTIONS"), ("GET /post", "POST, OPTIONS"), ("HEAD /post", "POST, OPTIONS"),
        ]
        try await withServer(backend, try Self.application()) { port in
            let client = try TestClient(port: port)
            for (request, allow) in cases {
                let response = try client.ask(
                    "\(request) HTTP/1.1\r\nHost: a\r\n\r\n", toHead: request.hasPrefix("HEAD"))
                #expect(response.status == 405, "\(request)")
                #expect(response.field("Allow") == allow, "\(request)")
            }
            #expect(try client.get("/class").status == 200)
        }
    }

    @Test("OPTIONS of a path and of the server", arguments: testedBackends)
    func options(backend: IOBackend) async throws {
        let cases = [
            ("/class", "GET, HEAD, PUT, DELETE, OPTIONS"), ("/post", "POST, OPTIONS"),
            ("*", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        ]
        try await withServer(backend, try Self.application()) { port in
            let client = try TestClient(port: port)
            for (target, allow) in cases {
                let response = try client.ask("OPTIONS \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(response.status == 204, "\(target)")
                #expect(response.field("Allow") == allow, "\(target)")
            }
        }
    }

    @Test("RH-1: unknown methods are 501, or served by other()", arguments: testedBackends)
    func unknown(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application()) { port in
            let client = try TestClient(port: port)
            func status(_ request: String) throws -> Int {
                try client.ask("\(request) HTTP/1.1\r\nHost: a\r\n\r\n").status
            }
            #expect(try status("BREW /class") == 501)
            #expect(try status("get /class") == 501)
            #expect(try status("BREW /get") == 501)
            #expect(try status("PROPFIND /find") == 200)
            #expect(try status("BREW /find") == 501)
            #expect(try status("REPORT /report") == 200)
            #expect(try status("GET /class") == 200)
        }
    }

    @Test("S-12: no route: 404, whatever the method", arguments: testedBackends)
    func noRoute(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application()) { port in
            let client = try TestClient(port: port)
            for request in ["GET /nowhere", "POST /nowhere", "GET /class/", "GET /"] {
                #expect(try client.ask("\(request) HTTP/1.1\r\nHost: a\r\n\r\n").status == 404, "\(request)")
            }
        }
    }
}
