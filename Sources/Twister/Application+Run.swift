import Logging
import ServiceLifecycle
public import TwisterHTTP
import TwisterIO
public import TwisterWeb
import UnixSignals

extension Application {
    /// Serves until SIGTERM or SIGINT, then lets requests under way finish: the main function of a server.
    ///
    /// With `--processes`, this process binds the address and starts processes that serve: each runs this program with the same
    /// arguments, so that code before this call runs in each of them.
    ///
    /// - Throws: `IOError` if the backend is not available, or the address cannot be bound;
    ///   `ProcessSupervisor.TooManyRestarts`.
    ///
    /// Tornado: `Application.listen` and `IOLoop.start`.
    public func run(
        _ options: ServerOptions, configuration: HTTPServer.Configuration = HTTPServer.Configuration()
    ) async throws {
        if options.processes != 1, ProcessSupervisor.taskID == nil { return try await options.supervise() }
        let server = WebServer(self, options, configuration: configuration)
        let group = ServiceGroup(
            services: [server], gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "twister.service") { _ in SwiftLogNoOpLogHandler() })
        try await group.run()
    }

    /// The same for a `main` that is not async: the calling thread does nothing else until the server has ended.
    ///
    /// An idle server then makes no wake-ups at all. An async `main` uses Swift's own pool of threads, which libdispatch
    /// checks once a second for as long as the process lives.
    public func run(
        _ options: ServerOptions, configuration: HTTPServer.Configuration = HTTPServer.Configuration()
    ) throws {
        // This loop waits for signals and for the end of the server. Other loops serve the requests.
        let loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
        defer { loop.close() }
        try loop.runSync { try await self.run(options, configuration: configuration) }
    }
}

extension ServerOptions {
    /// Binds the address and keeps the processes that serve it running, until they have ended.
    fileprivate func supervise() async throws {
        let sockets =
            if let unixSocket { [try bindUnixSocket(unixSocket)] } else { try bindSockets(port: port, address: host) }
        let count = processes == 0 ? nil : processes
        // The supervisor blocks its thread until the server has ended.
        let thread = ExecutorPool(size: 1, name: "twister-super")
        try await thread.run {
            try ProcessSupervisor(sockets, configuration: ProcessSupervisor.Configuration(processes: count)).run()
        }
    }
}
