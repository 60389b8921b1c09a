public import TwisterIO

/// What an `HTTPServer` asks for each request: an application, or anything else that responds to requests.
///
/// One delegate serves every loop, so it is `Sendable`; the message delegates that it gives out belong to one loop.
///
/// Tornado: `httputil.HTTPServerConnectionDelegate`.
public protocol HTTPServerConnectionDelegate: AnyObject, Sendable {
    /// A request's head has arrived. Called on the loop's thread; must not block.
    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate

    /// Tells the delegate that a server on `loop` will call it. Called on the loop's thread, once for each server.
    func willServe(on loop: IOLoop)
}

extension HTTPServerConnectionDelegate {
    /// Nothing is done.
    public func willServe(on loop: IOLoop) {}
}

/// Takes one request and responds to it. The calls come in the order in which they stand here, on the loop's thread.
///
/// Tornado: `httputil.HTTPMessageDelegate`.
public protocol HTTPMessageDelegate: LoopJob {
    /// How the body is to be delivered, decided by the head alone.
    func headersReceived() -> HTTPBodyDelivery

    /// Responds to the request through `request.connection`. Called once the whole body has come or, for a streamed body, at
    /// once. A response that is not finished when this returns is finished then.
    func execute() async throws

    /// Responds to the error that `execute` has thrown.
    func executionFailed(_ error: any Error) async

    /// The client disconnected before the response was finished. Called at most once. Where `cancelsOnDisconnect` is true, the
    /// task that runs `execute` is cancelled, too.
    func onConnectionClose()

    /// The server has begun to shut down: a handler that waits for something, or streams, should come to its end. Called at
    /// most once, while `execute` runs or is about to. At the shutdown's deadline, the task that runs `execute` is cancelled.
    func onShutdown()

    /// Whether the task that runs `execute` is cancelled when the client disconnects.
    var cancelsOnDisconnect: Bool { get }

    /// The exchange is over, with or without a response, and `execute` has returned. Called exactly once for each delegate.
    func exchangeEnded()
}

extension HTTPMessageDelegate {
    /// Collected, up to the server's limit.
    public func headersReceived() -> HTTPBodyDelivery { .collected(limit: nil) }
    /// Nothing is done.
    public func onConnectionClose() {}
    /// Nothing is done.
    public func onShutdown() {}
    /// A label without a route and a handler.
    public var label: JobLabel { .unknown }
    /// True.
    public var cancelsOnDisconnect: Bool { true }
    /// Nothing is done.
    public func exchangeEnded() {}
}

/// How a request's body reaches its delegate.
public enum HTTPBodyDelivery: Sendable {
    /// Whole, in `request.body`, before `execute`. `limit` in bytes; nil: the server's `maxBodySize`. Over it: 413.
    case collected(limit: Int?)
    /// Piece by piece, from `request.bodyStream`, while `execute` runs. `limit` in bytes; nil: none.
    case streamed(limit: Int?)
}
