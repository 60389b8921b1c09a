import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// Finishes its response, and goes on until the test lets it end.
private final class EarlyHandler: RequestHandler {
    /// What the handlers of one test share.
    final class Course: Sendable {
        let notes = Notes()
        /// Lets the handlers end.
        let end = AsyncEvent()
        /// Lets them read their bodies.
        let reading = AsyncEvent()
    }

    let course: Course
    private var name: String { request.query }

    init(_ context: HandlerContext, _ course: Course) {
        self.course = course
        super.init(context)
    }

    required init(_ context: HandlerContext) {
        course = Course()
        super.init(context)
    }

    override class var requestBody: RequestBodyMode { .streamed }

    override func get() async throws {
        try respond()
        do {
            try await course.end.wait(timeout: .seconds(60))
        } catch {
            course.note(self, "\(type(of: error))")
        }
        course.note(self, "returns\(Task.isCancelled ? " cancelled" : "")")
    }

    override func post() async throws {
        try respond()
        try await course.reading.wait(timeout: .seconds(60))
        var count = 0
        for try await bytes in request.bodyStream { count += bytes.count }
        course.note(self, "read \(count)")
        try await course.end.wait(timeout: .seconds(60))
        course.note(self, "returns")
    }

    private func respond() throws {
        write("early \(name)")
        if name.hasPrefix("flushed") { try setHeader(.contentLength, "\("early \(name)".utf8.count)") }
        finish()
        // What is written after the end is ignored.
        write("too late")
        finish("too late")
        course.note(self, "finished")
    }

    override func onConnectionClose() { course.note(self, "onConnectionClose") }
    override func onFinish() { course.note(self, "onFinish") }
    override func logException(_ error: any Error) { course.note(self, "logged \(error)") }
}

/// Finishes its response when the server shuts down, and goes on for a while.
private final class DrainedHandler: RequestHandler {
    let notes: Notes
    private let opening = AsyncEvent()
    private let end: AsyncEvent

    init(_ context: HandlerContext, _ notes: Notes, _ end: AsyncEvent) {
        self.notes = notes
        self.end = end
        super.init(context)
    }

    required init(_ context: HandlerContext) {
        notes = Notes()
        end = AsyncEvent()
        super.init(context)
    }

    override func get() async throws {
        notes.note("waits")
        try await opening.wait()
        finish("early")
        try await end.wait(timeout: .seconds(60))
    }

    override func onShutdown() { opening.set() }
}

extension EarlyHandler.Course {
    fileprivate func note(_ handler: EarlyHandler, _ what: String) { notes.note("\(handler.request.query): \(what)") }

    fileprivate func application() throws -> Application {
        try Application([
            URLSpec("/early") { EarlyHandler($0, self) },
            URLSpec(.get, "/ping") { $0.write("pong \($0.request.query)") },
            URLSpec(.post, "/echo") { $0.write($0.request.body) },
        ])
    }
}

/// Fault 7: a response that is finished releases the connection, and its handler goes on alone.
@Suite("Early finish", .serialized)
struct EarlyFinishTests {
    private static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

    @Test("fault 7: the next request does not wait for a handler that has finished", arguments: testedBackends)
    func nextRequest(backend: IOBackend) async throws {
        let course = EarlyHandler.Course()
        try await withServer(backend, try course.application()) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/early?a").text == "early a")
            #expect(try client.get("/ping?b").text == "pong b")
            #expect(try client.get("/early?c").text == "early c")
            #expect(try client.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody").text == "body")
            #expect(course.notes.all == ["a: finished", "c: finished"], "they have not returned")
            course.end.set()
            try await course.notes.wait(for: 6)
            #expect(
                course.notes.all.sorted() == [
                    "a: finished", "a: onFinish", "a: returns", "c: finished", "c: onFinish", "c: returns",
                ])
            #expect(course.notes.all.suffix(4).filter { $0.hasPrefix("a") } == ["a: returns", "a: onFinish"])
            #expect(try client.get("/ping?d").text == "pong d")
        }
        #expect(course.notes.all.count == 6, "onFinish comes once")
    }

    @Test("fault 7: nor do requests that were pipelined; responses stay in order", arguments: testedBackends)
    func pipelined(backend: IOBackend) async throws {
        let course = EarlyHandler.Course()
        try await withServer(backend, try course.application()) { port in
            let client = try TestClient(port: port)
            let paths = (0..<50).map { $0 % 3 == 0 ? "/ping?\($0)" : "/early?\($0)" }
            try client.send(paths.map(Self.get).joined())
            for number in 0..<50 {
                #expect(try client.receiveResponse().text == (number % 3 == 0 ? "pong \(number)" : "early \(number)"))
            }
            let early = paths.count { $0.hasPrefix("/early") }
            #expect(course.notes.all.count == early)
            course.end.set()
            try await course.notes.wait(for: 3 * early)
            #expect(course.notes.all.count { $0.hasSuffix("onFinish") } == early)
        }
    }

    @Test("fault 7: a handler that has finished still reads its body", arguments: testedBackends)
    func body(backend: IOBackend) async throws {
        for isChunked in [false, true] {
            let course = EarlyHandler.Course()
            try await withServer(backend, try course.application()) { port in
                let client = try TestClient(port: port)
                let size = 60_000
                let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(size)"
                try client.send("POST /early?a HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
                #expect(try client.receiveResponse().text == "early a")
                course.reading.set()
                let body = String(repeating: "b", count: size)
                try client.send(isChunked ? "\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n" : body)
                try await course.notes.wait(for: 2)
                #expect(course.notes.all == ["a: finished", "a: read \(size)"])
                // The connection is free, now that the request is read, though the handler goes on.
                #expect(try client.get("/ping?b").text == "pong b")
                course.end.set()
                try await course.notes.wait(for: 4)
                #expect(course.notes.all.suffix(2) == ["a: returns", "a: onFinish"])
                #expect(try client.get("/ping?c").text == "pong c")
            }
        }
    }

    @Test("fault 7: a body that came before the handler read it stays its own", arguments: testedBackends)
    func bodyThatCame(backend: IOBackend) async throws {
        let course = EarlyHandler.Course()
        try await withServer(backend, try course.application()) { port in
            let client = try TestClient(port: port)
            try client.send(
                "POST /early?a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsome body" + Self.get("/ping?b"))
            #expect(try client.receiveResponse().text == "early a")
            #expect(try client.receiveResponse().text == "pong b")
            for number in 0..<100 { #expect(try client.get("/ping?\(number)").text == "pong \(number)") }
            course.reading.set()
            course.end.set()
            try await course.notes.wait(for: 4)
            #expect(course.notes.all == ["a: finished", "a: read 9", "a: returns", "a: onFinish"])
        }
    }

    @Test("fault 7: with Connection: close the connection closes while the handler goes on", arguments: testedBackends)
    func close(backend: IOBackend) async throws {
        for request in [
            "GET /early?a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /early?a HTTP/1.0\r\n\r\n",
        ] {
            let course = EarlyHandler.Course()
            try await withServer(backend, try course.application()) { port in
                let client = try TestClient(port: port)
                #expect(try client.ask(request).text == "early a")
                #expect(try client.isClosed())
                #expect(course.notes.all == ["a: finished"])
                course.end.set()
                try await course.notes.wait(for: 3)
                #expect(course.notes.all == ["a: finished", "a: returns", "a: onFinish"])
            }
        }
    }

    @Test("fault 7: a handler that has finished does not hold up a shutdown", arguments: testedBackends)
    func shutdown(backend: IOBackend) async throws {
        let application = try Application([
            URLSpec(.get, "/") { handler in
                handler.finish("early")
                try await handler.sleep(for: .seconds(60))
            }
        ])
        let group = try await HTTPServerGroup(
            delegate: application, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let client = try TestClient(port: group.port ?? 0)
        #expect(try client.get("/").text == "early")
        let start = ContinuousClock.now
        let ends = await group.shutdown(deadline: .seconds(30))
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(ends.forced == 0)
        #expect(try client.isClosed())
    }

    @Test(
        "fault 7: a response that is finished while the server drains is the last one",
        .disabled(if: TestClient.speaksHTTP2, "HTTP/2 serves the requests of a connection at once"),
        arguments: testedBackends)
    func draining(backend: IOBackend) async throws {
        let (notes, end) = (Notes(), AsyncEvent())
        let application = try Application([URLSpec("/") { DrainedHandler($0, notes, end) }])
        let group = try await HTTPServerGroup(
            delegate: application, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1,
            loop: IOLoop.Configuration(backend: backend), configuration: .tested)
        let client = try TestClient(port: group.port ?? 0)
        try client.send(Self.get("/") + Self.get("/"))
        try await notes.wait(for: 1)
        let start = ContinuousClock.now
        async let ends = group.shutdown(deadline: .seconds(30))
        let response = try client.receiveResponse()
        #expect(response.text == "early" && response.field("Connection") == "close")
        #expect(try client.isClosed())
        #expect(await ends.forced == 0)
        #expect(ContinuousClock.now - start < .seconds(15))
        end.set()
    }

    @Test(
        "fault 7: a client that disconnects after its response leaves the handler alone: not cancelled, not told",
        arguments: testedBackends)
    func disconnects(backend: IOBackend) async throws {
        for (request, isReset) in [("/early?a", false), ("/early?a", true)] {
            let course = EarlyHandler.Course()
            try await withServers(backend, try course.application()) { group in
                var client: TestClient? = try TestClient(port: group.port ?? 0)
                #expect(try client?.get(request).text == "early a")
                if isReset { client?.reset() }
                client = nil
                // Another client's requests have the loop go on meanwhile.
                let other = try TestClient(port: group.port ?? 0)
                for number in 0..<20 {
                    #expect(try other.get("/ping?\(number)").text == "pong \(number)")
                    try await Task.sleep(for: .milliseconds(5))
                }
                #expect(course.notes.all == ["a: finished"])
                course.end.set()
                try await course.notes.wait(for: 3)
                #expect(course.notes.all == ["a: finished", "a: returns", "a: onFinish"], "reset: \(isReset)")
            }
        }
    }
}
