public import HTTPTypes

/// A route: a pattern of paths, the handler that serves them, and a name with which a path is made from the pattern.
///
/// Tornado: `web.URLSpec`.
public struct URLSpec: Sendable {
    /// Which paths the route serves.
    public let pattern: URLPattern
    /// The name for `Application.reverseURL`; nil for none.
    public let name: String?
    /// The class of the handler, which knows the methods that it serves.
    public var handlerType: RequestHandler.Type { route.handlerType }
    let route: HandlerRoute

    /// A route to a handler class.
    ///
    /// - Throws: `URLPatternError`, with the pattern's text, if the pattern is bad.
    public init(_ pattern: String, _ handler: RequestHandler.Type, name: String? = nil) throws(URLPatternError) {
        try self.init(pattern, name: name, route: HandlerRoute(handler))
    }

    /// A route to handlers that `make` creates, one for each request: the form for handlers that need other objects.
    ///
    /// - Throws: `URLPatternError` if the pattern is bad.
    ///
    /// Tornado: the `kwargs` of a `URLSpec`.
    public init<Handler: RequestHandler>(
        _ pattern: String, name: String? = nil, make: @escaping @Sendable (HandlerContext) -> Handler
    ) throws(URLPatternError) {
        try self.init(pattern, name: name, route: HandlerRoute(Handler.self, make))
    }

    /// Responds to `method` with a closure: the form for small handlers. A closure for GET responds to HEAD, too.
    ///
    ///     try URLSpec(.get, "/ping") { $0.write("pong") }
    ///
    /// - Throws: `URLPatternError` if the pattern is bad.
    public init(
        _ method: HTTPRequest.Method, _ pattern: String, name: String? = nil,
        respond: @escaping @Sendable (RequestHandler) async throws -> Void
    ) throws(URLPatternError) {
        let route = HandlerRoute(ClosureHandler.self) { ClosureHandler($0, method, respond) }
        try self.init(pattern, name: name, route: route)
    }

    private init(_ pattern: String, name: String?, route: HandlerRoute) throws(URLPatternError) {
        self.pattern = try URLPattern(pattern)
        self.name = name
        self.route = route
    }

    /// A path that this route serves with these arguments.
    ///
    /// - Throws: `URLReverseError`, see `URLPattern.reverse`.
    ///
    /// Tornado: `URLSpec.reverse`.
    public func reverse(_ arguments: any CustomStringConvertible...) throws(URLReverseError) -> String {
        try pattern.reverse(arguments: arguments.map(\.description))
    }
}
