import FoundationEssentials
import TwisterHTTP
import TwisterIO

/// Sends the events of an `EventStream`. It belongs to the stream's closure, and to the loop that serves the request.
public final class EventWriter {
    /// The identifier of the last event that the client has; nil: it has none. The client may have sent anything.
    public let since: String?
    private let handler: RequestHandler
    private let heartbeat: Duration?
    private let loop: IOLoop
    private var state = State.running
    private var timer: IOLoop.Timeout?
    private var lastSent: IOLoop.Instant
    /// Cancels the closure's task.
    private var cancel: () -> Void = {}

    private enum State {
        case running
        /// The server shuts down: the closure is cancelled, and the response ends as a whole one.
        case ending
        /// The client is too slow, and its connection was closed.
        case cut
        case over
    }

    init(_ handler: RequestHandler, heartbeat: Duration?, since: String?) {
        self.handler = handler
        self.heartbeat = heartbeat
        self.since = since
        loop = handler.loop
        lastSent = loop.time()
    }

    // MARK: Sending

    /// Sends text as an event, and waits while the client lags behind.
    ///
    /// - Parameters:
    ///   - text: what the client gets; may have several lines.
    ///   - id: the event's identifier, of which the client sends the last one when it connects again.
    ///   - event: the name by which the page listens for it; nil: `message`.
    ///   - retry: how long the client waits before it connects again.
    /// - Throws: `EventStreamError`; `StreamClosedError` or `CancellationError` once the client has disconnected.
    public func send(
        _ text: String, id: (any CustomStringConvertible)? = nil, event: String? = nil, retry: Duration? = nil
    ) async throws {
        try await send(ServerSentEvent(text, id: id?.description, event: event, retry: retry))
    }

    /// Sends a value as JSON, by the encoder of the setting `jsonEncoder`.
    ///
    /// - Throws: `EncodingError`, and as `send` for text.
    public func send(
        _ value: some Encodable, id: (any CustomStringConvertible)? = nil, event: String? = nil, retry: Duration? = nil
    ) async throws {
        let json = try handler.application.settings.encodeJSON(value)
        try await send(String(decoding: json, as: UTF8.self), id: id, event: event, retry: retry)
    }

    /// Sends an event.
    ///
    /// - Throws: as `send` for text.
    public func send(_ event: ServerSentEvent) async throws { try await write([event.encoded()]) }

    /// Sends a comment, which clients ignore.
    ///
    /// - Throws: as `send` for text.
    public func comment(_ text: String) async throws { try await write([ServerSentEvent.comment(text)]) }

    /// Sends what is published, until the broadcaster finishes: first what the client has missed, by its last event's identifier
    /// (`since`). A client that is too slow loses events or its connection, by the broadcaster's policy.
    ///
    /// - Throws: as `send` for text.
    public func send<Value>(from broadcaster: EventBroadcaster<Value>) async throws {
        let held = Held(writer: self)
        let subscription = broadcaster.subscribe(since: since) {
            held.loop.addCallback { held.writer?.disconnect() }
        }
        defer { broadcaster.unsubscribe(subscription) }
        if subscription.hasMissed, let notice = broadcaster.missedNotice { try await write([notice]) }
        while let events = try await broadcaster.next(subscription) { try await write(events) }
    }

    /// Lets the broadcaster name the writer from any thread. Sendable, because the writer is used on its loop's thread only,
    /// and a weak reference may be made strong on any.
    private final class Held: @unchecked Sendable {
        private(set) weak var writer: EventWriter?
        let loop: IOLoop
        init(writer: EventWriter) {
            self.writer = writer
            loop = writer.loop
        }
    }

    private func write(_ events: [[UInt8]]) async throws {
        handler.connection.checkThread("EventWriter.send")
        guard state == .running else { throw CancellationError() }
        for event in events { handler.connection.write(event) }
        lastSent = loop.time()
        try await handler.flush()
    }

    // MARK: The course of the stream

    /// Runs the stream's closure in a task of its own, which can be cancelled while the handler goes on.
    func run(_ body: @escaping (EventWriter) async throws -> Void) async throws {
        if handler.connection.isToldOfShutdown { return }
        // The head goes out at once: the page learns that it is connected.
        try await handler.flush()
        let work = OnLoopWork { [self] in try await body(self) }
        let task = Task(executorPreference: loop) { try await work.run() }
        cancel = { task.cancel() }
        let course = handler.madeResponseCourse
        let shutdownAction = course.addShutdownAction { [weak self] in self?.end() }
        startTimer()
        defer {
            course.removeShutdownAction(shutdownAction)
            close()
        }
        do {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch is CancellationError where state == .ending {
            // The response ends here.
        } catch  where state == .cut {
            // The connection is closed, and the broadcaster has counted it.
        }
    }

    private func close() {
        if let timer { loop.removeTimeout(timer) }
        timer = nil
        cancel = {}
        state = .over
    }

    private func end() {
        guard state == .running else { return }
        state = .ending
        cancel()
    }

    private func disconnect() {
        guard state == .running else { return }
        state = .cut
        handler.connection.abort()
        cancel()
    }

    // MARK: The heartbeat

    /// Starts the timer of the stream. An event only notes its time; the timer checks that time when it is due.
    private func startTimer() {
        guard let heartbeat else { return }
        timer = loop.callAt(lastSent.advanced(by: max(heartbeat, .milliseconds(1)))) { [weak self] in
            self?.timerDue(heartbeat)
        }
    }

    private func timerDue(_ heartbeat: Duration) {
        guard state == .running else { return }
        if lastSent.duration(to: loop.time()) >= heartbeat {
            lastSent = loop.time()
            // Bytes are on their way to a client that lags behind, so that it needs no heartbeat.
            handler.connection.writeIfReady([UInt8](":\n\n".utf8))
        }
        startTimer()
    }
}
