public import Logging
public import ServiceLifecycle
public import TwisterHTTP
public import TwisterHTTP2
public import TwisterIO
public import TwisterTLS

/// How a server runs: where it listens, with how many threads and processes, and how it ends. The command line
/// (`ServerOptions`) makes one; a program may as well:
///
///     try application.run(.init(addresses: [.tcp("0.0.0.0", 8080), .unix("/run/app.sock")], loops: .oneACore))
public struct ServerConfiguration: Sendable {
    /// A number of threads or processes.
    public enum Count: Sendable, Equatable, ExpressibleByIntegerLiteral {
        /// One for each core.
        case oneACore
        /// So many, at least one.
        case exactly(Int)

        public init(integerLiteral value: Int) { self = .exactly(value) }

        /// The number; nil: one for each core.
        var number: Int? {
            switch self {
            case .oneACore: nil
            case .exactly(let number): max(number, 1)
            }
        }
    }

    /// Where to listen. Default: port 8888 of 127.0.0.1. A process that was started with listening sockets (by systemd, or by
    /// the program that it replaces) serves those instead.
    public var addresses: [ServerAddress]
    /// Loops in each process, each on a thread of its own. Default 1.
    public var loops: Count
    /// Processes that serve, supervised and restarted when they die; 1: this one, unsupervised. Default 1.
    ///
    /// Tornado: the `num_processes` of `TCPServer.start`.
    public var processes: Count
    /// The backend; nil: `TWISTER_BACKEND` of the environment, else `.auto`.
    public var backend: IOBackend?
    /// How long requests under way get to finish once the server is told to end. Then their handlers are cancelled, and what
    /// is left half a second later is cut. Default 10 s.
    public var shutdownTimeout: Duration
    /// How long idle connections stay open at the end, for requests that are on their way. Default 250 ms.
    public var drainGrace: Duration
    /// A loop that has not turned for so long is reported, with the handler that blocks it and a backtrace of its thread; nil:
    /// nothing is reported. Default 1 s, 250 ms in debug builds.
    ///
    /// Tornado: `IOLoop.set_blocking_log_threshold`.
    public var stallThreshold: Duration?
    /// Gets all that Twister logs, the access log included; nil: what `log` says.
    public var logger: Logger?
    /// Where the log goes and how it looks, where the program has not chosen that itself (`Log`).
    public var log: LogConfiguration
    /// Whether each request leaves a line in the access log. Default false. For other formats and places add an `AccessLog` to
    /// the `observers` of `http`.
    public var accessLog: Bool
    /// Services that start before the server and stop after it.
    public var services: [any Service]
    /// Limits and deadlines of the HTTP server.
    public var http: HTTPServer.Configuration
    /// The limits of HTTP/2, where `http.http2` has none of its own; nil: the server speaks HTTP/1.1 only. Default: on.
    public var http2: HTTP2Configuration? = HTTP2Configuration()

    public init(
        addresses: [ServerAddress] = [.tcp("127.0.0.1", 8888)], loops: Count = 1, processes: Count = 1,
        backend: IOBackend? = nil, shutdownTimeout: Duration = .seconds(10), accessLog: Bool = false,
        logger: Logger? = nil, log: LogConfiguration = LogConfiguration(), services: [any Service] = [],
        http: HTTPServer.Configuration = HTTPServer.Configuration()
    ) {
        self.addresses = addresses
        self.loops = loops
        self.processes = processes
        self.backend = backend
        self.shutdownTimeout = shutdownTimeout
        drainGrace = .milliseconds(250)
        stallThreshold = Self.defaultStallThreshold
        self.logger = logger
        self.log = log
        self.accessLog = accessLog
        self.services = services
        self.http = http
    }

    private static var defaultStallThreshold: Duration {
        #if DEBUG
        .milliseconds(250)
        #else
        .seconds(1)
        #endif
    }

    /// How many processes serve; 1: this one.
    var processCount: Int { processes.number ?? IOLoopGroup.coreCount }
    /// How many loops serve in each process.
    var loopCount: Int { loops.number ?? IOLoopGroup.coreCount }
}

/// Where a server listens.
public struct ServerAddress: Sendable, Equatable, CustomStringConvertible {
    enum Place: Sendable, Equatable {
        case tcp(host: String?, port: UInt16)
        case unix(path: String, mode: UInt32)
        case tls(host: String?, port: UInt16, Certificates)
    }

    /// Where the certificates of an address come from.
    enum Certificates: Sendable, Equatable {
        case options(SSLOptions)
        /// The program's own, which it can reload.
        case context(SSLContext)

        static func == (one: Certificates, other: Certificates) -> Bool {
            switch (one, other) {
            case (.options(let one), .options(let other)): one == other
            case (.context(let one), .context(let other)): one === other
            case (.options, .context), (.context, .options): false
            }
        }

        func makeContext() throws(SSLError) -> SSLContext {
            switch self {
            case .options(let options): try SSLContext(options, serverSide: true)
            case .context(let context): context
            }
        }
    }

    let place: Place

    /// A port of `host`: a numeric address (IPv4 or IPv6), a host name, or nil or `*` for every interface. Port 0: a free one.
    public static func tcp(_ host: String?, _ port: UInt16) -> ServerAddress {
        ServerAddress(place: .tcp(host: host == "*" ? nil : host, port: port))
    }

    /// A unix socket at `path`, with the permissions `mode`. A stale socket file there is replaced.
    public static func unix(_ path: String, mode: UInt32 = 0o600) -> ServerAddress {
        ServerAddress(place: .unix(path: path, mode: mode))
    }

    /// A port of `host` with TLS: https. The files are in PEM; they are read again at SIGHUP, and when they change.
    ///
    /// - Parameters:
    ///   - host: as for `tcp`.
    ///   - port: as for `tcp`.
    ///   - certificate: the path of a file with the certificate and those that lead to its authority.
    ///   - key: the path of a file with its private key.
    public static func tls(_ host: String?, _ port: UInt16, certificate: String, key: String) -> ServerAddress {
        tls(host, port, SSLOptions(certificate: certificate, key: key))
    }

    /// The same with all options: several certificates, certificates of clients, versions.
    public static func tls(_ host: String?, _ port: UInt16, _ options: SSLOptions) -> ServerAddress {
        ServerAddress(place: .tls(host: host == "*" ? nil : host, port: port, .options(options)))
    }

    /// The same with a server's context of the program's own, which the program can reload.
    public static func tls(_ host: String?, _ port: UInt16, _ context: SSLContext) -> ServerAddress {
        ServerAddress(place: .tls(host: host == "*" ? nil : host, port: port, .context(context)))
    }

    public var description: String {
        switch place {
        case .tcp(let host?, let port), .tls(let host?, let port, _):
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .tcp(nil, let port), .tls(nil, let port, _): "*:\(port)"
        case .unix(let path, _): "unix:\(path)"
        }
    }
}
