/// Routers by host: those with a host pattern in order of registration, the one for every host last.
///
/// As in Tornado, where a host's routes do not match the path, the next pattern that matches the host is tried.
///
/// Tornado: `Application.add_handlers`.
package struct VirtualHosts<Target: Sendable>: Sendable {
    package struct Host: Sendable {
        package let pattern: HostPattern
        package let router: Router<Target>
    }

    package enum Outcome: Sendable {
        /// `host` is the place in `hosts`.
        case match(RouteMatch, host: Int)
        /// A pattern matched the host, but no route the path.
        case noRoute
        /// No pattern matched the host.
        case noHost
    }

    package private(set) var hosts: [Host] = []

    package init() {}

    /// Adds routes for the hosts that the pattern matches. Routes for every host are tried after all others.
    ///
    /// Tornado: `Application.add_handlers`.
    package mutating func add(_ pattern: HostPattern, _ router: Router<Target>) {
        let firstWildcard = hosts.firstIndex { $0.pattern.isAny } ?? hosts.endIndex
        hosts.insert(Host(pattern: pattern, router: router), at: pattern.isAny ? hosts.endIndex : firstWildcard)
    }

    /// - Parameters:
    ///   - path: The path, percent-encoded, without the query.
    ///   - name: The host without its port. It is evaluated and lowercased only if there is a pattern to match it with.
    package func match(_ path: UnsafeRawBufferPointer, host name: () -> UnsafeRawBufferPointer) -> Outcome {
        // In the usual case there is one application for every host, and the name is not needed.
        if hosts.count == 1, hosts[0].pattern.isAny {
            return hosts[0].router.match(path).map { .match($0, host: 0) } ?? .noRoute
        }
        let lowercased = name().map(\.lowercased)
        return lowercased.withUnsafeBytes { match(path, lowercased: $0) }
    }

    private func match(_ path: UnsafeRawBufferPointer, lowercased name: UnsafeRawBufferPointer) -> Outcome {
        var outcome = Outcome.noHost
        for (index, host) in hosts.enumerated() where host.pattern.matches(lowercased: name) {
            if let match = host.router.match(path) { return .match(match, host: index) }
            outcome = .noRoute
        }
        return outcome
    }

    /// The last route with this name, those of every host being the last of all.
    package func route(named name: String) -> Router<Target>.Route? {
        hosts.reversed().lazy.compactMap { $0.router.route(named: name) }.first
    }

    /// The problems of the routes, of each router by itself.
    package func validate() -> [RouteProblem] {
        hosts.flatMap { $0.router.validate() }
    }
}
