import TwisterCodec
import TwisterHTTP

/// The routes of an application, by host and in order. Routes that serve only some requests (`RouteGroup.matching`) stand in
/// sections of their own between those that serve all.
struct RouteSections: Sendable {
    /// Consecutive routes that serve requests under the same conditions.
    struct Section: Sendable {
        let matchers: [RequestMatcher]
        let router: Router<Unmanaged<HandlerRoute>>
    }

    /// The routes of a host.
    private struct Host: Sendable {
        let pattern: HostPattern
        let sections: [Section]
    }

    /// Hosts with routes of their own, in order of appearance.
    private let hosts: [Host]
    /// The routes of every host.
    private let common: [Section]
    /// All routes, where they are one section for every host, as in most applications; otherwise an empty router.
    let router: Router<Unmanaged<HandlerRoute>>
    /// Whether `router` has all routes.
    let isOne: Bool

    init(_ compiled: [RouteCompiler.Compiled]) throws(URLPatternError) {
        var names: [String] = []
        for route in compiled {
            if let host = route.spec.scope.host, !names.contains(host) { names.append(host) }
        }
        var hosts: [Host] = []
        for name in names {
            hosts.append(
                Host(
                    pattern: try HostPattern(name),
                    sections: Self.sections(compiled.filter { $0.spec.scope.host == name })))
        }
        self.hosts = hosts
        common = Self.sections(compiled.filter { $0.spec.scope.host == nil })
        isOne = hosts.isEmpty && common.count == 1 && common[0].matchers.isEmpty
        router = isOne ? common[0].router : Router([])
    }

    private static func sections(_ routes: [RouteCompiler.Compiled]) -> [Section] {
        var sections: [Section] = []
        var open: [RouteCompiler.Compiled] = []
        func close() {
            if !open.isEmpty { sections.append(Section(matchers: [], router: router(open))) }
            open = []
        }
        for route in routes {
            guard !route.spec.scope.matchers.isEmpty else {
                open.append(route)
                continue
            }
            close()
            sections.append(Section(matchers: route.spec.scope.matchers, router: router([route])))
        }
        close()
        return sections
    }

    private static func router(_ routes: [RouteCompiler.Compiled]) -> Router<Unmanaged<HandlerRoute>> {
        // The targets are not retained, since the application keeps them. A router of strong references costs 69 instructions
        // for each request.
        Router(
            routes.map { route in
                Router.Route(
                    route.pattern, name: route.spec.name, hasDoubledSlash: route.spec.scope.hasDoubledSlash,
                    target: .passUnretained(route.route))
            })
    }

    /// The result of the search for a request's route.
    enum Outcome {
        case match(RouteMatch, Router<Unmanaged<HandlerRoute>>)
        /// No route has the path.
        case noRoute
        /// No route serves the host; other hosts have routes.
        case noHost
    }

    /// Finds the route of a request among hosts and sections.
    func match(_ request: HTTPServerRequest, _ head: RequestHead) -> Outcome {
        var outcome = common.isEmpty ? Outcome.noHost : .noRoute
        if !hosts.isEmpty {
            let name = request.hostName
            for host in hosts where host.pattern.matches(name) {
                outcome = .noRoute
                if let found = find(host.sections, request, head) { return found }
            }
        }
        return find(common, request, head) ?? outcome
    }

    private func find(_ sections: [Section], _ request: HTTPServerRequest, _ head: RequestHead) -> Outcome? {
        for section in sections where section.matchers.allSatisfy({ $0(request) }) {
            if let match = head.withASCIIPathBytes({ section.router.match($0) }) {
                return .match(match, section.router)
            }
        }
        return nil
    }

    /// The problems of the routes of each section.
    func validate() -> [RouteProblem] {
        (hosts.flatMap(\.sections) + common).flatMap { $0.router.validate() }
    }

    /// What is worth to know of the routes of each section.
    func notes() -> [RouteNote] {
        (hosts.flatMap(\.sections) + common).flatMap { $0.router.notes() }
    }
}
