import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// A response that sends events to a page for as long as both sides like (`text/event-stream`; WHATWG HTML, 9.2).
///
///     URLSpec(.get, "/ticks") { handler in
///         EventStream { events in
///             for await tick in clock.ticks { try await events.send(tick, id: tick.number) }
///         }
///     }
///
/// In a handler class: `try await EventStream { events in … }.respond(self)`.
///
/// The closure runs on the handler's loop. Its task is cancelled when the client disconnects, and when the server begins to
/// shut down; in the second case the response ends as a complete one, and the page connects again to another server. A response
/// to HEAD is only the head.
///
/// The response gets `Cache-Control: no-cache` and `X-Accel-Buffering: no` (proxies would keep events back), unless the handler
/// has set these fields.
public struct EventStream: ResponseValue {
    private let heartbeat: Duration?
    private let since: String?
    private let body: (EventWriter) async throws -> Void

    /// - Parameters:
    ///   - heartbeat: the time without an event after which a comment is sent, so that proxies keep the connection open and a
    ///     client that has vanished is noticed; nil: no comments are sent. Default 15 s.
    ///   - since: the identifier of the last event that the client has, for `EventWriter.since`. Default: the request's field
    ///     `Last-Event-ID`.
    ///   - body: sends the events. The response ends when it returns.
    public init(
        heartbeat: Duration? = .seconds(15), since: String? = nil,
        _ body: @escaping (_ events: EventWriter) async throws -> Void
    ) {
        self.heartbeat = heartbeat
        self.since = since
        self.body = body
    }

    /// Sends what is published: first what the client has missed since its last event, as far as it is still known.
    public init<Value: Sendable>(
        from broadcaster: EventBroadcaster<Value>, heartbeat: Duration? = .seconds(15), since: String? = nil
    ) {
        self.init(heartbeat: heartbeat, since: since) { events in try await events.send(from: broadcaster) }
    }

    /// Writes the stream as the response, until it ends.
    public func respond(_ handler: RequestHandler) async throws {
        let head = handler.connection.head
        try handler.setHeader(.contentType, "text/event-stream")
        if !head.contains(.cacheControl) { try handler.setHeader(.cacheControl, "no-cache") }
        if let name = HTTPField.Name("X-Accel-Buffering"), !head.contains(name) { try handler.setHeader(name, "no") }
        guard handler.request.method != .head else { return }
        let events = EventWriter(handler, heartbeat: heartbeat, since: since ?? handler.lastEventID)
        try await events.run(body)
    }
}

extension RequestHandler {
    /// The identifier of the last event that the client has received, where it connects again to an event stream; nil: none. The
    /// client may send anything here.
    public final var lastEventID: String? {
        guard let name = HTTPField.Name("Last-Event-ID"), let value = request.headers[name], !value.isEmpty else {
            return nil
        }
        return value
    }
}
