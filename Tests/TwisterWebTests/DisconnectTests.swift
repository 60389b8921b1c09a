import Glibc
import HTTPTypes
import Testing
import TwisterHTTP
import TwisterTestSupport

@testable import TwisterIO
@testable import TwisterWeb

/// Notes the errors that it meets, and those that it is asked to log.
private final class LoggingHandler: RequestHandler {
    let notes: Notes
    private var hasClientLeft = false

    init(_ context: HandlerContext, _ notes: Notes) {
        self.notes = notes
        super.init(context)
    }

    required init(_ context: HandlerContext) {
        notes = Notes()
        super.init(context)
    }

    override class var requestBody: RequestBodyMode { .streamed }
    override var cancelsOnDisconnect: Bool { (try? getQueryArgument("stubborn")) == nil }

    private func meet(_ body: () async throws -> Void) async throws {
        notes.note("begun")
        do {
            try await body()
            notes.note("no error")
        } catch {
            notes.note("\(type(of: error))")
            throw error
        }
    }

    /// Responds with more than the client takes.
    override func get() async throws {
        try await meet {
            while true {
                write([UInt8](repeating: 120, count: 100_000))
                try await flush()
            }
        }
    }

    /// Reads the body.
    override func put() async throws {
        try await meet {
            var count = 0
            for try await bytes in request.bodyStream { count += bytes.count }
        }
    }

    /// Waits until its client has left, and responds to nobody where it is not cancelled.
    override func delete() async throws {
        try await meet {
            while cancelsOnDisconnect || !hasClientLeft { try await sleep(for: .milliseconds(5)) }
            write("some")
            try await flush()
        }
    }

    override func onConnectionClose() { hasClientLeft = true }

    override func logException(_ error: any Error) { notes.note("logged \(type(of: error))") }
    override func onFinish() { notes.note("onFinish") }
}

/// Ways in which a client may leave, and the errors by which the handler may learn of it.
private let departures: [(request: String, errors: [String])] = [
    ("GET /", ["StreamClosedError", "CancellationError"]),
    ("GET /?stubborn=1", ["StreamClosedError"]),
    ("PUT /", ["HTTPBodyError", "CancellationError"]),
    ("PUT /?stubborn=1", ["HTTPBodyError"]),
    ("DELETE /", ["CancellationError"]),
    ("DELETE /?stubborn=1", ["StreamClosedError"]),
]

/// Sends a request and disconnects once `begun` has returned.
private func disconnect(
    _ port: UInt16, _ request: String, isReset: Bool, begun: () async throws -> Void
) async throws {
    let client = try TestClient(port: port)
    let length = request.hasPrefix("PUT") ? "Content-Length: 1000\r\n" : ""
    try client.send("\(request) HTTP/1.1\r\nHost: a\r\n\(length)\r\n")
    if request.hasPrefix("PUT") { try client.send("some of it") }
    try await begun()
    if isReset { client.reset() }
    withExtendedLifetime(client) {}
}

/// Fault 8: a client that disconnects is no error of the application.
@Suite("Clients that disconnect", .serialized)
struct DisconnectTests {
    @Test("fault 8: a handler is not asked to log that its client has disconnected", arguments: testedBackends)
    func notLogged(backend: IOBackend) async throws {
        for departure in departures {
            for (isReset, isBegun) in [(false, true), (true, true), (false, false)] {
                let notes = Notes()
                let application = try Application([URLSpec("/") { LoggingHandler($0, notes) }])
                try await withServer(backend, application) { port in
                    try await disconnect(port, departure.request, isReset: isReset) {
                        guard isBegun else { return }
                        try await notes.wait(for: 1)
                        // Time for what the handler writes or reads.
                        try await Task.sleep(for: .milliseconds(50))
                    }
                    try await eventually("\(departure.request) ends") { notes.all.contains("onFinish") }
                }
                let all = notes.all
                // A request that was not begun when its client left may be given up without its handler.
                if !isBegun, all == ["onFinish"] { continue }
                #expect(all.count == 3 && all.first == "begun" && all.last == "onFinish", "\(departure): \(all)")
                #expect(departure.errors.contains(all.dropFirst().first ?? ""), "\(departure): \(all)")
            }
        }
    }

    @Test("fault 8: nothing is logged of clients that disconnect, by an application or a function")
    func nothingInLog() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent, \.standardOutputContent]
        ) {
            for backend in testedBackends {
                let (begun, ended) = (Notes(), Notes())
                let application = try Application([
                    URLSpec(.get, "/flush") { handler in
                        begun.note("flush")
                        defer { ended.note("ended") }
                        while true {
                            handler.write([UInt8](repeating: 120, count: 100_000))
                            try await handler.flush()
                        }
                    },
                    URLSpec(.put, "/collect") { _ in ended.note("called for half a body") },
                    URLSpec(.get, "/sleep") { handler in
                        begun.note("sleep")
                        defer { ended.note("ended") }
                        try await handler.sleep(for: .seconds(60))
                    },
                ])
                try await withServer(backend, application) { port in
                    for isReset in [false, true] {
                        for request in ["GET /flush", "PUT /collect", "GET /sleep"] {
                            let count = begun.all.count
                            try await disconnect(port, request, isReset: isReset) {
                                if request.hasPrefix("GET") { try await begun.wait(for: count + 1) }
                                try await Task.sleep(for: .milliseconds(50))
                            }
                        }
                    }
                    try await ended.wait(for: 4)
                }
                precondition(ended.all.allSatisfy { $0 == "ended" })
                let called = Notes()
                let loops = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
                let server = LoopHeld<HTTPServer?>(nil)
                let port = try await loops.map { _, loop in
                    let made = HTTPServer(loop, configuration: .tested) { request in
                        begun.note("flush")
                        defer { called.note("ended") }
                        while true {
                            request.connection.write([UInt8](repeating: 120, count: 100_000))
                            try await request.connection.flush()
                        }
                    }
                    try made.listen(port: 0, address: "127.0.0.1")
                    server.value = made
                    return made.port ?? 0
                }[0]
                for isReset in [false, true] {
                    let count = begun.all.count
                    try await disconnect(port, "GET /", isReset: isReset) {
                        try await begun.wait(for: count + 1)
                        try await Task.sleep(for: .milliseconds(50))
                    }
                }
                try await called.wait(for: 2)
                _ = try await loops.map { _, _ in
                    server.value?.stop()
                    server.value = nil
                }
                await loops.stop()
            }
            // What the process writes while it ends is not observed.
            LogWriters.flush(within: .seconds(10))
        }
        let output = [result?.standardErrorContent ?? [], result?.standardOutputContent ?? []]
            .map { String(decoding: $0, as: UTF8.self) }.joined()
        for word in ["Uncaught", "[E ", "[W "] { #expect(!output.contains(word), "\(output)") }
    }

    @Test(
        "fault 8: a service that the handler asks and that disconnects is an error as before", arguments: testedBackends
    )
    func upstream(backend: IOBackend) async throws {
        let closing = try Application([URLSpec(.get, "/") { _ in }])
        // It closes its idle connections soon.
        try await withServer(backend, closing, configure: { $0.idleTimeout = .milliseconds(50) }) { upstream in
            let notes = Notes()
            final class Asking: RequestHandler {
                var notes: Notes?
                override func get() async throws {
                    let port = UInt16(try getArgument("port", default: "")) ?? 0
                    let stream = try await TCPClient(loop).connect(host: "127.0.0.1", port: port)
                    defer { stream.close() }
                    _ = try await stream.readUntil("never")
                }
                override func logException(_ error: any Error) { notes?.note("logged \(type(of: error))") }
            }
            let application = try Application([
                URLSpec("/") { context -> Asking in
                    let handler = Asking(context)
                    handler.notes = notes
                    return handler
                }
            ])
            try await withServer(backend, application) { port in
                let client = try TestClient(port: port)
                #expect(try client.get("/?port=\(upstream)").status == 500)
                #expect(notes.all == ["logged StreamClosedError"])
                #expect(try client.get("/?port=\(upstream)").status == 500, "the connection lives on")
            }
        }
    }

    @Test("fault 8: what the log says of an error that is the application's own")
    func errorInLog() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent, \.standardOutputContent]
        ) {
            struct Mishap: Error {}
            let application = try Application([URLSpec(.get, "/") { _ in throw Mishap() }])
            try await withServer(.epoll, application) { port in
                let response = try TestClient(port: port).get("/")
                precondition(response.status == 500)
            }
            LogWriters.flush(within: .seconds(10))
        }
        let output = [result?.standardErrorContent ?? [], result?.standardOutputContent ?? []]
            .map { String(decoding: $0, as: UTF8.self) }.joined()
        // By this the words of the test above are known to be those of the log.
        #expect(output.contains("Uncaught") && output.contains("[E "), "\(output)")
    }
}
