import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// What a response can be made of: informational responses, trailers, statuses without a body, lengths.
@Suite(.serialized)
struct HTTPConnectionTests {
    typealias Respond = @Sendable (HTTPServerRequest) async throws -> Void

    private static var link: HTTPField.Name { HTTPField.Name("Link") ?? .location }

    /// Asks a server that responds with `respond`, and gives all that came until the connection's end.
    private func ask(
        _ backend: IOBackend, _ request: String = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        _ respond: @escaping Respond
    ) async throws -> String {
        try await withServer(backend, Responding(respond)) { port in
            let client = try TestClient(port: port)
            try client.send(request)
            return String(decoding: try client.receiveAll(), as: UTF8.self)
        }
    }

    @Test("N-27: 103 Early Hints before the response", arguments: testedBackends)
    func earlyHints(_ backend: IOBackend) async throws {
        let respond: Respond = { request in
            try request.connection.sendInformational(.earlyHints, [Self.link: "</a.css>; rel=preload"])
            try request.connection.sendInformational(.earlyHints, [Self.link: "</b.css>; rel=preload"])
            request.connection.write("body")
        }
        let all = try await ask(backend) { try await respond($0) }
        let parts = all.split(separator: "\r\n\r\n", omittingEmptySubsequences: false)
        #expect(parts.count == 4)
        #expect(parts[0] == "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload")
        #expect(parts[1].hasSuffix("</b.css>; rel=preload"))
        #expect(parts[2].hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(parts[3] == "body")
        guard !TestClient.speaksHTTP2 else { return }
        let old = try await ask(backend, "GET / HTTP/1.0\r\n\r\n", respond)
        #expect(old.hasPrefix("HTTP/1.1 200 OK\r\n"), "no 1xx to HTTP/1.0")
    }

    @Test("N-27: what is no informational response is refused", arguments: testedBackends)
    func noInformational(_ backend: IOBackend) async throws {
        _ = try await ask(backend) { request in
            for status in [HTTPResponse.Status.switchingProtocols, .ok, .notFound] {
                #expect(throws: HTTPOutputError.self) { try request.connection.sendInformational(status) }
            }
            #expect(throws: HTTPOutputError.self) { try request.connection.setHead(.continue) }
            request.connection.write("x")
            try await request.connection.flush()
            #expect(throws: HTTPOutputError.self) { try request.connection.sendInformational(.earlyHints) }
        }
    }

    @Test("N-28: trailers behind a chunked response, flushed or not", arguments: testedBackends)
    func trailers(_ backend: IOBackend) async throws {
        for flushes in [false, true] {
            let all = try await ask(backend) { request in
                request.connection.write("body")
                try request.connection.setTrailer(.init("X-Sum")!, "4")
                if flushes { try await request.connection.flush() }
                try request.connection.setTrailer(.init("Server-Timing")!, "db;dur=1")
                #expect(throws: (any Error).self) { try request.connection.setTrailer(.contentLength, "4") }
                #expect(throws: (any Error).self) { try request.connection.setTrailer(.init("X-A")!, "a\r\nb") }
            }
            #expect(all.contains("\r\nTransfer-Encoding: chunked\r\n"))
            #expect(all.contains("\r\nTrailer: X-Sum"))
            #expect(!all.contains("Content-Length"))
            #expect(all.hasSuffix("\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 4\r\nServer-Timing: db;dur=1\r\n\r\n"), "\(all)")
        }
    }

    @Test(
        "N-28: where the framing has no place for trailers they are dropped",
        .disabled(if: TestClient.speaksHTTP2, "HTTP/2 has trailers behind every body"), arguments: testedBackends)
    func droppedTrailers(_ backend: IOBackend) async throws {
        let respond: Respond = { request in
            if request.path == "/length" { try request.connection.setHead(.ok, [.contentLength: "4"]) }
            request.connection.write("body")
            try request.connection.setTrailer(.init("X-Sum")!, "4")
        }
        for request in [
            "GET / HTTP/1.0\r\n\r\n", "GET /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        ] {
            let all = try await ask(backend, request, respond)
            #expect(!all.contains("X-Sum"), "\(all)")
            #expect(!all.contains("chunked"), "\(all)")
        }
    }

    @Test("204, 205 and 304 have no body, whatever was written", arguments: testedBackends)
    func bodiless(_ backend: IOBackend) async throws {
        for (status, length) in [(204, nil), (205, "0"), (304, nil)] as [(Int, String?)] {
            let all = try await ask(backend) { request in
                try request.connection.setHead(HTTPResponse.Status(code: status))
                request.connection.write("nothing of this")
            }
            #expect(all.hasPrefix("HTTP/1.1 \(status) "))
            #expect(all.hasSuffix("\r\n\r\n"), "\(all)")
            #expect(all.contains("Content-Length") == (length != nil))
            #expect(!all.contains("chunked"))
        }
    }

    @Test("HEAD says no length that nobody knows", arguments: testedBackends)
    func headLength(_ backend: IOBackend) async throws {
        let request = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        #expect(try await ask(backend, request) { _ in }.contains("Content-Length") == false)
        let declared = try await ask(backend, request) { request in
            try request.connection.setHead(.ok, [.contentLength: "12345"])
        }
        #expect(declared.contains("Content-Length: 12345\r\n"))
        #expect(declared.hasSuffix("\r\n\r\n"))
    }

    @Test("nothing that a handler sets can end a line", arguments: testedBackends)
    func injection(_ backend: IOBackend) async throws {
        let all = try await ask(backend) { request in
            for value in ["a\r\nX: y", "a\nX: y", "a\rX: y", "a\0b", "a\u{7F}"] {
                #expect(throws: (any Error).self) {
                    try request.connection.setHead(.ok, HTTPFields([HTTPField(name: .location, value: value)]))
                    // HTTPTypes may have made the value harmless by itself.
                    guard HTTPField(name: .location, value: value).value == value else {
                        throw HTTPOutputError(description: "")
                    }
                }
                #expect(throws: (any Error).self) {
                    try request.connection.setHead(HTTPResponse.Status(code: 200, reasonPhrase: value))
                    guard HTTPResponse.Status(code: 200, reasonPhrase: value).reasonPhrase == value else {
                        throw HTTPOutputError(description: "")
                    }
                }
            }
            try request.connection.setHead(.ok)
            request.connection.write("x")
        }
        #expect(all.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(!all.contains("X: y"))
    }

    @Test("a cut response is seen to be cut", arguments: testedBackends)
    func cut(_ backend: IOBackend) async throws {
        struct Mistake: Error {}
        let respond: Respond = { request in
            request.connection.write("begun")
            try await request.connection.flush()
            throw Mistake()
        }
        let chunked = try await ask(backend) { try await respond($0) }
        #expect(chunked.hasSuffix("5\r\nbegun\r\n"), "no last chunk: \(chunked)")
    }

    @Test("responses before a cut one arrive", arguments: testedBackends)
    func cutLater(_ backend: IOBackend) async throws {
        let request = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
        let all = try await ask(backend, request) { request in
            if request.path == "/2" { try request.connection.setHead(.ok, [.contentLength: "9"]) }
            request.connection.write("body of \(request.path)")
        }
        #expect(all.contains("body of /1"))
        #expect(!all.contains("body of /2"))
    }
}

/// Responds to each request with a function.
final class Responding: HTTPServerConnectionDelegate {
    private let respond: HTTPConnectionTests.Respond
    private let delivery: HTTPBodyDelivery

    init(delivery: HTTPBodyDelivery = .collected(limit: nil), _ respond: @escaping HTTPConnectionTests.Respond) {
        self.respond = respond
        self.delivery = delivery
    }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request, self) }

    private final class Message: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        private let owner: Responding

        init(_ request: HTTPServerRequest, _ owner: Responding) {
            self.request = request
            self.owner = owner
        }

        func headersReceived() -> HTTPBodyDelivery { owner.delivery }

        func execute() async throws { try await owner.respond(request) }
        func executionFailed(_ error: any Error) async { request.connection.respondToFailure(500) }
    }
}
