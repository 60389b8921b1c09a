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
/// Immutable, and so shared by the servers of all loops.
///
/// Tornado: `web.Application`.
public final class Application: HTTPServerConnectionDelegate {
    /// Settings of an application. Tornado: the keyword arguments of `Application`.
    public struct Settings: Sendable {
        /// Whether each request leaves a line in the log `twister.access`. Default false.
        public var logsRequests = false
        /// The largest number of parts in a form of type `multipart/form-data`; a form with more gets 413. Default 100.
        /// Tornado: `ParseMultipartConfig.max_parts`.
        public var maxFormParts = 100
        /// The most bytes that the header of one part of such a form may have; a longer one gets 413. Default 10 KiB.
        /// Tornado: `ParseMultipartConfig.max_part_header_size`.
        public var maxFormPartHeaderSize = 10_240
        /// Makes the handler for a request whose path no route matches; nil: such requests get 404. Tornado: `default_handler_class`.
        public var defaultHandler: (@Sendable (HandlerContext) -> RequestHandler)?

        public init() {}
    }

    /// The routes, in order. Tornado: `Application.handlers`.
    public let handlers: [URLSpec]
    /// The settings that the handlers share.
    public let settings: Settings
    /// The targets are not retained, since `handlers` keeps them. A router of strong references costs 69 instructions for each
    /// request.
    private let router: Router<Unmanaged<HandlerRoute>>
    private let notFoundRoute: HandlerRoute

    /// - Parameters:
    ///   - handlers: the routes; the first that matches a path serves it.
    ///   - settings: settings that the handlers share.
    public init(_ handlers: [URLSpec], settings: Settings = Settings()) {
        self.handlers = handlers
        self.settings = settings
        router = Router(handlers.map { Router.Route($0.pattern, name: $0.name, target: .passUnretained($0.route)) })
        notFoundRoute = settings.defaultHandler.map { HandlerRoute(RequestHandler.self, $0) } ?? .notFound
        for problem in router.validate() { Log.general.warning("\(problem)") }
    }

    private init(_ other: Application, settings: Settings) {
        handlers = other.handlers
        self.settings = settings
        router = other.router
        notFoundRoute = other.notFoundRoute
    }

    /// The same application, each request of which leaves a line in the log.
    package func loggingRequests() -> Application {
        var settings = settings
        settings.logsRequests = true
        return Application(self, settings: settings)
    }

    /// The problems of the routes: routes that are never reached, names that are used twice. Empty if there are none.
    public func validate() -> [RouteProblem] { router.validate() }

    /// A path that the route called `name` serves with these arguments.
    ///
    /// - Throws: `URLReverseError` if there is no such route, or its pattern does not allow it.
    ///
    /// Tornado: `Application.reverse_url`.
    public func reverseURL(_ name: String, _ arguments: any CustomStringConvertible...) throws(URLReverseError)
        -> String
    {
        guard let route = router.route(named: name) else { throw .noSuchName(name) }
        return try route.pattern.reverse(arguments: arguments.map(\.description))
    }

    // MARK: HTTPServerConnectionDelegate

    /// Makes the loop run handlers inside of its leader, which saves an async frame for each request.
    public func willServe(on loop: IOLoop) {
        loop.setLeader { loop, worker in await loop.lead(worker, mostly: RequestHandler.self) }
    }

    /// Finds the handler for a request; called by the server.
    public func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
        request.connection.keep(self)
        let (route, arguments) = findRoute(request.connection.requestHead)
        return route._withUnsafeGuaranteedRef { route in
            route.makeHandler(
                HandlerContext(application: self, request: request, arguments: arguments, route: route))
        }
    }

    /// The route that serves a request, and the path's arguments. Tornado: `Application.find_handler`.
    private func findRoute(_ head: RequestHead) -> (Unmanaged<HandlerRoute>, BoxedArguments?) {
        switch head.targetForm {
        case .origin, .absolute: break
        // The request is about the server, not about a path (RFC 9110, 9.3.7).
        case .asterisk: return (.passUnretained(.serverOptions), nil)
        case .authority: return (.passUnretained(.connect), nil)
        }
        guard let match = head.withASCIIPathBytes({ router.match($0) }) else {
            return (.passUnretained(notFoundRoute), nil)
        }
        let route = router.target(of: match)
        if match.captures.count == 0 { return (route, nil) }
        do throws(PathArgumentError) {
            return (route, try arguments(of: match, head))
        } catch {
            return (.passUnretained(.badRequest), nil)
        }
    }

    private func arguments(of match: RouteMatch, _ head: RequestHead) throws(PathArgumentError) -> BoxedArguments {
        let names = router.routes[match.index].pattern.groupNames
        let result = head.withASCIIPathBytes { path in
            Result { () throws(PathArgumentError) in try PathArguments(match.captures, names: names, path: path) }
        }
        return BoxedArguments(try result.get())
    }

    // MARK: Logs

    func logException(_ error: any Error, _ handler: RequestHandler) {
        let line =
            "\(handler.request.method.rawValue) \(handler.request.head.asciiTarget) (\(handler.request.remoteIP))"
        // 501 is the response to a method that the server does not know: the client's mistake, too.
        if let error = error as? HTTPError, error.status.code < 500 || error.status == .notImplemented {
            // The message may repeat what the client sent, such as the decoded path of a file.
            Log.general.debug("\(error.status.code) \(line): \(PercentCoding.encodeUnprintable(error.description))")
        } else {
            Log.application.error("Uncaught exception \(line): \(error)")
        }
    }

    /// One line a request, where `settings.logsRequests`. Tornado: `Application.log_request`.
    func logRequest(_ handler: RequestHandler) {
        let code = handler.getStatus().code
        let request = handler.request
        let milliseconds = Double(request.requestTime().components.attoseconds / 1_000_000_000_000) / 1000
        Log.access.log(
            level: code < 400 ? .info : code < 500 ? .warning : .error,
            "\(code) \(request.method.rawValue) \(request.head.asciiTarget) (\(request.remoteIP)) \(milliseconds)ms")
    }
}
