import FoundationEssentials
import HTTPTypes
import Logging
import TwisterCodec
public import TwisterHTTP
public import TwisterIO

/// The routes of an application and the settings that its handlers share. It does no I/O: a server asks it which handler
/// responds to a request.
///
///     let application = try Application([
///         URLSpec("/", MainHandler.self),
///         URLSpec("/story/([0-9]+)", StoryHandler.self, name: "story"),
///     ])
///
/// Immutable, and so shared by the servers of all loops. An application may be a route of another one.
///
/// Tornado: `web.Application`.
public final class Application: HTTPServerConnectionDelegate {
    /// Tornado: the keyword arguments of `Application`.
    public typealias Settings = ApplicationSettings

    /// The routes, in order. Tornado: `Application.handlers`.
    public let handlers: [URLSpec]
    /// The routes in words, each closure by itself.
    public let routeDescriptions: [RouteDescription]
    /// What the handlers share: the settings, the names of the routes.
    public let services: ApplicationServices
    /// The settings that the handlers share.
    public var settings: Settings { services.settings }
    private let sections: RouteSections
    /// The routes as they serve requests. They are kept here, because the routers do not retain them.
    private let routes: [HandlerRoute]
    private let notFound: HandlerRoute
    private let serverOptions: HandlerRoute
    private let connect: HandlerRoute
    private let badRequest: HandlerRoute
    private let wrongHost: HandlerRoute?
    /// A request head with fewer octets cannot hold more cookies than the setting allows, so that its cookies are not counted.
    private let safeHeadSize: Int

    /// - Parameters:
    ///   - rules: routes and groups of routes; the first that matches a request serves it.
    ///   - middleware: runs around every handler, those of errors and of unknown paths, too; the first one around all others.
    ///   - transforms: each makes a transform for a response's body; used for every response. Tornado:
    ///     `Application.add_transform`.
    ///   - defaultHandler: makes the handler for a request that no route serves; nil: such requests get 404. Tornado:
    ///     `default_handler_class`.
    ///   - settings: settings that the handlers share.
    /// - Throws: `RoutingError`, with the mistakes of all routes: bad patterns, closures that do not fit their patterns;
    ///   `TemplateError` for a template that cannot be compiled. Routes that are never reached are logged as warnings.
    public init(
        _ rules: [any Routes], middleware: [any Middleware] = [],
        transforms: [@Sendable () -> any OutputTransform] = [],
        defaultHandler: (@Sendable (HandlerContext) -> RequestHandler)? = nil, settings: Settings = Settings()
    ) throws {
        let specs = Self.staticRoutes(settings) + rules.flatMap(\.routes)
        let transforming: [any Middleware] = transforms.isEmpty ? [] : [TransformMiddleware(transforms)]
        var compiler = RouteCompiler(settings, middleware + transforming)
        let compiled = compiler.compile(specs)
        guard compiler.problems.isEmpty else { throw RoutingError(problems: compiler.problems) }
        handlers = specs
        do throws(URLPatternError) {
            sections = try RouteSections(compiled)
        } catch {
            throw RoutingError(problems: ["\(error)"])
        }
        safeHeadSize = 2 * min(settings.maxCookies, .max / 2)
        badRequest = compiler.route(HandlerMaker(ErrorHandler.self) { ErrorHandler($0, .badRequest) })
        routes = compiled.map(\.route)
        routeDescriptions = compiled.flatMap(\.descriptions)
        notFound = compiler.route(
            defaultHandler.map { HandlerMaker(RequestHandler.self, $0) }
                ?? HandlerMaker(ErrorHandler.self) { ErrorHandler($0, .notFound) })
        serverOptions = compiler.route(HandlerMaker(ServerOptionsHandler.self))
        connect = compiler.route(HandlerMaker(ConnectHandler.self))
        wrongHost = settings.defaultHost.map { host in
            compiler.route(HandlerMaker(DefaultHostHandler.self) { DefaultHostHandler($0, host) })
        }
        var patterns: [String: URLPattern] = [:]
        // As in Tornado, a name that is used twice means the last route.
        for route in compiled { if let name = route.spec.name { patterns[name] = route.pattern } }
        services = try ApplicationServices(settings, named: patterns)
        for problem in validate() { Log.general.warning("\(problem)") }
        if !middleware.isEmpty { Self.warnOfDelegates(specs) }
        if settings.automaticETags, let encoder = settings.jsonEncoder, !encoder.outputFormatting.contains(.sortedKeys)
        {
            Log.general.warning(
                "automaticETags: equal values have different entity tags, unless jsonEncoder.outputFormatting has .sortedKeys"
            )
        }
        for note in notes() { Log.general.debug("\(note)") }
    }

    private static func warnOfDelegates(_ specs: [URLSpec]) {
        for spec in specs where !spec.target.runsMiddleware {
            Log.general.warning(
                """
                the application's middleware does not run around the route "\(spec.pattern)" to another application, \
                which needs its own
                """)
        }
    }

    /// The routes of the setting `staticPath`: its files, `/favicon.ico` and `/robots.txt`.
    private static func staticRoutes(_ settings: Settings) -> [URLSpec] {
        guard let root = settings.staticPath else { return [] }
        return [settings.staticURLPrefix + "(.*)", #"/(favicon\.ico)"#, #"/(robots\.txt)"#].map { pattern in
            URLSpec(pattern) { StaticFileHandler($0, root: root) }
        }
    }

    private static func hasCookies(_ head: RequestHead, atMost limit: Int) -> Bool {
        head[.cookie].map { $0.withOctets { CookieParser.fits($0, limit: limit) } } ?? true
    }

    /// The problems of the routes: routes that are never reached, names that are used twice, and so on. Empty if there are none.
    public func validate() -> [RouteProblem] { sections.validate() }

    /// Facts about the routes that are worth knowing but no problem: which routes do not share the trie, in which the cost of a
    /// request does not depend on the number of routes.
    public func notes() -> [RouteNote] { sections.notes() }

    /// A path that the route called `name` serves with these arguments.
    ///
    /// - Throws: `URLReverseError` if there is no such route, or its pattern does not allow it.
    ///
    /// Tornado: `Application.reverse_url`.
    public func reverseURL(_ name: String, _ arguments: any CustomStringConvertible...) throws(URLReverseError)
        -> String
    {
        try services.reverseURL(name, arguments: arguments)
    }

    // MARK: HTTPServerConnectionDelegate

    /// Makes the loop run handlers inside of its leader, which saves an async frame for each request.
    public func willServe(on loop: IOLoop) {
        loop.setLeader { loop, worker in await loop.lead(worker, mostly: RequestHandler.self) }
    }

    /// Finds the handler for a request; called by the server.
    public func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
        request.connection.keep(self)
        let head = request.connection.requestHead
        guard sections.isOne, head.targetForm == .origin || head.targetForm == .absolute, head.octetCount < safeHeadSize
        else { return startRareRequest(request, head) }
        guard let match = head.withASCIIPathBytes({ sections.router.match($0) }) else {
            return start(request, notFound)
        }
        return sections.router.target(of: match)._withUnsafeGuaranteedRef { route in
            if match.captures.count > 0 {
                return start(request, route, match, sections.router.routes[match.index].pattern.groupNames)
            }
            if case .handler = route.target { return makeHandler(request, route, route.traits, nil) }
            return start(request, route)
        }
    }

    /// Starts a request that is not an ordinary one for a path. Tornado: `Application.find_handler`.
    @inline(never)
    private func startRareRequest(_ request: HTTPServerRequest, _ head: RequestHead) -> any HTTPMessageDelegate {
        switch head.targetForm {
        case .origin, .absolute: break
        // The request is about the server, not about a path (RFC 9110, 9.3.7).
        case .asterisk: return start(request, serverOptions)
        case .authority: return start(request, connect)
        }
        if head.octetCount >= safeHeadSize, !Self.hasCookies(head, atMost: settings.maxCookies) {
            return start(request, badRequest)
        }
        switch sections.match(request, head) {
        case .match(let match, let router):
            let names = router.routes[match.index].pattern.groupNames
            return router.target(of: match)._withUnsafeGuaranteedRef { start(request, $0, match, names) }
        case .noRoute: return start(request, notFound)
        case .noHost: return start(request, wrongHost ?? notFound)
        }
    }

    private func start(
        _ request: HTTPServerRequest, _ route: HandlerRoute, _ arguments: BoxedArguments? = nil,
        isMalformed: Bool = false
    ) -> any HTTPMessageDelegate {
        switch route.target {
        case .handler: return makeHandler(request, route, isMalformed ? route.malformed : route.traits, arguments)
        case .methods(let methods):
            let own = route.route(for: request.connection.requestHead, in: methods)
            return makeHandler(request, own, isMalformed ? own.malformed : own.traits, arguments)
        case .delegate(let delegate): return delegate.startRequest(request)
        }
    }

    @inline(__always)
    private func makeHandler(
        _ request: HTTPServerRequest, _ route: HandlerRoute, _ traits: HandlerTraits, _ arguments: BoxedArguments?
    ) -> any HTTPMessageDelegate {
        request.connection.note(traits.label)
        return route.makeHandler(
            HandlerContext(application: services, request: request, arguments: arguments, traits: traits))
    }

    /// Starts the handler of a route, with what the groups of the route's pattern matched.
    private func start(
        _ request: HTTPServerRequest, _ route: HandlerRoute, _ match: RouteMatch, _ names: [String]
    ) -> any HTTPMessageDelegate {
        request.connection.requestHead.withASCIIPathBytes { path in
            if route.decodesArguments { return startUndecoded(request, route, match, names, path) }
            do throws(PathArgumentError) {
                return start(
                    request, route, BoxedArguments(try PathArguments(match.captures, names: names, path: path)))
            } catch {
                return start(request, route, isMalformed: true)
            }
        }
    }

    /// Starts a handler that decodes the path's arguments from their bytes by itself.
    private func startUndecoded(
        _ request: HTTPServerRequest, _ route: HandlerRoute, _ match: RouteMatch, _ names: [String],
        _ path: UnsafeRawBufferPointer
    ) -> any HTTPMessageDelegate {
        var values: [[UInt8]?] = []
        for group in 0..<match.captures.count {
            guard let range = match.captures[group] else {
                values.append(nil)
                continue
            }
            guard let bytes = PercentCoding.decode(UnsafeRawBufferPointer(rebasing: path[range])) else {
                return start(request, route, isMalformed: true)
            }
            values.append(bytes)
        }
        let decoded = PathArguments(values: values.map { _ in nil }, names: names)
        return start(request, route, BoxedArguments(decoded, undecoded: values))
    }
}

/// Redirects to the host of the setting `defaultHost` clients that ask for a host which no route serves.
private final class DefaultHostHandler: RequestHandlerWith<String> {
    override class var requestBody: RequestBodyMode { .streamed }
    override class var policy: Policy { Policy(xsrf: false) }
    override func prepare() async throws {
        try redirect("\(request.protocol)://\(state)/")
    }
}

/// Adds the application's transforms to each response.
private struct TransformMiddleware: Middleware {
    let makers: [@Sendable () -> any OutputTransform]

    init(_ makers: [@Sendable () -> any OutputTransform]) { self.makers = makers }

    func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        for make in makers { handler.addTransform(make()) }
        try await next()
    }
}
