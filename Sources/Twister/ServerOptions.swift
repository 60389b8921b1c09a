public import ArgumentParser
public import TwisterIO

/// The options of a server's command line: `@OptionGroup var options: ServerOptions`.
public struct ServerOptions: ParsableArguments, Sendable {
    /// Where to listen: a numeric address, a host name, or `*` for every interface. Default `127.0.0.1`.
    @Option(help: "The address to listen on: numeric, a host name, or * for every interface.")
    public var address: String = "127.0.0.1"

    /// The port; 0 takes a free one. Default 8888.
    @Option(help: "The port to listen on; 0 takes a free one.")
    public var port: UInt16 = 8888

    /// The path of a unix socket to listen on instead; nil: none.
    @Option(help: "A unix socket to listen on instead.")
    public var unixSocket: String?

    /// The backend; nil: `TWISTER_BACKEND` of the environment, else `.auto`.
    @Option(help: "How to talk to the kernel: auto, io_uring or epoll. (default: TWISTER_BACKEND, else auto)")
    public var backend: IOBackend?

    /// Loops in each process, each on a thread of its own; 0: one a core. Default 1.
    @Option(help: "How many loops serve in each process, each on its own thread; 0: one a core.")
    public var loops: Int = 1

    /// Processes that serve, supervised and restarted; 0: one a core. Default 1: this one, unsupervised.
    ///
    /// Tornado: the `num_processes` of `TCPServer.start`.
    @Option(help: "How many processes serve, restarted when they die; 0: one a core; 1: this one, unsupervised.")
    public var processes: Int = 1

    /// Seconds that requests under way get to finish after SIGTERM or SIGINT. Default 10.
    @Option(help: "Seconds that requests under way get to finish after SIGTERM or SIGINT.")
    public var shutdownTimeout: Int = 10

    /// Whether each request to an `Application` is logged with a line in the log `twister.access`. Default false.
    @Flag(help: "Log a line for each request.")
    public var accessLog = false

    public init() {}

    /// Refuses numbers out of range.
    public func validate() throws {
        guard loops >= 0 else { throw ValidationError("--loops is a number of threads, or 0 for one a core") }
        guard processes >= 0 else { throw ValidationError("--processes is a number, or 0 for one a core") }
        guard shutdownTimeout >= 0 else { throw ValidationError("--shutdown-timeout is a number of seconds") }
    }

    /// The address as the functions for sockets expect it: nil for every interface.
    var host: String? { address == "*" ? nil : address }
}

extension IOBackend: ExpressibleByArgument {}
