import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Makes the handlers of a route, and knows the traits of their class.
final class HandlerRoute: Sendable {
    let handlerType: RequestHandler.Type
    let traits: HandlerTraits
    /// Nil: the class's own initializer makes the handlers.
    private let make: (@Sendable (consuming HandlerContext) -> RequestHandler)?

    init(
        _ handlerType: RequestHandler.Type,
        _ make: (@Sendable (consuming HandlerContext) -> RequestHandler)? = nil
    ) {
        self.handlerType = handlerType
        self.make = make
        traits = HandlerTraits(handlerType)
    }

    /// Takes the context, so that its references pass to the handler without being counted.
    func makeHandler(_ context: consuming HandlerContext) -> RequestHandler {
        if let make { makeByClosure(context, make) } else { handlerType.init(context) }
    }

    /// Ends the program where the closure returns a handler of another request: that handler's response would go to the
    /// other request's client.
    private func makeByClosure(
        _ context: consuming HandlerContext, _ make: @Sendable (consuming HandlerContext) -> RequestHandler
    ) -> RequestHandler {
        let expected = ObjectIdentifier(context.request.connection)
        let handler = make(context)
        if ObjectIdentifier(handler.request.connection) != expected { failHandlerOfOtherRequest() }
        return handler
    }

    @inline(never)
    private func failHandlerOfOtherRequest() -> Never {
        fatalError(
            """
            The closure that makes the handlers of a route (\(handlerType)) returned a handler that belongs to another \
            request. A handler serves one request: have the closure make a new one, from the context that it gets, each \
            time that it is called.
            """)
    }

    // MARK: Routes of every application

    /// The route of paths that no other route matches.
    static let notFound = HandlerRoute(ErrorHandler.self) { ErrorHandler($0, .notFound) }
    /// The route of paths whose arguments cannot be decoded.
    static let badRequest = HandlerRoute(ErrorHandler.self) { ErrorHandler($0, .badRequest) }
    /// The route of `OPTIONS *`.
    static let serverOptions = HandlerRoute(ServerOptionsHandler.self)
    /// The route of CONNECT.
    static let connect = HandlerRoute(ConnectHandler.self)
}

/// What holds for all handlers of a class, found out once, when their route is made. It is plain memory, so that reading it
/// counts no references.
struct HandlerTraits: Sendable {
    let ownMethods: RequestMethodSet
    let overridesPrepare: Bool
    let requestBody: RequestBodyMode
    let maxBodySize: Int?
    /// Whether anything runs before the request's method.
    var hasPrelude: Bool { overridesPrepare || requestBody == .dataReceived }

    /// Where nothing but `RequestHandler` is known of the handlers' class, every function is taken to be overridden.
    init(_ type: RequestHandler.Type) {
        let isKnown = type != RequestHandler.self
        let overrides = isKnown ? MethodOverrides.shared.of(type) : Set(OverridableMethod.allCases)
        ownMethods = RequestMethodSet(overrides.compactMap(\.requestMethod))
        overridesPrepare = overrides.contains(.prepare)
        requestBody = type.requestBody
        maxBodySize = type.maxBodySize
    }
}

/// A set of methods, as one bit each.
struct RequestMethodSet: Sendable {
    private var bits: UInt16 = 0

    init(_ methods: some Sequence<RequestMethod>) {
        for method in methods { bits |= Self.bit(method) }
    }

    func contains(_ method: RequestMethod) -> Bool { bits & Self.bit(method) != 0 }

    private static func bit(_ method: RequestMethod) -> UInt16 { 1 << UInt16(method.rawValue) }
}

// MARK: - Handlers of every application

/// Responds to every request with one status. Tornado: `web.ErrorHandler`.
private final class ErrorHandler: RequestHandler {
    private let status: HTTPResponse.Status

    init(_ context: HandlerContext, _ status: HTTPResponse.Status) {
        self.status = status
        super.init(context)
    }

    required init(_ context: HandlerContext) {
        status = .notFound
        super.init(context)
    }

    // The response depends on the request's head alone.
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws { throw HTTPError(status) }
    // Such requests are ordinary traffic and no error of the application.
    override func logException(_ error: any Error) {}
}

/// The methods that handlers may serve: the methods of the server as a whole.
private let serverMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

/// Responds to `OPTIONS *` with the methods of the server as a whole.
private final class ServerOptionsHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws {
        guard request.method == .options else { throw HTTPError(.badRequest) }
        setStatus(.noContent)
        setTrustedHeader(.allow, serverMethods)
        finish()
    }
}

/// Refuses CONNECT, since the server makes no tunnels. The connection closes, because the client may already send bytes that
/// are meant for the tunnel.
private final class ConnectHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }
    override func prepare() async throws {
        let headers: HTTPFields = [.allow: serverMethods, .connection: "close"]
        throw HTTPError(.methodNotAllowed, headers: headers)
    }

    override func logException(_ error: any Error) {}
}
