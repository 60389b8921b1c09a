public import TwisterIO

/// What an `HTTPServer` asks for each request: an application, or anything that answers requests.
///
/// One delegate serves every loop, so it is `Sendable`; what it gives out belongs to one loop.
///
/// Tornado: `httputil.HTTPServerConnectionDelegate`.
public protocol HTTPServerConnectionDelegate: AnyObject, Sendable {
    /// A request's head has arrived. Called on the loop's thread; must not block.
    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate

    /// A server on `loop` will ask it. Called on the loop's thread, once for each server.
    func willServe(on loop: IOLoop)
}

extension HTTPServerConnectionDelegate {
    /// Nothing is done.
    public func willServe(on loop: IOLoop) {}
}

/// What takes one request and answers it. The calls come in the order in which they stand here, on the loop's thread.
///
/// Tornado: `httputil.HTTPMessageDelegate`.
public protocol HTTPMessageDelegate: LoopJob {
    /// How the body is to be delivered, told by the head alone.
    func headersReceived() -> HTTPBodyDelivery

    /// Answers the request through `request.connection`: once its body is there or, for a streamed one, at once. An answer
    /// that is not finished when it returns is finished then.
    func execute() async throws

    /// Answers for what `execute` threw.
    func executionFailed(_ error: any Error) async

    /// The client has gone before the answer was finished. At most once. The task that runs `execute` is cancelled too,
    /// where `cancelsWhenClientGoes`.
    func onConnectionClose()

    /// Whether the task that runs `execute` is cancelled when the client goes.
    var cancelsWhenClientGoes: Bool { get }

    /// The exchange is over: answered, or given up. Exactly once for each delegate.
    func exchangeEnded()
}

extension HTTPMessageDelegate {
    /// Collected, up to the server's limit.
    public func headersReceived() -> HTTPBodyDelivery { .collected(limit: nil) }
    /// Nothing is done.
    public func onConnectionClose() {}
    /// It is.
    public var cancelsWhenClientGoes: Bool { true }
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
