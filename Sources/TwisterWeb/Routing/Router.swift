/// Finds the target for a path among ordered patterns: the first pattern that matches counts.
///
/// Immutable, so that the threads of all loops may use the same router at once. The cost of simple patterns does not depend
/// on their number; patterns with an automaton are tried in order, as long as they stand before the trie's match.
///
/// Tornado: `RuleRouter`.
package struct Router<Target: Sendable>: Sendable {
    /// A pattern, its target, and the name with which a path can be made from it.
    package struct Route: Sendable {
        package let pattern: URLPattern
        package let name: String?
        package let target: Target
        /// Whether a group's prefix and the pattern in the group have made two slashes.
        let hasDoubledSlash: Bool

        package init(_ pattern: URLPattern, name: String? = nil, hasDoubledSlash: Bool = false, target: Target) {
            self.pattern = pattern
            self.name = name
            self.hasDoubledSlash = hasDoubledSlash
            self.target = target
        }
    }

    /// The routes in order of registration.
    package let routes: [Route]
    /// Their targets. They have an array of their own because the size of a route is known only at run time, which would make
    /// each access slower.
    private let targets: [Target]
    private let table: RouteTable
    private let indicesByName: [String: Int]

    package init(_ routes: [Route]) {
        self.routes = routes
        targets = routes.map(\.target)
        table = RouteTable(routes.map(\.pattern))
        // As in Tornado, a name that is used twice means the last route.
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

    /// The target of a match.
    package func target(of match: RouteMatch) -> Target { targets[match.index] }

    /// The route with this name, or nil.
    ///
    /// Tornado: `Application.reverse_url`.
    package func route(named name: String) -> Route? {
        indicesByName[name].map { routes[$0] }
    }

    /// The problems of the routes, in their order; empty if there are none.
    package func validate() -> [RouteProblem] { validator.problems() }

    /// Facts about the routes that are no problems.
    package func notes() -> [RouteNote] { validator.notes() }

    private var validator: RouteValidator {
        RouteValidator(
            patterns: routes.map(\.pattern), names: routes.map(\.name), doubledSlashes: routes.map(\.hasDoubledSlash),
            table: table)
    }
}

/// The route that matched, and the captures of its groups.
package struct RouteMatch: Sendable, Equatable {
    /// The route's place in order of registration.
    package let index: Int
    package let captures: RouteCaptures
}
