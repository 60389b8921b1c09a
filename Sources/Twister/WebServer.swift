import Logging
public import ServiceLifecycle
public import TwisterHTTP
import TwisterIO
import TwisterWeb

/// An application being served: a `Service` for programs that run several.
public struct WebServer: Service {
    private let delegate: any HTTPServerConnectionDelegate
    private let options: ServerOptions
    private let configuration: HTTPServer.Configuration

    /// - Parameters:
    ///   - delegate: the application, or anything else that responds to requests.
    ///   - options: where and how to serve.
    ///   - configuration: limits and deadlines.
    public init(
        _ delegate: any HTTPServerConnectionDelegate, _ options: ServerOptions,
        configuration: HTTPServer.Configuration = HTTPServer.Configuration()
    ) {
        let logging = options.accessLog ? (delegate as? Application)?.loggingRequests() : nil
        self.delegate = logging ?? delegate
        self.options = options
        self.configuration = configuration
    }

    /// Serves until its service group shuts down gracefully, or its task is cancelled.
    ///
    /// It listens on the sockets with which a `ProcessSupervisor` or systemd has started the process, if there are any; else
    /// on the options' address.
    public func run() async throws {
        let logger = Logger(label: "twister")
        let servers = try await start()
        let places = servers.addresses.map { $0.isUnix ? "\($0)" : "http://\($0)" }.joined(separator: ", ")
        let fallback = servers.backendFallbackReason.map { " (no io_uring: \($0))" } ?? ""
        let process = ProcessSupervisor.taskID.map { ", process \($0)" } ?? ""
        logger.info(
            "serving on \(places), backend \(servers.backend)\(fallback), \(servers.loopCount) loop(s)\(process)")
        try? await gracefulShutdown()
        logger.info("shutting down\(process)")
        let (finished, forced) = await servers.shutdown(deadline: .seconds(options.shutdownTimeout))
        logger.info("stopped\(process): \(finished) connection(s) ended by themselves, \(forced) cut")
    }

    private func start() async throws -> HTTPServerGroup {
        let loopCount = options.loops == 0 ? nil : options.loops
        let loop = IOLoop.Configuration(backend: options.backend)
        let inherited = try ListeningSocket.inherited()
        guard inherited.isEmpty else {
            return try await HTTPServerGroup(
                delegate: delegate, sockets: inherited, loopCount: loopCount, loop: loop, configuration: configuration)
        }
        let address: HTTPServerGroup.Address =
            if let path = options.unixSocket { .unix(path: path) } else { .tcp(host: options.host, port: options.port) }
        return try await HTTPServerGroup(
            delegate: delegate, addresses: [address], loopCount: loopCount, loop: loop, configuration: configuration)
    }
}
