import HTTPTypes
public import TwisterHTTP

/// A route: a pattern of paths, what serves them, and a name with which a path is made from the pattern.
///
///     URLSpec("/", Home.self, blog)                                          // a handler class, with what it needs
///     URLSpec(.get, "/ping") { _ in "pong" }                                 // a closure
///     URLSpec(.get, "/todos/([0-9]+)") { (_, id: Int) in await store.find(id) }
///     URLSpec("/admin/.*", adminApplication)                                 // another application
///
/// Mistakes of a route (a bad pattern, closures whose arguments do not fit its groups) are thrown when an application is made
/// of it.
///
/// Tornado: `web.URLSpec`, `routing.Rule`.
public struct URLSpec: Routes {
    /// The text of the pattern: a regular expression that has to match the whole path (`URLPattern`).
    public internal(set) var pattern: String
    /// The name for `reverseURL`; nil for none.
    public private(set) var name: String?
    let target: RouteTarget
    /// The conditions, middleware and policy that the groups around the route add to it.
    var scope = RouteScope()
    /// How many arguments the route's name and closure have, where they say it.
    private(set) var arities: [Int] = []

    /// A route to a handler class.
    public init(_ pattern: String, _ handler: RequestHandler.Type, name: String? = nil) {
        self.init(pattern, name, .handler(HandlerMaker(handler)))
    }

    /// A route to handlers of a class that need `state`.
    ///
    /// Tornado: the `kwargs` of a `URLSpec`.
    public init<State: Sendable, Handler: RequestHandlerWith<State>>(
        _ pattern: String, _ handler: Handler.Type, _ state: State, name: String? = nil
    ) {
        self.init(pattern, name, .handler(HandlerMaker(handler) { handler.init($0, state) }))
    }

    /// A route to handlers that `make` creates, one for each request.
    public init<Handler: RequestHandler>(
        _ pattern: String, name: String? = nil, make: @escaping @Sendable (HandlerContext) -> Handler
    ) {
        self.init(pattern, name, .handler(HandlerMaker(Handler.self, make)))
    }

    /// A route to another application, or to anything else that a server can serve. It gets the request as it came, with the
    /// whole path; the middleware of this application does not run around it. In a group with middleware or a policy, which
    /// would not hold either, it is a mistake (`RoutingError`).
    ///
    /// Tornado: a `Rule` whose target is a `Router`, an `HTTPServerConnectionDelegate` or a callable; `web.FallbackHandler`.
    public init(_ pattern: String, _ delegate: any HTTPServerConnectionDelegate, name: String? = nil) {
        self.init(pattern, name, .delegate(delegate))
    }

    init(_ pattern: String, _ name: String?, _ target: RouteTarget, arity: Int? = nil) {
        self.pattern = pattern
        self.name = name
        self.target = target
        if let arity { arities = [arity] }
    }

    /// The route with a name whose arguments have types.
    public func named<each Argument>(_ name: RouteName<repeat each Argument>) -> URLSpec {
        var named = self
        named.name = name.text
        named.arities.append(name.arity)
        return named
    }

    /// The route with a name, as the parameter `name` of the initializers.
    public func named(_ name: String) -> URLSpec {
        var named = self
        named.name = name
        return named
    }

    /// The route with these rules of its own. Rules that are nil are decided as before.
    public func policy(_ policy: Policy) -> URLSpec {
        var changed = self
        changed.scope.policy = policy.filled(from: scope.policy)
        return changed
    }

    /// The route with this middleware of its own, which runs inside the middleware of the groups around it.
    public func middleware(_ middleware: any Middleware...) -> URLSpec {
        var changed = self
        changed.scope.middleware += middleware
        return changed
    }

    /// A path that this route serves with these arguments.
    ///
    /// - Throws: `URLPatternError` for a bad pattern, `URLReverseError`, see `URLPattern.reverse`.
    ///
    /// Tornado: `URLSpec.reverse`.
    public func reverse(_ arguments: any CustomStringConvertible...) throws -> String {
        try URLPattern(pattern).reverse(arguments: arguments.map(\.description))
    }

    /// This route alone.
    public var routes: [URLSpec] { [self] }
}

/// Routes of an application: a `URLSpec`, a `RouteGroup`, or a type of your own that has some.
public protocol Routes: Sendable {
    /// The routes, in the order in which they are tried.
    var routes: [URLSpec] { get }
}

extension [URLSpec]: Routes {
    /// The routes of the list.
    public var routes: [URLSpec] { self }
}

/// The receiver of a route's requests.
enum RouteTarget: Sendable {
    case handler(HandlerMaker)
    /// A closure for one method. Those of the same path stand beside each other.
    case closure(HTTPRequest.Method, HandlerMaker)
    case delegate(any HTTPServerConnectionDelegate)

    /// Whether middleware and policies run around the receiver: another application has its own.
    var runsMiddleware: Bool { if case .delegate = self { false } else { true } }
}

/// Makes the handlers of a route.
struct HandlerMaker: Sendable {
    let type: RequestHandler.Type
    /// Nil: the class's own initializer makes them.
    let make: (@Sendable (consuming HandlerContext) -> RequestHandler)?

    init(_ type: RequestHandler.Type, _ make: (@Sendable (consuming HandlerContext) -> RequestHandler)? = nil) {
        self.type = type
        self.make = make
    }
}

/// The conditions, middleware and policy that the groups around a route add to it, the outermost first.
struct RouteScope: Sendable {
    var host: String?
    var matchers: [RequestMatcher] = []
    var middleware: [any Middleware] = []
    var policy = Policy()
    /// Whether the prefix of a group ends with a slash and what it stands before begins with one.
    var hasDoubledSlash = false
}

/// Decides by the request's head whether a group of routes serves it. Tornado: `routing.Matcher`.
public typealias RequestMatcher = @Sendable (HTTPServerRequest) -> Bool
