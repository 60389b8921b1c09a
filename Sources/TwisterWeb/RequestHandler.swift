public import HTTPTypes
import TwisterCodec
public import TwisterHTTP
public import TwisterIO

/// Responds to one request. Subclass it and override the methods that it serves:
///
///     final class Greeting: RequestHandler {
///         override func get() async throws {
///             write("Hello, \(pathArguments[0] ?? "World")!")
///         }
///     }
///
/// One handler is made for each request, on the thread of the loop that serves it, and everything it awaits comes back to
/// that thread; used on another one, it ends the program with a message. A subclass with stored properties gives them
/// defaults, or is made by the closure form of `URLSpec`.
///
/// Written bytes are gathered. A response is finished when its method returns; until something was flushed, status and
/// fields can still be changed, and an error replaces the whole response.
///
/// Tornado: `web.RequestHandler`.
open class RequestHandler {
    /// The application that the handler belongs to. Tornado: `RequestHandler.application`.
    ///
    /// Not retained: the request's exchange keeps every application that made a handler for it, and the handler keeps the
    /// exchange. A strong reference costs 39 instructions for each request, two of them atomic operations on memory that all
    /// loops share.
    public final unowned(unsafe) let application: Application
    /// The request to respond to. Tornado: `RequestHandler.request`.
    public final let request: HTTPServerRequest
    private final let arguments: BoxedArguments?
    /// Not retained: the application keeps its routes. A strong reference costs 35 instructions for each request.
    final unowned(unsafe) let route: HandlerRoute

    /// Made by the application; subclasses that declare an initializer pass the context on.
    public required init(_ context: HandlerContext) {
        application = context.application
        request = context.request
        arguments = context.arguments
        route = context.route
    }

    /// The values that the groups of the URL's pattern matched, decoded. Tornado: `path_args`, `path_kwargs`.
    public final var pathArguments: PathArguments { arguments?.value ?? .none }
    final var connection: HTTPConnection { request.connection }
    /// The parts of a form of type `multipart/form-data`.
    final var form: [MultipartParser.Part]?

    // MARK: Functions for subclasses to override

    /// Called before everything else. Tornado: `RequestHandler.initialize`.
    open func initialize() {}

    /// Called before the method; a response that it finishes ends the request. Tornado: `RequestHandler.prepare`.
    open func prepare() async throws {}

    open func get() async throws { throw HTTPError(.methodNotAllowed) }
    /// Responds as `get`, without the body, where that is overridden.
    open func head() async throws {
        guard route.traits.ownMethods.contains(.get) else { throw HTTPError(.methodNotAllowed) }
        try await get()
    }
    open func post() async throws { throw HTTPError(.methodNotAllowed) }
    open func put() async throws { throw HTTPError(.methodNotAllowed) }
    open func patch() async throws { throw HTTPError(.methodNotAllowed) }
    open func delete() async throws { throw HTTPError(.methodNotAllowed) }
    /// Responds with 204 and the methods that are served, in `Allow`.
    open func options() async throws {
        setStatus(.noContent)
        try setHeader(.allow, allowedMethodsText)
    }

    /// Serves a method that has no function of its own (PROPFIND and the like). Default: 501 (RFC 9110, 9.1).
    open func other(_ method: HTTPRequest.Method) async throws { throw HTTPError(.notImplemented) }

    /// How the request's body reaches the handler. Tornado: the decorator `stream_request_body`.
    open class var requestBody: RequestBodyMode { .collected }

    /// The longest request body, in bytes; nil: the server's `maxBodySize` for a collected body, no limit for a streamed one.
    open class var maxBodySize: Int? { nil }

    /// With `.dataReceived`: the next bytes of the body; the client is held up while this waits.
    ///
    /// Tornado: `RequestHandler.data_received`.
    open func dataReceived(_ chunk: [UInt8]) async throws {}

    /// The client disconnected before the response was finished. Tornado: `RequestHandler.on_connection_close`.
    open func onConnectionClose() {}

    /// Whether the handler's task is cancelled when the client disconnects. Default true.
    open var cancelsOnDisconnect: Bool { true }

    /// The request is over, responded to or not, and its method has returned; exactly once. Tornado: `RequestHandler.on_finish`.
    open func onFinish() {}

    /// Writes the page for an error; the status is set. Default: HTML or problem details (RFC 9457), by the request's
    /// `Accept`, which tell the client the status and nothing of the error itself.
    ///
    /// Tornado: `RequestHandler.write_error`.
    open func writeError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
        connection.writeErrorPage(reason: getReason())
    }

    /// Logs an error of the handler. Default: an `HTTPError` that reports a mistake of the client (under 500, or 501) at
    /// debug level, everything else as an error.
    ///
    /// Tornado: `RequestHandler.log_exception`.
    open func logException(_ error: any Error) {
        application.logException(error, self)
    }

    // MARK: Methods

    /// The methods that the handler serves, for `Allow` (RFC 9110, 10.2.1).
    var allowedMethods: [RequestMethod] { Self.allowedMethods(for: route.traits.ownMethods) }

    /// Whether the handler has a function of its own for that method.
    func serves(_ method: RequestMethod) -> Bool {
        method == .other ? route.traits.ownMethods.contains(.other) : allowedMethods.contains(method)
    }

    var allowedMethodsText: String {
        allowedMethods.compactMap { $0.httpTypes?.rawValue }.joined(separator: ", ")
    }

    /// In the usual order; HEAD comes with GET, and OPTIONS is always served.
    static func allowedMethods(for own: RequestMethodSet) -> [RequestMethod] {
        let order: [RequestMethod] = [.get, .head, .post, .put, .patch, .delete, .options]
        return order.filter { own.contains($0) || $0 == .options || $0 == .head && own.contains(.get) }
    }

    // MARK: The loop

    /// The loop that serves the request.
    public var loop: IOLoop { connection.loop }

    /// Suspends this handler for `duration`; the loop serves other requests meanwhile. Tornado: `gen.sleep`.
    ///
    /// - Throws: `CancellationError` once the client has disconnected.
    public func sleep(for duration: Duration) async throws { try await loop.sleep(for: duration) }
}

/// How a request's body reaches its handler.
public enum RequestBodyMode: Sendable {
    /// As a whole, in `request.body`, before `prepare`.
    case collected
    /// Piece by piece, from `request.bodyStream`, which the method reads.
    case streamed
    /// Piece by piece, by `dataReceived`, between `prepare` and the method.
    case dataReceived
}

/// The request and the route that a handler is made for. Every initializer of a `RequestHandler` subclass passes it on.
///
/// The exchange of `request` keeps the application, which keeps its routes. Strong references to both cost 93 instructions for
/// each request.
public struct HandlerContext {
    unowned(unsafe) let application: Application
    let request: HTTPServerRequest
    /// Nil where the route has none, which costs no reference.
    let arguments: BoxedArguments?
    unowned(unsafe) let route: HandlerRoute
}
