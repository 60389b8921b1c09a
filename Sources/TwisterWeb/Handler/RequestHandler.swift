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
/// One handler is made for each request, on the thread of the loop that serves it, and after each `await` it is back on that
/// thread. A handler that is used on another thread ends the program with a message. A handler that needs other objects is a
/// `RequestHandlerWith<State>`.
///
/// Written bytes are gathered, and the response is finished when the method returns. Until something is flushed, status and
/// fields can still be changed, and an error replaces the whole response.
///
/// Tornado: `web.RequestHandler`.
open class RequestHandler {
    /// What the handlers of the application share: its settings, the names of its routes. Tornado: `RequestHandler.application`.
    ///
    /// Not retained: the request's exchange keeps every application that made a handler for it, and the handler keeps the
    /// exchange. A strong reference costs 39 instructions for each request, two of them atomic operations on memory that all
    /// loops share.
    public final unowned(unsafe) let application: ApplicationServices
    /// The exchange, retained by hand; nil once a WebSocket's handler has released it. A strong reference in a variable would
    /// be retained and released at each use, and one in a constant could not be released.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    final var exchange: Unmanaged<HTTPConnection>?
    /// Loop and application of a handler that has released its exchange; nil where it still has the exchange. Also retained by
    /// hand: the release of an empty strong reference would be a call for each request.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    final var detachedContext: Unmanaged<DetachedContext>?
    private final let arguments: BoxedArguments?
    /// Not retained: the application keeps its routes. A strong reference costs 35 instructions for each request.
    final unowned(unsafe) let traits: HandlerTraits

    /// Made by the application; subclasses that declare an initializer pass the context on.
    public required init(_ context: HandlerContext) {
        application = context.application
        exchange = Unmanaged.passRetained(context.request.connection)
        arguments = context.arguments
        traits = context.traits
    }

    deinit {
        if let exchange { exchange.release() } else { detachedContext?.release() }
    }

    /// The request to respond to. Tornado: `RequestHandler.request`.
    public final var request: HTTPServerRequest { HTTPServerRequest(connection) }

    /// The values that the groups of the URL's pattern matched, decoded. Tornado: `path_args`, `path_kwargs`.
    public final var pathArguments: PathArguments { arguments?.value ?? .none }
    final var connection: HTTPConnection {
        @inline(__always)
        get {
            guard let exchange else { failWithoutRequest() }
            return exchange._withUnsafeGuaranteedRef { $0 }
        }
    }
    /// Calls `body` with the exchange without retaining it, for what nearly every request does.
    @inline(__always)
    final func withConnection<Result>(_ body: (HTTPConnection) throws -> Result) rethrows -> Result {
        guard let exchange else { failWithoutRequest() }
        return try exchange._withUnsafeGuaranteedRef { try body($0) }
    }
    final var extras: HandlerExtras?

    // MARK: Functions for subclasses to override

    /// Called before everything else. Tornado: `RequestHandler.initialize`.
    open func initialize() {}

    /// Sets header fields that every response of the handler has, those for errors, too. Called before everything else, and again
    /// when a response is begun anew for an error. Tornado: `RequestHandler.set_default_headers`.
    open func setDefaultHeaders() throws {}

    /// Called before the method; a response that it finishes ends the request. The header fields that it sets stay where the
    /// method throws an error, in contrast to those of the method. Tornado: `RequestHandler.prepare`.
    open func prepare() async throws {}

    open func get() async throws { throw HTTPError(.methodNotAllowed) }
    /// Serves HEAD. Default: as `get`, without the body, where `get` is overridden.
    open func head() async throws {
        guard traits.ownMethods.contains(.get) else { throw HTTPError(.methodNotAllowed) }
        try await get()
    }
    open func post() async throws { throw HTTPError(.methodNotAllowed) }
    open func put() async throws { throw HTTPError(.methodNotAllowed) }
    open func patch() async throws { throw HTTPError(.methodNotAllowed) }
    open func delete() async throws { throw HTTPError(.methodNotAllowed) }
    /// Serves OPTIONS. Default: 204, with the methods that are served in `Allow`.
    open func options() async throws {
        setStatus(.noContent)
        try setHeader(.allow, allowedMethodsText)
    }

    /// Serves a method that has no function of its own (PROPFIND and the like). Default: 501 (RFC 9110, 9.1).
    open func other(_ method: HTTPRequest.Method) async throws { throw HTTPError(.notImplemented) }

    /// How the request's body reaches the handler. Tornado: the decorator `stream_request_body`.
    open class var requestBody: RequestBodyMode { .collected }

    /// Whether HEAD is served wherever GET is. False only for handlers whose GET is not a response that can be had without its
    /// body.
    @_spi(TwisterServer) open class var servesHead: Bool { true }

    /// The rules under which requests of this class are served: who may send them, how large a body may be. Those of a route or
    /// of a group of routes take precedence. Default: none.
    open class var policy: Policy { Policy() }

    /// Gets the next bytes of the body, where `requestBody` is `.dataReceived`. Flow control slows the client down while this
    /// waits.
    ///
    /// Tornado: `RequestHandler.data_received`.
    open func dataReceived(_ chunk: [UInt8]) async throws {}

    /// The client disconnected before the response was finished. Tornado: `RequestHandler.on_connection_close`.
    open func onConnectionClose() {}

    /// The server has begun to shut down. A handler that waits for something, or streams, should come to its end now: at the
    /// shutdown's deadline its task is cancelled. Called at most once, while the handler runs or is about to.
    open func onShutdown() {}

    /// Whether the handler's task is cancelled when the client disconnects. Default true.
    open var cancelsOnDisconnect: Bool { true }

    /// The request is over, with or without a response, and its method has returned. Called exactly once.
    /// Tornado: `RequestHandler.on_finish`.
    open func onFinish() {}

    /// Decodes an argument of the path, the query or a form, whose percent escapes are already decoded. Default: UTF-8.
    ///
    /// - Parameters:
    ///   - value: the argument's bytes.
    ///   - name: the argument's name; nil for a group of the path that has none.
    /// - Throws: `HTTPError` 400 for bytes that are not UTF-8, or have more than 30 combining marks in a row.
    ///
    /// Tornado: `RequestHandler.decode_argument`.
    open func decodeArgument(_ value: [UInt8], _ name: String?) throws -> String {
        guard let text = ClientText.validated(value) else { throw HTTPError.undecodable(name) }
        return text
    }

    /// The text between the quotes of the response's `ETag`, or a weak tag `W/"…"`; nil: none. Called for a response to GET or
    /// HEAD whose status is 200, when the whole body is written. Default: a hash of the body where
    /// `ApplicationSettings.automaticETags` asks for it, else none.
    ///
    /// Tornado: `RequestHandler.compute_etag`.
    open func computeETag() -> String? { application.settings.automaticETags ? bodyHash : nil }

    /// The name of the user who sends the request; nil: nobody has logged in. Called at the first access to `currentUser`,
    /// unless that was set before. Default: the result of the setting `currentUser`, otherwise nil.
    /// Tornado: `RequestHandler.get_current_user`.
    open func getCurrentUser() -> String? { application.settings.currentUser?(self) }

    /// The URL at which clients log in: pages with the policy `authenticated` redirect clients there that are not logged in.
    /// Default: the setting `loginURL`. Tornado: `RequestHandler.get_login_url`.
    open func getLoginURL() -> String? { application.settings.loginURL }

    /// The language that the user has chosen; nil: the browser's languages decide. Default nil.
    /// Tornado: `RequestHandler.get_user_locale`.
    open func getUserLocale() -> WebLocale? { nil }

    /// Values that every template of the handler may name. Default: none. Tornado: `RequestHandler.get_template_namespace`.
    open func templateValues() -> [String: Any] { [:] }

    /// Writes the page for an error; the status and its reason are set already. Default: the page that the setting `errorPage`
    /// writes, otherwise HTML or problem details (RFC 9457), by the request's `Accept`. These show the status and the `detail`
    /// of an `HTTPError`, and more of the error only where the setting `serveTraceback` is on.
    ///
    /// Tornado: `RequestHandler.write_error`.
    open func writeError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
        writeErrorPage(error)
    }

    /// Logs an error of the handler, with the request's identifier. Default: an `HTTPError` or a `FormError` that reports a
    /// mistake of the client (a status under 500, or 501) at debug level, or as a warning where the setting `debug` is on and the
    /// error has a message for the log, an `HTTPError` above 501 as a warning, and everything
    /// else as an error.
    ///
    /// Tornado: `RequestHandler.log_exception`.
    open func logException(_ error: any Error) {
        logFailure(error)
    }

    // MARK: Methods

    /// Whether the handler has a function of its own for that method.
    func serves(_ method: RequestMethod) -> Bool {
        let own = traits.ownMethods
        return method == .other
            ? own.contains(.other)
            : own.contains(method) || method == .options
                || method == .head && own.contains(.get)
    }

    /// Whether the request's method is refused with 405 or 501, whatever the request holds. A `prepare` may respond to any
    /// method.
    final var refusesMethod: Bool {
        !traits.overridesPrepare && !serves(withConnection { $0.requestHead.method })
    }

    /// The methods that are served on the request's path, for `Allow` (RFC 9110, 10.2.1).
    final var allowedMethodsText: String {
        (traits.pathMethods.allowed.compactMap { $0.httpTypes?.rawValue } + traits.otherMethods).joined(separator: ", ")
    }

    // MARK: The loop

    /// The loop that serves the request.
    public var loop: IOLoop { exchange?._withUnsafeGuaranteedRef { $0.loop } ?? loopAfterRelease }

    private var loopAfterRelease: IOLoop {
        guard let detachedContext else { failWithoutRequest() }
        return detachedContext._withUnsafeGuaranteedRef { $0.loop }
    }

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
    unowned(unsafe) let application: ApplicationServices
    let request: HTTPServerRequest
    /// Nil where the route has none, which costs no reference.
    let arguments: BoxedArguments?
    unowned(unsafe) let traits: HandlerTraits
}

/// Runs a handler's method, and everything that its route has around it.
protocol HandlerCourse: Sendable {
    func run(_ handler: RequestHandler) async throws
    /// The same course with an error in place of everything that the handler itself does.
    func refusing(_ error: HTTPError) -> any HandlerCourse
}

/// The values of the path's groups, behind one reference.
final class BoxedArguments {
    /// Replaced where the handler's class decodes arguments by itself.
    var value: PathArguments
    /// The groups' bytes, where the handler's class decodes them.
    let undecoded: [[UInt8]?]

    init(_ value: PathArguments, undecoded: [[UInt8]?] = []) {
        self.value = value
        self.undecoded = undecoded
    }
}

extension RequestHandler {
    /// Decodes the arguments of the path by `decodeArgument`.
    func decodePathArguments() throws {
        guard let arguments else { return }
        let names = arguments.value.names
        let values = try arguments.undecoded.enumerated().map { group, bytes in
            try bytes.map { try decodeArgument($0, names.indices.contains(group) ? names[group] : nil) }
        }
        arguments.value = PathArguments(values: values, names: names)
    }
}
