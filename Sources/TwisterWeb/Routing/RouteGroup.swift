/// Routes that have something in common: a prefix of their paths, middleware, rules, a host.
///
///     let todos = RouteGroup("/todos", middleware: [BearerAuth { token in await store.user(of: token) }]) {
///         URLSpec(.get, "") { handler in try await store.page(handler.getArgument("page", as: Int.self, default: 1)) }
///         URLSpec(.get, "/([0-9]+)") { (_, id: Int) in await store.find(id) }
///     }
///
/// Groups may stand in groups. A group is tried where it stands among the routes of the application; groups for a host are tried
/// before all routes that serve every host.
public struct RouteGroup: Routes {
    /// The routes of the group, with what the group adds to them.
    public let routes: [URLSpec]

    /// - Parameters:
    ///   - prefix: stands before the pattern of each route; a pattern, too. It does not end with a slash where those patterns
    ///     begin with one: that would be a path with two slashes, of which the log warns.
    ///   - host: a host name, `*.example.com` for all names below one, or a regular expression (`HostPattern`). A path that the
    ///     group does not have is sought among the routes of every host. Tornado: `Application.add_handlers`.
    ///   - matching: the group serves only requests for which this is true. Called on the loop's thread, with the head of each
    ///     request that comes here. Tornado: `routing.Matcher`.
    ///   - middleware: runs around the handlers of the routes, the first one around all others.
    ///   - policy: the rules for the routes; those of a route itself take precedence.
    ///   - routes: the routes, and groups within the group.
    public init(
        _ prefix: String = "", host: String? = nil, matching: RequestMatcher? = nil, middleware: [any Middleware] = [],
        policy: Policy = Policy(), @RouteBuilder _ routes: () throws -> [URLSpec]
    ) rethrows {
        self.init(prefix, try routes(), host: host, matching: matching, middleware: middleware, policy: policy)
    }

    /// The same for routes that are in an array.
    public init(
        _ prefix: String = "", _ routes: [URLSpec], host: String? = nil, matching: RequestMatcher? = nil,
        middleware: [any Middleware] = [], policy: Policy = Policy()
    ) {
        self.routes = routes.map { route in
            var route = route
            if Self.doublesSlash(prefix, route.pattern) { route.scope.hasDoubledSlash = true }
            route.pattern = prefix + route.pattern
            if let host { route.scope.host = route.scope.host ?? host }
            if let matching { route.scope.matchers.insert(matching, at: 0) }
            route.scope.middleware = middleware + route.scope.middleware
            route.scope.policy = route.scope.policy.filled(from: policy)
            return route
        }
    }

    /// Whether a prefix and a pattern together have two slashes where they meet. A slash that a quantifier follows may be meant.
    private static func doublesSlash(_ prefix: String, _ pattern: String) -> Bool {
        guard prefix.hasSuffix("/"), pattern.hasPrefix("/") else { return false }
        return pattern.dropFirst().first.map { !"?*+{".contains($0) } ?? true
    }
}

/// Lets the routes of a group be written one below the other.
@resultBuilder
public enum RouteBuilder {
    /// A route, or a group.
    public static func buildExpression(_ routes: any Routes) -> [URLSpec] { routes.routes }
    /// Routes below each other.
    public static func buildBlock(_ parts: [URLSpec]...) -> [URLSpec] { parts.flatMap { $0 } }
    /// `if` without `else`.
    public static func buildOptional(_ part: [URLSpec]?) -> [URLSpec] { part ?? [] }
    /// The routes of an `if`.
    public static func buildEither(first part: [URLSpec]) -> [URLSpec] { part }
    /// The routes of an `else`.
    public static func buildEither(second part: [URLSpec]) -> [URLSpec] { part }
    /// The routes of a `for`.
    public static func buildArray(_ parts: [[URLSpec]]) -> [URLSpec] { parts.flatMap { $0 } }
}
