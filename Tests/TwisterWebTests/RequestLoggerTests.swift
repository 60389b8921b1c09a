import HTTPTypes
import Logging
import Testing
import TwisterHTTP
import TwisterTestSupport

@testable import TwisterIO
@testable import TwisterWeb

/// Keeps what is logged. One for the process, since the loggers are.
private struct NotingHandler: LogHandler {
    static let notes = Notes()

    var logLevel = Logger.Level.debug
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        Self.notes.note("\(event.level) \(event.message) \(all.map { "\($0.key)=\($0.value)" }.joined(separator: " "))")
    }
}

private final class LoggingHandler: RequestHandler {
    override func get() async throws {
        logger[metadataKey: "user"] = "me"
        logger.info("first of \(requestID)")
        await Task.yield()
        logger.info("second")
        write(requestID)
    }

    override func post() async throws { throw TestFailure("on purpose") }
    override func put() async throws { throw HTTPError(422, "on purpose") }
    override func patch() async throws { throw FormError.unsupportedType }
    override func options() async throws { throw HTTPError(503, "busy") }
    override func delete() async throws {
        setStatus(503)
        write("\(getStatus().reasonPhrase)|")
        setStatus(200, reason: "Fine")
        write(
            "\(getStatus().reasonPhrase)|\(HTTPError(503, "on purpose"))|\(HTTPError(HTTPResponse.Status(code: 404)))")
    }
}

@Suite("A request's own logger", .serialized)
struct RequestLoggerTests {
    /// The lines that are logged during `body` for requests whose identifiers begin with `prefix`.
    private func logged(
        _ backend: IOBackend, _ prefix: String, ids: Bool, _ body: (TestClient) async throws -> Void
    ) async throws -> [String] {
        let before = LogState.current
        defer { LogState.use(before) }
        Log.use(Logger(label: "test", factory: { _ in NotingHandler() }))
        let application = try Application([URLSpec("/", LoggingHandler.self)])
        try await withServer(backend, application, configure: { $0.requestIDs = ids }) {
            try await body(try TestClient(port: $0))
        }
        return NotingHandler.notes.all.filter { $0.contains("request_id=\(prefix)") }
    }

    private static func request(_ method: String, _ id: String) -> String {
        "\(method) / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \(id)\r\nContent-Length: 0\r\n\r\n"
    }

    @Test("X-52: each line of a request has its identifier", arguments: testedBackends, [true, false])
    func lines(backend: IOBackend, ids: Bool) async throws {
        let prefix = "l-\(backend)-\(ids)"
        let lines = try await logged(backend, prefix, ids: ids) { client in
            let response = try client.ask(Self.request("GET", "\(prefix)-1"))
            #expect(response.text == "\(prefix)-1")
            #expect(response.field("X-Request-Id") == (ids ? "\(prefix)-1" : nil))
            _ = try client.ask(Self.request("POST", "\(prefix)-2"))
            _ = try client.ask(Self.request("PUT", "\(prefix)-3"))
            _ = try client.ask(Self.request("PATCH", "\(prefix)-4"))
            _ = try client.ask(Self.request("OPTIONS", "\(prefix)-5"))
        }
        #expect(
            lines == [
                "info first of \(prefix)-1 request_id=\(prefix)-1 user=me",
                "info second request_id=\(prefix)-1 user=me",
                "error Uncaught exception POST / (127.0.0.1): on purpose request_id=\(prefix)-2",
                "debug 422 PUT / (127.0.0.1): HTTP 422 Unprocessable Content (on purpose) request_id=\(prefix)-3",
                // Clients decide how many of these there are.
                "debug 415 PATCH / (127.0.0.1): not a form of type multipart/form-data request_id=\(prefix)-4",
                "warning 503 OPTIONS / (127.0.0.1): HTTP 503 Service Unavailable (busy) request_id=\(prefix)-5",
            ])
    }

    @Test("X-52: a request that came without an identifier gets one when it asks", arguments: testedBackends)
    func made(backend: IOBackend) async throws {
        _ = try await logged(backend, "none", ids: false) { client in
            let first = try client.get("/").text
            let second = try client.get("/").text
            #expect(first.count > 8 && first != second)
            #expect(NotingHandler.notes.all.contains("info second request_id=\(second) user=me"))
        }
    }

    @Test(
        "X-52: a response has an identifier where the server gives them, whatever the handler logs",
        arguments: testedBackends)
    func field(backend: IOBackend) async throws {
        final class Observer: ExchangeObserver {
            let notes = Notes()
            func exchangeBegan(_ record: ExchangeRecord) {}
            func exchangeEnded(_ record: ExchangeRecord) { notes.note(record.requestID == nil ? "none" : "one") }
        }
        let routes = [
            URLSpec(.get, "/quiet") { _ in "" },
            URLSpec(.get, "/logging") { handler in
                handler.logger.debug("a line")
                return ""
            },
            URLSpec(.get, "/failing") { (_: RequestHandler) throws in throw TestFailure("on purpose") },
        ]
        for ids in [true, false] {
            let observer = Observer()
            try await withServer(
                backend, try Application(routes),
                configure: {
                    $0.requestIDs = ids
                    $0.observers = [observer]
                }
            ) { port in
                for path in ["/quiet", "/logging", "/failing"] {
                    let response = try TestClient(port: port).get(path)
                    #expect((response.field("X-Request-Id") != nil) == ids, "\(path)")
                }
                try await observer.notes.wait(for: 3)
            }
            // Who reads the access log can still find the lines of a handler that has logged something.
            #expect(observer.notes.all == [ids ? "one" : "none", "one", "one"])
        }
    }

    @Test("a status has its usual reason, or the one that was set", arguments: testedBackends)
    func reasons(backend: IOBackend) async throws {
        _ = try await logged(backend, "none", ids: false) { client in
            let text = try client.ask(Self.request("DELETE", "r-1")).text
            #expect(text == "Service Unavailable|Fine|HTTP 503 Service Unavailable (on purpose)|HTTP 404 Not Found")
        }
    }

    @Test("N-48: a status that is set after the response was sent is not logged", arguments: testedBackends)
    func lateStatus(backend: IOBackend) async throws {
        final class Late: RequestHandler {
            override func get() async throws {
                finish("done")
                setStatus(500)
            }
        }
        final class Statuses: ExchangeObserver {
            let notes = Notes()
            func exchangeBegan(_ record: ExchangeRecord) {}
            func exchangeEnded(_ record: ExchangeRecord) { notes.note("\(record.status ?? 0)") }
        }
        let observer = Statuses()
        let application = try Application([URLSpec("/", Late.self)])
        try await withServer(backend, application, configure: { $0.observers = [observer] }) { port in
            let response = try TestClient(port: port).get("/")
            #expect(response.status == 200)
            try await observer.notes.wait(for: 1)
        }
        #expect(observer.notes.all == ["200"])
    }
}
