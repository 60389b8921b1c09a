import Glibc
import Logging
public import TwisterHTTP
import TwisterIO
import TwisterTLS
import TwisterWeb

/// The main function of a server. There is one form for a synchronous `main` and one for an async one.
///
/// Each serves until a signal ends it:
///
/// - SIGTERM, SIGINT, SIGQUIT: the server drains (`HTTPServer.shutdown`); a second one ends the process at once.
/// - SIGUSR1: logs are opened anew. SIGHUP: the same, and the certificates of TLS are read again; a server whose terminal
///   has gone drains, and with several processes new workers replace the old ones, one after the other.
/// - SIGUSR2: the program is started again, takes over the listening sockets, and once it serves, this process drains.
///
/// A shutdown that a blocked thread holds up is ended by a watchdog: the process exits with status 75 shortly after
/// the deadline, and its log names the handlers that blocked.
///
/// With several processes, this process binds the addresses and starts processes that serve: each runs this program with the
/// same arguments, so that code before this call runs in each of them.
///
/// Tornado: `Application.listen` and `IOLoop.start`.
extension HTTPServerConnectionDelegate {
    /// Serves as the process's command line says, which has the flags of `ServerOptions` and no others.
    ///
    /// - Returns: how the shutdown went.
    /// - Throws: `IOError` if the backend is not available, or an address cannot be bound; `ProcessSupervisor.TooManyRestarts`.
    @discardableResult
    public func run() throws -> ShutdownResult { try run(ServerOptions.parseOrExit()) }

    /// Serves as these options say.
    @discardableResult
    public func run(_ options: ServerOptions) throws -> ShutdownResult {
        if options.listsRoutes { return listRoutes() }
        return try run(options.configuration)
    }

    /// The same, with limits and deadlines of the HTTP server, which have no flags.
    @discardableResult
    public func run(_ options: ServerOptions, configuration: HTTPServer.Configuration) throws -> ShutdownResult {
        if options.listsRoutes { return listRoutes() }
        var server = options.configuration
        server.http = configuration.adding(server.http)
        return try run(server)
    }

    /// Serves as the configuration says.
    ///
    /// The calling thread does nothing else until the server has ended; on the main thread, nothing of the main actor runs.
    /// An idle server then makes no wake-ups at all. (An async `main` uses Swift's own pool of threads, which libdispatch
    /// checks once a second for as long as the process lives.)
    @discardableResult
    public func run(_ configuration: ServerConfiguration) throws -> ShutdownResult {
        // This loop waits for the end of the server. Other loops serve the requests.
        let loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
        defer { loop.close() }
        return try loop.runSync { try await self.serve(configuration, waitingOn: loop) }
    }

    /// Serves as the process's command line says, which has the flags of `ServerOptions` and no others.
    @discardableResult
    public func run() async throws -> ShutdownResult { try await run(ServerOptions.parseOrExit()) }

    /// Serves as these options say.
    @discardableResult
    public func run(_ options: ServerOptions) async throws -> ShutdownResult {
        if options.listsRoutes { return listRoutes() }
        return try await run(options.configuration)
    }

    /// The same, with limits and deadlines of the HTTP server, which have no flags.
    @discardableResult
    public func run(_ options: ServerOptions, configuration: HTTPServer.Configuration) async throws -> ShutdownResult {
        if options.listsRoutes { return listRoutes() }
        var server = options.configuration
        server.http = configuration.adding(server.http)
        return try await run(server)
    }

    /// Prints the routes, in place of serving them.
    private func listRoutes() -> ShutdownResult {
        let routes = (self as? Application)?.routeDescriptions ?? []
        print(RouteDescription.table(routes), terminator: "")
        return ShutdownResult()
    }

    /// Serves as the configuration says.
    @discardableResult
    public func run(_ configuration: ServerConfiguration) async throws -> ShutdownResult {
        try await serve(configuration, waitingOn: nil)
    }

    private func serve(_ configuration: ServerConfiguration, waitingOn loop: IOLoop?) async throws -> ShutdownResult {
        StandardDescriptors.secure()
        if let logger = configuration.logger { Log.use(logger) } else { try configuration.log.installUnlessChosen() }
        if configuration.processCount > 1, ProcessSupervisor.taskID == nil {
            return try await configuration.supervise()
        }
        return try await ServerProcess(self, configuration, waitingOn: loop).run()
    }
}

extension HTTPServer.Configuration {
    /// This configuration, with what the options of a command line say of it.
    fileprivate func adding(_ options: HTTPServer.Configuration) -> HTTPServer.Configuration {
        var both = self
        both.observers += options.observers
        both.requestIDs = requestIDs || options.requestIDs
        return both
    }
}

extension ServerConfiguration {
    /// Binds the addresses and keeps the processes that serve them running, until they have ended.
    fileprivate func supervise() async throws -> ShutdownResult {
        Readiness.prepare()
        // Certificates that cannot be used end the server here, before a worker is started.
        if try !TLSListeners(addresses).isEmpty { TicketSeed.share() }
        // The supervisor blocks its thread until the server has ended.
        let thread = ExecutorPool(size: 1, name: "twister-super")
        let failure: CInt? = try await thread.run {
            let supervisor = try makeSupervisor()
            try supervisor.run()
            if let signal = supervisor.killedBy { return 128 + signal }
            return supervisor.hadBlockedWorker ? ProcessSupervisor.blockedStatus : nil
        }
        guard let failure else { return ShutdownResult() }
        Log.flush(within: .milliseconds(300))
        exit(failure)
    }

    /// A supervisor that alone holds the listening sockets, so that they close when it lets go of them.
    private func makeSupervisor() throws -> ProcessSupervisor {
        let sockets = try inheritOrBind(copies: processCount * loopCount)
        var supervision = ProcessSupervisor.Configuration(processes: processCount)
        // A worker's own watchdog has ended it by then, unless the process as a whole stands still.
        supervision.stopTimeout = shutdownTimeout + WatchdogTime.longest
        // A worker that ends without the supervisor's order got SIGTERM from elsewhere. Its sockets are still bound, and clients
        // wait in them.
        supervision.restartsEndedWorkers = true
        // Each worker accepts from sockets of its own, among which the kernel spreads the connections evenly.
        let supervisor = ProcessSupervisor(
            socketsOfWorkers: ListeningSocket.distribute(sockets, over: processCount), configuration: supervision)
        supervisor.onReopenLogs = { Log.reopen() }
        return supervisor
    }

    /// The sockets that this process was started with; else those of the addresses, bound here.
    func inheritOrBind(copies: Int) throws(IOError) -> [ListeningSocket] {
        let inherited = try ListeningSocket.inherited()
        if !inherited.isEmpty { return inherited }
        // A worker that bound the addresses itself would serve another port, or hold one that its supervisor does not know.
        guard processCount == 1 || ProcessSupervisor.taskID == nil else {
            throw IOError(errno: EBADF, "inherit the supervisor's listening sockets")
        }
        return try bind(copies: copies)
    }

    /// Binds the addresses: each TCP address so many times, for as many loops, and a unix socket once.
    func bind(copies: Int) throws(IOError) -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        var securedCount = 0
        for address in addresses {
            var name = TLSListeners.plainName
            let bound: [ListeningSocket]
            switch address.place {
            case .tcp(let host, let port):
                bound = try bindSockets(port: port, address: host, copies: copies).flatMap(\.self)
            case .unix(let path, let mode): bound = [try bindUnixSocket(path, mode: mode)]
            case .tls(let host, let port, _):
                bound = try bindSockets(port: port, address: host, copies: copies).flatMap(\.self)
                name = TLSListeners.name(securedCount)
                securedCount += 1
            }
            for socket in bound { socket.name = name }
            sockets += bound
        }
        return sockets
    }
}
