public import HTTPTypes
import TwisterCodec
import TwisterHTTP

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

/// Responds to one method with a closure. A closure for GET responds to HEAD, too.
private final class ClosureHandler: RequestHandler {
    typealias Response = @Sendable (RequestHandler) async throws -> Void

    private let method: HTTPRequest.Method
    private let response: Response

    init(_ context: HandlerContext, _ method: HTTPRequest.Method, _ response: @escaping Response) {
        self.method = method
        self.response = response
        super.init(context)
    }

    /// Required by `RequestHandler`, but never called for a route: a closure handler is made with its closure.
    required init(_ context: HandlerContext) {
        method = .options
        response = { try await $0.options() }
        super.init(context)
    }

    override var allowedMethods: [RequestMethod] {
        Self.allowedMethods(for: RequestMethodSet(RequestMethod.allCases.filter { $0.httpTypes == method }))
    }

    override func serves(_ method: RequestMethod) -> Bool {
        method == .other ? request.method == self.method : super.serves(method)
    }

    override func get() async throws { try await respond(to: .get) }
    override func head() async throws { try await respond(to: method == .head ? .head : .get) }
    override func post() async throws { try await respond(to: .post) }
    override func put() async throws { try await respond(to: .put) }
    override func patch() async throws { try await respond(to: .patch) }
    override func delete() async throws { try await respond(to: .delete) }
    override func options() async throws {
        if method == .options { try await response(self) } else { try await super.options() }
    }
    override func other(_ method: HTTPRequest.Method) async throws {
        if method == self.method { try await response(self) } else { try await super.other(method) }
    }

    private func respond(to requested: HTTPRequest.Method) async throws {
        guard requested == method else { throw HTTPError(.methodNotAllowed) }
        try await response(self)
    }
}
