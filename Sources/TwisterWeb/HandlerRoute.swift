import HTTPTypes

/// How the handlers of a route are made, and what is known of their class.
final class HandlerRoute: Sendable {
    let handlerType: RequestHandler.Type
    let traits: HandlerTraits
    /// What the context holds passes on to the handler.
    let makeHandler: @Sendable (consuming HandlerContext) -> RequestHandler

    init(
        _ handlerType: RequestHandler.Type,
        _ makeHandler: @escaping @Sendable (consuming HandlerContext) -> RequestHandler
    ) {
        self.handlerType = handlerType
        self.makeHandler = makeHandler
        traits = HandlerTraits(handlerType)
    }

    /// For paths whose arguments cannot be decoded.
    static let badRequest = HandlerRoute(ErrorHandler.self) { ErrorHandler($0, .badRequest) }
    /// For `OPTIONS *`.
    static let serverOptions = HandlerRoute(ServerOptionsHandler.self) { ServerOptionsHandler($0) }
    /// For CONNECT.
    static let connect = HandlerRoute(ConnectHandler.self) { ConnectHandler($0) }
}
