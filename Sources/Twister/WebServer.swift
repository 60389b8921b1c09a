import Logging
public import ServiceLifecycle
public import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTLS

/// A server as a `Service`, for programs that run it in a `ServiceGroup` of their own. The group and the program then
/// have to handle signals and processes themselves, which `run()` of an application does for them.
public struct WebServer: Service {
    private let delegate: any HTTPServerConnectionDelegate
    private let configuration: ServerConfiguration
    private let onEnd: @Sendable (ShutdownResult) -> Void

    /// - Parameters:
    ///   - delegate: the application, or anything else that responds to requests.
    ///   - configuration: where and how to serve.
    ///   - onEnd: gets the result of the shutdown.
    public init(
        _ delegate: any HTTPServerConnectionDelegate, _ configuration: ServerConfiguration = ServerConfiguration(),
        onEnd: @escaping @Sendable (ShutdownResult) -> Void = { _ in }
    ) {
        self.delegate = delegate
        self.configuration = configuration
        self.onEnd = onEnd
    }

    /// The same, with the options of a command line.
    public init(_ delegate: any HTTPServerConnectionDelegate, _ options: ServerOptions) {
        self.init(delegate, options.configuration)
    }

    /// Serves until its service group shuts down gracefully, or its task is cancelled.
    ///
    /// It listens on the sockets with which a `ProcessSupervisor`, systemd or the program that it replaces has started the
    /// process, if there are any; else on the configuration's addresses.
    public func run() async throws {
        let server = try await RunningServer(delegate, configuration)
        try? await gracefulShutdown()
        onEnd(await server.drain())
    }
}

/// A server that accepts connections.
final class RunningServer: Sendable {
    let group: HTTPServerGroup
    private let configuration: ServerConfiguration
    private let tls: TLSListeners
    private let certificateWatch: CertificateWatch?
    private let process = ProcessSupervisor.taskID.map { ", process \($0)" } ?? ""

    init(_ delegate: any HTTPServerConnectionDelegate, _ configuration: ServerConfiguration) async throws {
        self.configuration = configuration
        tls = try TLSListeners(configuration.addresses)
        let sockets = try configuration.inheritOrBind(copies: configuration.loopCount)
        tls.secure(sockets)
        var http = configuration.http
        http.http2 = configuration.http2.map { http.http2 ?? $0 }
        if configuration.accessLog { http.observers.append(AccessLog()) }
        if let status = WorkerStatus.inherited { http.observers.append(RequestsUnderWay(status)) }
        group = try await HTTPServerGroup(
            delegate: delegate, sockets: sockets, loopCount: configuration.loopCount,
            loop: IOLoop.Configuration(backend: configuration.backend), configuration: http)
        certificateWatch = tls.watch()
        var places: [String] = []
        for socket in sockets {
            guard let address = socket.address else { continue }
            let scheme = socket.filters == nil ? "http" : "https"
            let place = address.isUnix ? "\(address)" : "\(scheme)://\(address)"
            if !places.contains(place) { places.append(place) }
        }
        let fallback = group.backendFallbackReason.map { " (no io_uring: \($0))" } ?? ""
        Log.general.info(
            "serving on \(places.joined(separator: ", ")), backend \(group.backend)\(fallback), \(group.loopCount) loop(s)\(process)"
        )
        Readiness.tell()
    }

    /// Reads the certificates of the addresses that have TLS again.
    func reloadCertificates() { tls.reload() }

    /// Ends it, and logs how that went.
    ///
    /// - Parameters:
    ///   - isReplaced: whether another process has taken over the listening sockets.
    ///   - loop: directs the shutdown; nil: Swift's pool of threads does.
    func drain(isReplaced: Bool = false, on loop: IOLoop? = nil) async -> ShutdownResult {
        let logger = Log.general
        logger.info("shutting down\(process)")
        certificateWatch?.end()
        // After a replacement the service goes on, as another process.
        if !isReplaced { Systemd.notify("STOPPING=1") }
        WorkerStatus.inherited?.tellEnd()
        if WorkerStatus.inherited?.isServerEnding == true { for socket in group.sockets { socket.takeOwnership() } }
        let result = await group.shutdown(
            deadline: configuration.shutdownTimeout, grace: configuration.drainGrace,
            sharesSockets: isReplaced, on: loop)
        for request in result.cut { logger.warning("cut\(process): \(request)") }
        for loop in result.blocked { logger.error("blocked\(process): \(loop)") }
        logger.info("stopped\(process): \(result.finished) connection(s) ended by themselves, \(result.forced) cut")
        return result
    }
}
