import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport

/// The versions of HTTP that the server speaks, by the name that a handler sees.
enum Version: String, CaseIterable, Sendable {
    case http1 = "HTTP/1.1"
    case http2 = "HTTP/2.0"
}

/// Has each request served by one function, and notes what it meets.
private final class Scripted: HTTPServerConnectionDelegate {
    typealias Handler = @Sendable (HTTPServerRequest, Notes) async throws -> Void

    let notes = Notes()
    private let delivery: HTTPBodyDelivery
    private let handler: Handler

    init(_ delivery: HTTPBodyDelivery, _ handler: @escaping Handler) {
        self.delivery = delivery
        self.handler = handler
    }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request, self) }

    private final class Message: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        private let script: Scripted

        init(_ request: HTTPServerRequest, _ script: Scripted) {
            self.request = request
            self.script = script
        }

        func headersReceived() -> HTTPBodyDelivery { script.delivery }
        func onConnectionClose() {
            script.notes.note("onConnectionClose, disconnected: \(request.connection.isClientDisconnected)")
        }
        func execute() async throws { try await script.handler(request, script.notes) }
        func executionFailed(_ error: any Error) async {
            script.notes.note("\(error)")
            let connection = request.connection
            if connection.isClientDisconnected { connection.abort() } else { connection.respondToFailure(500) }
        }
        func exchangeEnded() { script.notes.note("ended") }
    }
}

/// Issue 14: handlers work unchanged over HTTP/2.
@Suite("HTTP/1.1 and HTTP/2: handlers see the same")
struct BothVersionsTests {
    /// Serves with `handler`; `client` gets a function that connects by that version.
    private func serve(
        _ backend: IOBackend, _ version: Version, _ delivery: HTTPBodyDelivery = .collected(limit: nil),
        bodyBufferSize: Int? = nil, _ handler: @escaping Scripted.Handler,
        client: (() throws -> TestClient, Notes) async throws -> Void
    ) async throws {
        let script = Scripted(delivery, handler)
        try await withHTTP2(
            backend, script, configure: { if let bodyBufferSize { $0.bodyBufferSize = bodyBufferSize } }
        ) { port in
            try await client({ try TestClient(port: port, isTranslated: version == .http2) }, script.notes)
        }
    }

    private static func count(_ body: HTTPBodyStream) async throws -> Int {
        var count = 0
        for try await bytes in body { count += bytes.count }
        return count
    }

    // MARK: The request

    @Test(
        "the request: names in any case, cookies in several fields, host, address, protocol",
        arguments: testedBackends, Version.allCases)
    func request(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version) { request, _ in
            let cookies = request.cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let fields = ["X-MIXED-case", "host", "Cookie", "Connection", "content-length"]
                .map { request.headers[$0] ?? "-" }
            let lines =
                [
                    request.method.rawValue, request.uri, request.path, request.query, request.host, request.hostName,
                    request.protocol, request.remoteIP, request.fullURL(), cookies.joined(separator: ","),
                    "\(request.body.count) \(request.trailers.count)", "\(request.security == nil)",
                ] + fields
            request.connection.write(lines.joined(separator: "\n") + "\n\(request.version)")
        } client: { connect, _ in
            let response = try connect().ask(
                """
                GET /p%61th?q=1 HTTP/1.1\r\nHost: Example.org:81\r\nX-Mixed-Case: a\r\nx-mixed-case: b\r\n\
                Cookie: a=1\r\nCookie: b=2; a=3\r\n\r\n
                """)
            #expect(
                response.text.split(separator: "\n") == [
                    "GET", "/p%61th?q=1", "/p%61th", "q=1", "Example.org:81", "example.org", "http", "127.0.0.1",
                    "http://Example.org:81/p%61th?q=1", "a=1,b=2", "0 0", "true", "a, b", "Example.org:81",
                    "a=1; b=2; a=3", "-", "-", "\(version.rawValue)",
                ])
        }
    }

    @Test(
        "bodies with and without a length, collected and streamed, and their trailers",
        arguments: testedBackends, Version.allCases)
    func bodies(backend: IOBackend, version: Version) async throws {
        for isStreamed in [false, true] {
            let delivery = isStreamed ? HTTPBodyDelivery.streamed(limit: nil) : .collected(limit: nil)
            try await serve(backend, version, delivery) { request, _ in
                let count = try await Self.count(request.bodyStream)
                #expect(request.body.count == (isStreamed ? 0 : count))
                let trailers = request.trailers.map { "\($0.name.canonicalName)=\($0.value)" }
                request.connection.write("\(count) \(trailers.joined(separator: ","))")
            } client: { connect, _ in
                let client = try connect()
                let post = "POST / HTTP/1.1\r\nHost: a\r\n"
                let chunked = "\(post)Transfer-Encoding: chunked\r\n\r\n"
                #expect(try client.ask("\(post)Content-Length: 4\r\n\r\nbody").text == "4 ")
                #expect(try client.ask("\(post)Content-Length: 0\r\n\r\n").text == "0 ")
                #expect(try client.ask(post + "\r\n").text == "0 ")
                #expect(try client.ask("\(chunked)3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").text == "5 ")
                #expect(try client.ask("\(chunked)0\r\n\r\n").text == "0 ")
                // A field that has to stand in the head is dropped (RFC 9110, 6.5.1).
                let trailers = "X-Check: 42\r\nContent-Type: text/x\r\n"
                #expect(try client.ask("\(chunked)3\r\nabc\r\n0\r\n\(trailers)\r\n").text == "3 x-check=42")
            }
        }
    }

    @Test(
        "100-continue once somebody reads, and not before a response that needs no body",
        arguments: testedBackends, Version.allCases)
    func expect(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version, .streamed(limit: nil)) { request, _ in
            guard request.path == "/read" else { return request.connection.write("early") }
            request.connection.write("\(try await Self.count(request.bodyStream))")
        } client: { connect, _ in
            func post(_ path: String, _ expectation: String) -> String {
                "POST \(path) HTTP/1.1\r\nHost: a\r\nExpect: \(expectation)\r\nContent-Length: 4\r\n\r\n"
            }
            let client = try connect()
            #expect(try client.ask(post("/read", "100-continue")).status == 100)
            #expect(try client.ask("body").text == "4")
            #expect(try client.ask(post("/read", "miracles")).status == 417)
            #expect(try connect().ask(post("/", "100-continue")).text == "early")
        }
    }

    @Test("a body over its limit: 413, announced or not", arguments: testedBackends, Version.allCases)
    func tooLong(backend: IOBackend, version: Version) async throws {
        for isStreamed in [false, true] {
            let delivery = isStreamed ? HTTPBodyDelivery.streamed(limit: 4) : .collected(limit: 4)
            try await serve(backend, version, delivery) { request, notes in
                notes.note("begun")
                _ = try await Self.count(request.bodyStream)
            } client: { connect, notes in
                let post = "POST / HTTP/1.1\r\nHost: a\r\n"
                #expect(try connect().ask("\(post)Content-Length: 5\r\n\r\n").status == 413)
                try await notes.wait(for: 1)
                #expect(notes.all == ["ended"], "the handler is not called")
                let client = try connect()
                try client.send("\(post)Transfer-Encoding: chunked\r\n\r\n")
                if isStreamed { try await notes.wait(for: 2) }
                #expect(try client.ask("5\r\nabcde\r\n0\r\n\r\n").status == 413)
                try await notes.wait(for: isStreamed ? 4 : 2)
                #expect(notes.all.dropFirst() == (isStreamed ? ["begun", "refused(status: 413)", "ended"] : ["ended"]))
            }
        }
    }

    // MARK: The response

    @Test(
        "HEAD, 204, 205 and 304 have no body, whatever was written", arguments: testedBackends, Version.allCases)
    func bodiless(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version) { request, _ in
            if let status = Int(request.query) { try request.connection.setHead(.init(code: status)) }
            request.connection.write("some text")
        } client: { connect, _ in
            let client = try connect()
            let head = try client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", toHead: true)
            #expect(head.status == 200)
            #expect(head.field("Content-Length") == "9")
            for (status, length) in [(204, nil), (205, "0"), (304, nil)] as [(Int, String?)] {
                let response = try client.get("/?\(status)")
                #expect(response.status == status)
                #expect(response.field("Content-Length") == length)
                #expect(response.body.isEmpty)
            }
            #expect(try client.get("/").text == "some text")
        }
    }

    @Test(
        "a body of another length than declared, and an error behind the head, cut the response",
        arguments: testedBackends, Version.allCases)
    func cut(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version) { request, _ in
            let connection = request.connection
            switch request.path {
            case "/short", "/long":
                try connection.setHead(.ok, [.contentLength: request.path == "/short" ? "10" : "1"])
                connection.write("some")
            case "/late":
                connection.write("some")
                try await connection.flush()
                throw TestFailure("of the handler")
            default: throw TestFailure("of the handler")
            }
        } client: { connect, notes in
            for path in ["/short", "/long", "/late"] {
                let client = try connect()
                #expect(throws: TestClient.Failure.self, "\(path)") { try client.get(path) }
            }
            #expect(try connect().get("/").status == 500)
            try await eventually("all have ended") { notes.all.count { $0 == "ended" } == 4 }
        }
    }

    @Test("informational responses and trailers", arguments: testedBackends, Version.allCases)
    func extras(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version) { request, _ in
            let connection = request.connection
            guard let link = HTTPField.Name("Link"), let sum = HTTPField.Name("X-Sum") else { return }
            try connection.sendInformational(.init(code: 103), [link: "</a.css>; rel=preload"])
            connection.write("some")
            try await connection.flush()
            try connection.setTrailer(sum, "4")
        } client: { connect, _ in
            let client = try connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let hint = try client.receiveResponse()
            #expect(hint.status == 103)
            #expect(hint.field("Link") == "</a.css>; rel=preload")
            let rest = String(decoding: try client.receiveAll(), as: UTF8.self)
            #expect(rest.hasPrefix("HTTP/1.1 200 "))
            #expect(rest.hasSuffix("\r\n\r\n4\r\nsome\r\n0\r\nX-Sum: 4\r\n\r\n"))
        }
    }

    @Test("`Connection: close` of the application", arguments: testedBackends, Version.allCases)
    func closing(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version) { request, _ in
            try request.connection.setHead(.ok, [.connection: "close"])
            request.connection.write("closing")
        } client: { connect, _ in
            let client = try connect()
            #expect(try client.get("/").text == "closing")
            #expect(try client.isClosed())
        }
    }

    // MARK: The response before the request's end

    @Test(
        "a handler that has finished its response still reads its body", arguments: testedBackends, Version.allCases)
    func readsOn(backend: IOBackend, version: Version) async throws {
        // HTTP/1.1 ends the connection behind a body of which much more is to come.
        let size = 60_000
        for framing in ["Content-Length: \(size)", "Transfer-Encoding: chunked"] {
            try await serve(backend, version, .streamed(limit: nil), bodyBufferSize: 20_000) {
                request, notes in
                let connection = request.connection
                connection.write("early")
                connection.finish()
                guard request.method == .post else { return }
                notes.note("finished: \(connection.isFinished), disconnected: \(connection.isClientDisconnected)")
                notes.note("read \(try await Self.count(request.bodyStream))")
            } client: { connect, notes in
                let client = try connect()
                try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
                #expect(try client.receiveResponse().text == "early")
                let body = String(repeating: "b", count: size)
                let isChunked = framing.hasSuffix("chunked")
                try client.send(isChunked ? "\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n" : body)
                // The windows of HTTP/2 let the body go on while the client receives.
                try await eventually("the body is read") {
                    guard try client.get("/").text == "early" else { throw TestFailure("no response") }
                    return notes.all.contains("read \(size)")
                }
                #expect(notes.all.first == "finished: true, disconnected: false")
            }
        }
    }

    /// What the reading of a body meets whose response is sent already.
    private func readAfterResponse(
        _ backend: IOBackend, _ version: Version, limit: Int? = nil, timeout: Duration? = nil,
        _ body: (TestClient) throws -> Void
    ) async throws -> [String] {
        var met: [String] = []
        try await serve(backend, version, .streamed(limit: limit)) { request, notes in
            request.connection.write("early")
            request.connection.finish()
            guard request.method == .post else { return }
            if let timeout { request.connection.setBodyTimeout(timeout) }
            notes.note("read \(try await Self.count(request.bodyStream))")
        } client: { connect, notes in
            let client = try connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            #expect(try client.receiveResponse().text == "early")
            try body(client)
            try await notes.wait(for: 2)
            met = notes.all
            #expect(try connect().get("/").text == "early")
        }
        return met
    }

    @Test(
        "such a body is bounded by its limit and its deadlines, and ends with its client",
        arguments: testedBackends, Version.allCases)
    func readsOnBounded(backend: IOBackend, version: Version) async throws {
        let tooLong = try await readAfterResponse(backend, version, limit: 4) { try $0.send("5\r\nabcde\r\n") }
        #expect(tooLong == ["refused(status: 413)", "ended"])
        let late = try await readAfterResponse(backend, version, timeout: .milliseconds(50)) { _ in }
        #expect(late == ["refused(status: 408)", "ended"])
        let halfClosed = try await readAfterResponse(backend, version) { $0.shutDown() }
        #expect(halfClosed == ["clientDisconnected", "ended"])
        let reset = try await readAfterResponse(backend, version) { $0.reset() }
        #expect(reset == ["clientDisconnected", "ended"])
    }

    @Test(
        "a handler that neither reads its body nor waits for it: the client has its response, and is served on",
        arguments: testedBackends, Version.allCases)
    func unread(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version, .streamed(limit: nil)) { request, _ in
            if request.path == "/error" { throw TestFailure("of the handler") }
            request.connection.write("early")
        } client: { connect, notes in
            let client = try connect()
            for (path, status) in [("/", 200), ("/error", 500)] {
                try client.send("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
                #expect(try client.receiveResponse().status == status)
                try client.send("body")
                #expect(try client.get("/").text == "early")
            }
        }
    }

    // MARK: Clients that disconnect

    @Test(
        "a client that disconnects: told, cancelled, and nothing to write to", arguments: testedBackends,
        Version.allCases)
    func disconnects(backend: IOBackend, version: Version) async throws {
        for isReset in [false, true] {
            try await serve(backend, version, .streamed(limit: nil)) { request, notes in
                let connection = request.connection
                notes.note("begun")
                do {
                    try await connection.loop.sleep(for: .seconds(60))
                } catch {
                    notes.note("\(type(of: error)), disconnected: \(connection.isClientDisconnected)")
                    connection.write("dropped")
                    await #expect(throws: StreamClosedError.self) { try await connection.flush() }
                    throw error
                }
            } client: { connect, notes in
                var client: TestClient? = try connect()
                try client?.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                try await notes.wait(for: 1)
                if isReset { client?.reset() }
                client = nil
                try await notes.wait(for: 5)
                #expect(
                    notes.all == [
                        "begun", "onConnectionClose, disconnected: true", "CancellationError, disconnected: true",
                        "CancellationError()", "ended",
                    ])
            }
        }
    }

    @Test(
        "a handler that goes on where the response is its head alone learns that its client has left",
        arguments: testedBackends, Version.allCases)
    func headAlone(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version) { request, notes in
            try await request.connection.flush()
            try await request.connection.loop.sleep(for: .seconds(60))
        } client: { connect, notes in
            let client = try connect()
            try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.receiveResponse(toHead: true).status == 200)
            client.reset()
            try await notes.wait(for: 3)
            #expect(
                notes.all == ["onConnectionClose, disconnected: true", "CancellationError()", "ended"])
        }
    }

    @Test(
        "a handler that writes without an end where the response is its head alone leaves the loop to others",
        arguments: testedBackends, Version.allCases)
    func headOfEndless(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version) { request, notes in
            guard request.method == .head else { return request.connection.write("beside") }
            // It has an end, so that a test that fails does not hang.
            let end = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < end {
                request.connection.write("more")
                try await request.connection.flush()
            }
            notes.note("wrote everything")
        } client: { connect, notes in
            let client = try connect()
            try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            let head = try client.receiveResponse(toHead: true)
            #expect(head.status == 200)
            #expect(try connect().get("/").text == "beside")
            #expect(!notes.all.contains("wrote everything"))
            client.reset()
            try await eventually("both have ended") { notes.all.count { $0 == "ended" } == 2 }
            #expect(notes.all.contains("onConnectionClose, disconnected: true"))
            #expect(!notes.all.contains("wrote everything"))
        }
    }

    @Test(
        "a client that has ended before its request is begun: one that responds at once does, one that waits learns of it",
        arguments: testedBackends, Version.allCases)
    func endedBefore(backend: IOBackend, version: Version) async throws {
        try await serve(backend, version) { request, notes in
            if request.path == "/wait" { try await request.connection.loop.sleep(for: .seconds(60)) }
            request.connection.write("at once")
        } client: { connect, notes in
            let prompt = try connect()
            try prompt.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            prompt.shutDown()
            #expect(try prompt.receiveResponse().text == "at once")
            try await notes.wait(for: 1)
            let waiting = try connect()
            try waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            waiting.shutDown()
            try await notes.wait(for: 4)
            #expect(
                notes.all == ["ended", "onConnectionClose, disconnected: true", "CancellationError()", "ended"])
        }
    }
}
