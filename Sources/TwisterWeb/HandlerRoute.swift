import HTTPTypes

/// How the handlers of a route are made, and what is known of their class.
final class HandlerRoute: Sendable {
    let handlerType: RequestHandler.Type
    let traits: HandlerTraits
    /// Nil: by the class's own initializer.
    private let make: (@Sendable (consuming HandlerContext) -> RequestHandler)?

    init(
        _ handlerType: RequestHandler.Type,
        _ make: (@Sendable (consuming HandlerContext) -> RequestHandler)? = nil
    ) {
        self.handlerType = handlerType
        self.make = make
        traits = HandlerTraits(handlerType)
    }

    /// What the context holds passes on to the handler.
    func makeHandler(_ context: consuming HandlerContext) -> RequestHandler {
        if let make { make(context) } else { handlerType.init(context) }
    }

    /// For paths whose arguments cannot be decoded.
    static let badRequest = HandlerRoute(ErrorHandler.self) { ErrorHandler($0, .badRequest) }
    /// For `OPTIONS *`.
    static let serverOptions = HandlerRoute(ServerOptionsHandler.self)
    /// For CONNECT.
    static let connect = HandlerRoute(ConnectHandler.self)
}
