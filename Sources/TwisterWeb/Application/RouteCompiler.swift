import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Compiles the routes of an application into what serves requests: patterns, traits of handler classes, and the middleware and
/// rules of groups, all combined once.
struct RouteCompiler {
    let settings: ApplicationSettings
    /// The application's own middleware, which runs around all other middleware.
    let middleware: [any Middleware]
    private(set) var problems: [String] = []

    init(_ settings: ApplicationSettings, _ middleware: [any Middleware]) {
        self.settings = settings
        self.middleware = middleware
    }

    /// A route with everything that requests need.
    struct Compiled {
        let spec: URLSpec
        let pattern: URLPattern
        let route: HandlerRoute
        /// The route in words: one description for each closure of the path.
        let descriptions: [RouteDescription]
    }

    /// The routes in their order. Closures for several methods of one path become one route.
    mutating func compile(_ specs: [URLSpec]) -> [Compiled] {
        var compiled: [Compiled] = []
        for group in Self.groups(of: specs) {
            do throws(URLPatternError) {
                let pattern = try URLPattern(group[0].pattern)
                for spec in group { check(spec, pattern) }
                checkMethods(group)
                compiled.append(
                    Compiled(
                        spec: group[0], pattern: pattern, route: route(group, pattern),
                        descriptions: group.map { describe($0, pattern) }))
            } catch {
                problems.append("\(error)")
            }
        }
        return compiled
    }

    /// A route for requests that no other one serves.
    func route(_ maker: HandlerMaker, pattern: String? = nil) -> HandlerRoute {
        handlerRoute(maker, RouteScope(), pattern, hasGroups: false, methods: nil)
    }

    // MARK: Closures of one path

    private struct Place: Hashable {
        let host: String?
        let pattern: String
    }

    /// Groups the routes: the closures of each path are one group, at the place of the first of them; every other route is a
    /// group of its own.
    private static func groups(of specs: [URLSpec]) -> [[URLSpec]] {
        var groups: [[URLSpec]] = []
        var places: [Place: Int] = [:]
        for spec in specs {
            guard case .closure = spec.target, spec.scope.matchers.isEmpty else {
                groups.append([spec])
                continue
            }
            let place = Place(host: spec.scope.host, pattern: spec.pattern)
            if let known = places[place] {
                groups[known].append(spec)
            } else {
                places[place] = groups.count
                groups.append([spec])
            }
        }
        return groups
    }

    private func route(_ group: [URLSpec], _ pattern: URLPattern) -> HandlerRoute {
        let hasGroups = pattern.groupCount > 0
        switch group[0].target {
        case .handler(let maker):
            return handlerRoute(maker, group[0].scope, group[0].pattern, hasGroups: hasGroups, methods: nil)
        case .delegate(let delegate):
            let maker = HandlerMaker(ErrorHandler.self) { ErrorHandler($0, .notFound) }
            return handlerRoute(
                maker, group[0].scope, group[0].pattern, hasGroups: false, methods: nil, target: .delegate(delegate))
        case .closure:
            let methods = group.compactMap { spec in
                if case .closure(let method, _) = spec.target { method } else { nil }
            }
            let routes = group.compactMap { spec -> (method: HTTPRequest.Method, route: HandlerRoute, HandlerMaker)? in
                guard case .closure(let method, let maker) = spec.target else { return nil }
                let route = handlerRoute(
                    maker, spec.scope, spec.pattern, hasGroups: hasGroups, methods: (method, methods))
                return (method, route, maker)
            }
            guard routes.count > 1 else { return routes[0].route }
            return HandlerRoute(
                routes[0].2, .methods(routes.map { ($0.method, $0.route) }), traits: routes[0].route.traits,
                malformed: routes[0].route.malformed, decodesArguments: false)
        }
    }

    // MARK: One handler class

    /// - Parameter methods: a closure's method, and those of all closures on its path.
    private func handlerRoute(
        _ maker: HandlerMaker, _ scope: RouteScope, _ pattern: String?, hasGroups: Bool,
        methods: (own: HTTPRequest.Method, all: [HTTPRequest.Method])?, target: HandlerRoute.Target = .handler
    ) -> HandlerRoute {
        // Where only `RequestHandler` itself is known of the handlers' class, every function counts as overridden.
        let overrides =
            maker.type == RequestHandler.self
            ? Set(OverridableMethod.allCases) : MethodOverrides.shared.of(maker.type)
        let policy = scope.policy.filled(from: maker.type.policy)
        let chain = chain(maker.type, overrides, scope, policy, hasGroups)
        let own =
            methods.map { RequestMethodSet([Self.requestMethod($0.own)]) }
            ?? RequestMethodSet(overrides.compactMap(\.requestMethod), isHeadServed: maker.type.servesHead)
        let all = methods.map { RequestMethodSet($0.all.map(Self.requestMethod)) } ?? own
        let others = methods?.all.filter { Self.requestMethod($0) == .other }.map(\.rawValue) ?? []

        func traits(_ course: (any HandlerCourse)?) -> HandlerTraits {
            HandlerTraits(
                label: JobLabel(handler: String(describing: maker.type), route: pattern), ownMethods: own,
                pathMethods: all,
                otherMethods: others, requestBody: maker.type.requestBody, maxBodySize: policy.maxBodySize?.bytes,
                overridesPrepare: chain.checks.contains(.prepare),
                overridesDefaultHeaders: overrides.contains(.setDefaultHeaders), course: course)
        }
        return HandlerRoute(
            maker, target, traits: traits(chain.isEmpty ? nil : chain),
            malformed: traits(chain.refusing(HTTPError(.badRequest))),
            decodesArguments: hasGroups && overrides.contains(.decodeArgument))
    }

    private func chain(
        _ type: RequestHandler.Type, _ overrides: Set<OverridableMethod>, _ scope: RouteScope, _ policy: Policy,
        _ hasGroups: Bool
    ) -> HandlerChain {
        var chain = HandlerChain()
        chain.deadline = policy.deadline
        chain.mediaTypes = MediaTypeRules(policy)
        chain.middleware = PolicyMiddleware.around(middleware + scope.middleware, by: policy)
        if overrides.contains(.setDefaultHeaders) { chain.checks.insert(.defaultHeaders) }
        if overrides.contains(.decodeArgument), hasGroups { chain.checks.insert(.pathArguments) }
        if settings.xsrfCookies, policy.xsrf != false { chain.checks.insert(.xsrf) }
        if overrides.contains(.prepare) { chain.checks.insert(.prepare) }
        if policy.authenticated == true { chain.checks.insert(.authenticated) }
        if type.requestBody == .dataReceived { chain.checks.insert(.dataReceived) }
        if settings.automaticETags || overrides.contains(.computeETag) { chain.checks.insert(.eTag) }
        return chain
    }

    private static func requestMethod(_ method: HTTPRequest.Method) -> RequestMethod {
        RequestMethod.allCases.first { $0.httpTypes == method } ?? .other
    }

    // MARK: Routes in words

    private func describe(_ spec: URLSpec, _ pattern: URLPattern) -> RouteDescription {
        let handler: String
        let methods: [String]
        switch spec.target {
        case .handler(let maker):
            let own = RequestMethodSet(
                MethodOverrides.shared.of(maker.type).compactMap(\.requestMethod), isHeadServed: maker.type.servesHead)
            methods = maker.type == RequestHandler.self ? [] : own.allowed.compactMap { $0.httpTypes?.rawValue }
            handler = String(describing: maker.type)
        case .closure(let method, _):
            methods = [method.rawValue]
            handler = "closure"
        case .delegate(let delegate):
            methods = []
            handler = String(describing: type(of: delegate))
        }
        let policy = spec.scope.policy.filled(from: Self.policy(of: spec))
        return RouteDescription(
            host: spec.scope.host, pattern: spec.pattern, methods: methods, handler: handler, name: spec.name,
            middleware: spec.target.runsMiddleware ? (middleware + spec.scope.middleware).map(\.label) : [],
            policy: policy,
            sharesTrie: pattern.isSimple)
    }

    private static func policy(of spec: URLSpec) -> Policy {
        if case .handler(let maker) = spec.target { maker.type.policy } else { Policy() }
    }

    // MARK: Mistakes of a route

    /// The second of two closures for one method of a path would never be called.
    private mutating func checkMethods(_ group: [URLSpec]) {
        var seen: Set<HTTPRequest.Method> = []
        for spec in group {
            guard case .closure(let method, _) = spec.target, !seen.insert(method).inserted else { continue }
            problems.append("two closures serve \(method.rawValue) of the pattern \"\(spec.pattern)\"")
        }
    }

    private mutating func check(_ spec: URLSpec, _ pattern: URLPattern) {
        for arity in spec.arities where arity != pattern.groupCount {
            problems.append(
                "the pattern \"\(spec.pattern)\" has \(pattern.groupCount) group(s), and the route's closure or name takes "
                    + "\(arity) argument(s)"
                    + (ForeignParameter.first(in: spec.pattern).map { "; \"\($0.text)\" is no group: write ([^/]+)" }
                        ?? ""))
        }
        if !spec.target.runsMiddleware, !spec.scope.middleware.isEmpty || spec.scope.policy != Policy() {
            problems.append(
                "the middleware and policy of a group do not run around the route \"\(spec.pattern)\" to another "
                    + "application: give them to that application, and move the route out of the group")
        }
        if case .handler(let maker) = spec.target, maker.make == nil, maker.type is any StatefulHandler.Type {
            problems.append(
                "\(maker.type) needs a state: URLSpec(\"\(spec.pattern)\", \(maker.type).self, state)")
        }
    }
}

/// The routes of an application have mistakes, all of which this error lists.
public struct RoutingError: Error, Sendable, CustomStringConvertible {
    /// Each mistake in words.
    public let problems: [String]
    public var description: String { problems.joined(separator: "\n") }
}
