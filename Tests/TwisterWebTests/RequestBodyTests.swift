import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

private final class StreamedHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override func put() async throws {
        var sum = 0
        for try await chunk in request.bodyStream { sum += chunk.count }
        #expect(request.body.isEmpty)
        write("\(sum)")
    }
}

private final class ReceivingHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .dataReceived }
    private var calls: [String] = []
    private var received: [UInt8] = []

    override func prepare() async throws {
        calls.append("prepare")
        if let limit = try getQueryArgument("limit", default: nil).flatMap({ Int($0) }) { setMaxBodySize(limit) }
        if try getQueryArgument("refuse", default: nil) != nil { throw HTTPError(.forbidden) }
    }
    override func dataReceived(_ chunk: [UInt8]) async throws {
        if calls.last != "data" { calls.append("data") }
        try await sleep(for: .milliseconds(1))
        received += chunk
    }
    override func post() async throws {
        write(
            "\(calls.joined(separator: " ")) \(received.count) \(String(decoding: received.prefix(8), as: UTF8.self))")
    }
}

private final class LimitedHandler: RequestHandler {
    override class var policy: Policy { Policy(maxBodySize: 10) }
    override func post() async throws { write(request.body) }
}

private final class LimitedStreamHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override class var policy: Policy { Policy(maxBodySize: 10) }
    override func post() async throws {
        for try await _ in request.bodyStream {}
        write("all")
    }
}

/// How a request's body reaches its handler, and how long it may be.
@Suite("Request bodies", .serialized)
struct RequestBodyTests {
    private static func application() throws -> Application {
        try Application([
            URLSpec("/streamed", StreamedHandler.self), URLSpec("/received", ReceivingHandler.self),
            URLSpec("/limited", LimitedHandler.self), URLSpec("/limited-stream", LimitedStreamHandler.self),
            URLSpec(.post, "/default") { $0.write("\($0.request.body.count)") },
        ])
    }

    private static func message(_ request: String, _ body: String, chunked: Bool) -> String {
        let head = "\(request) HTTP/1.1\r\nHost: a\r\n"
        if !chunked { return head + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)" }
        let half = body.utf8.count / 2
        let parts = [body.prefix(half), body.dropFirst(half)].filter { !$0.isEmpty }
        let chunks = parts.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
        return head + "Transfer-Encoding: chunked\r\n\r\n\(chunks)0\r\n\r\n"
    }

    @Test("RH-48: a streamed body arrives completely, with either framing", arguments: testedBackends)
    func streamed(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application()) { port in
            let client = try TestClient(port: port)
            for size in [0, 1, 1_000, 300_000] {
                let body = String(repeating: "x", count: size)
                for chunked in [false, true] {
                    let message = Self.message("PUT /streamed", body, chunked: chunked)
                    #expect(try client.ask(message).text == "\(size)")
                }
            }
        }
    }

    @Test("RH-46: dataReceived comes between prepare and the method", arguments: testedBackends)
    func received(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application()) { port in
            let client = try TestClient(port: port)
            for chunked in [false, true] {
                let message = Self.message("POST /received", "abcdefgh-and-more", chunked: chunked)
                #expect(try client.ask(message).text == "prepare data 17 abcdefgh")
            }
            let empty = try client.ask(Self.message("POST /received", "", chunked: false))
            #expect(empty.text == "prepare 0 ")
            let big = String(repeating: "y", count: 200_000)
            #expect(try client.ask(Self.message("POST /received", big, chunked: false)).text.contains(" 200000 "))
            #expect(try client.ask(Self.message("POST /received?refuse=1", "abc", chunked: false)).status == 403)
        }
    }

    @Test("RH-48: a route's own limit is 413, at it and over it", arguments: testedBackends)
    func limits(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application(), configure: { $0.maxBodySize = 100 }) { port in
            for path in ["/limited", "/limited-stream"] {
                for chunked in [false, true] {
                    let fits = try TestClient(port: port).ask(
                        Self.message("POST \(path)", "0123456789", chunked: chunked))
                    #expect(fits.status == 200, "\(path) \(chunked)")
                    let over = try TestClient(port: port).ask(
                        Self.message("POST \(path)", "0123456789a", chunked: chunked))
                    #expect(over.status == 413, "\(path) \(chunked)")
                }
            }
            // The server's own limit applies if the route has none.
            let body = String(repeating: "z", count: 101)
            let client = try TestClient(port: port)
            #expect(
                try client.ask(Self.message("POST /default", String(body.dropLast()), chunked: false)).text == "100")
            #expect(try client.ask(Self.message("POST /default", body, chunked: false)).status == 413)
        }
    }

    @Test("RH-48: a limit that prepare sets holds for the body that is still to come", arguments: testedBackends)
    func limitInPrepare(backend: IOBackend) async throws {
        let head = "POST /received?limit=10 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
        try await withServer(backend, try Self.application()) { port in
            let fits = try TestClient(port: port)
            #expect(try fits.ask(head + "Content-Length: 10\r\n\r\n").status == 100)
            #expect(try fits.ask("0123456789").text == "prepare data 10 01234567")
            // A body with a declared length is refused before it is sent, a chunked one when it exceeds the limit.
            let declared = try TestClient(port: port)
            #expect(try declared.ask(head + "Content-Length: 11\r\n\r\n").status == 413)
            let chunked = try TestClient(port: port)
            #expect(try chunked.ask(head + "Transfer-Encoding: chunked\r\n\r\n").status == 100)
            #expect(try chunked.ask("b\r\n0123456789a\r\n0\r\n\r\n").status == 413)
        }
    }

    @Test("RH-48: a limit that prepare sets holds for a body that came with the head", arguments: testedBackends)
    func limitAfterBody(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application()) { port in
            for chunked in [false, true] {
                let message = Self.message("POST /received?limit=10", "0123456789a", chunked: chunked)
                let response = try TestClient(port: port).ask(message)
                #expect(response.status == 413)
            }
        }
    }

    @Test("S-41: a request that is not complete reaches no method", arguments: testedBackends)
    func incomplete(backend: IOBackend) async throws {
        let trace = Trace()
        let application = try Application([URLSpec(.post, "/") { _ in trace.note("called") }])
        try await withServer(backend, application) { port in
            for part in [
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbod", "POST / HTTP/1.1\r\nHost: a\r\n",
            ] {
                let client = try TestClient(port: port)
                try client.send(part)
                client.shutDown()
                _ = try client.receiveAll()
            }
            let client = try TestClient(port: port)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo")
            try client.send("dy")
            #expect(try client.receiveResponse().status == 200)
            #expect(trace.all == ["called"])
        }
    }

    @Test(
        "S-42, RH-6: the handler is told once that its client has disconnected, and its task is cancelled",
        arguments: testedBackends)
    func clientGoes(backend: IOBackend) async throws {
        let trace = Trace()
        final class Waiting: RequestHandler {
            var trace: Trace?
            override func get() async throws {
                trace?.note("begun")
                do { try await sleep(for: .seconds(20)) } catch { trace?.note("\(type(of: error))") }
            }
            override func onConnectionClose() { trace?.note("closed") }
            override func onFinish() { trace?.note("finished") }
        }
        let application = try Application([
            URLSpec("/") { context -> Waiting in
                let handler = Waiting(context)
                handler.trace = trace
                return handler
            }
        ])
        try await withServer(backend, application) { port in
            let client = try TestClient(port: port)
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try await trace.wait(for: 1)
            client.reset()
            try await trace.wait(for: 4)
            #expect(trace.all == ["begun", "closed", "CancellationError", "finished"])
        }
    }
}
