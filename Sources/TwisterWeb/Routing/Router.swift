/// Finds the target for a path among ordered patterns: the first one that matches wins.
///
/// Immutable, so every loop's thread may use the same router at once. Simple patterns cost the same however many
/// there are; the ones that need a `Regex` are tried in order, as far as they stand before the trie's match.
///
/// Tornado: `RuleRouter`.
package struct Router<Target: Sendable>: Sendable {
    /// A pattern, what it leads to, and the name under which a path can be made from it.
    package struct Route: Sendable {
        package let pattern: URLPattern
        package let name: String?
        package let target: Target

        package init(_ pattern: URLPattern, name: String? = nil, target: Target) {
            self.pattern = pattern
            self.name = name
            self.target = target
        }
    }

    /// The routes in order of registration.
    package let routes: [Route]
    /// Their targets, which are found faster by themselves: how large a route is, is known only at run time.
    private let targets: [Target]
    private let table: RouteTable
    private let indicesByName: [String: Int]

    package init(_ routes: [Route]) {
        self.routes = routes
        targets = routes.map(\.target)
        table = RouteTable(routes.map(\.pattern))
        // Tornado: a name that is used twice leads to the last route.
        indicesByName = Dictionary(
            routes.enumerated().compactMap { index, route in route.name.map { ($0, index) } },
            uniquingKeysWith: { _, last in last })
    }

    /// The first route that matches the whole path (percent-encoded, without the query), or nil.
    ///
    /// Tornado: `RuleRouter.find_handler`.
    package func match(_ path: UnsafeRawBufferPointer) -> RouteMatch? {
        table.match(path)
    }

    /// What a match leads to.
    package func target(of match: RouteMatch) -> Target { targets[match.index] }

    /// The route with this name, or nil.
    ///
    /// Tornado: `Application.reverse_url`.
    package func route(named name: String) -> Route? {
        indicesByName[name].map { routes[$0] }
    }

    /// What is wrong with the routes, in their order; empty if nothing is.
    package func validate() -> [RouteProblem] {
        RouteValidator(patterns: routes.map(\.pattern), names: routes.map(\.name), table: table).problems()
    }
}

/// Which route matched, and what its groups captured.
package struct RouteMatch: Sendable, Equatable {
    /// The route's place in order of registration.
    package let index: Int
    package let captures: RouteCaptures
}
