public import ArgumentParser
import Glibc
public import Logging
public import TwisterHTTP
public import TwisterIO

/// The options of a server's command line: `@OptionGroup var options: ServerOptions`. In code, the properties may be set on a
/// new value just as well.
///
/// Where a flag is not given, the environment decides (`TWISTER_PORT` for `--port`), then the default.
public struct ServerOptions: ParsableArguments, Sendable {
    /// Where to listen: numeric addresses, host names, or `*` for every interface. Default `127.0.0.1`, unless there is a
    /// `unixSocket` and no `port`.
    public var addresses: [String] = []
    /// The port of these addresses; 0 takes a free one. Default 8888.
    public var port: UInt16 = 8888 { didSet { isPortGiven = true } }
    /// The path of a unix socket to listen on; nil: none.
    public var unixSocket: String?
    /// https: the port of these addresses that has TLS, and its certificates; nil: there is none. Where it is set,
    /// `port` is served only if that is set, too.
    public var tls: TLSOptions?
    /// The backend; nil: `.auto`.
    public var backend: IOBackend?
    /// Loops in each process, each on a thread of its own; 0: one a core. Default 1.
    public var loops = 1
    /// Processes that serve, supervised and restarted; 0: one a core. Default 1: this one, unsupervised.
    ///
    /// Tornado: the `num_processes` of `TCPServer.start`.
    public var processes = 1
    /// Seconds that requests under way get to finish after SIGTERM or SIGINT. Default 10.
    public var shutdownTimeout = 10.0
    /// Whether each request is logged with a line (`AccessLog`). Default false.
    public var accessLog = false
    /// The format of these lines; nil: text, or JSON where the log as a whole is.
    public var accessLogFormat: AccessLog.Format?
    /// Whether each request gets an identifier, which its response and its log lines name. Default false.
    public var requestIDs = false
    /// Whether the server speaks HTTP/2 to clients that begin with its preface, beside HTTP/1.1. Default true.
    public var http2 = true
    /// Whether the program lists the routes of its application, with their rules, and ends. Default false.
    public var listsRoutes = false
    /// Where the log goes, and how it looks: `--log-level`, `--log-format`, `--log-file-prefix` and the like.
    ///
    /// Tornado: `define_logging_options`.
    public var log = LogConfiguration()

    /// Whether the port without TLS is served where another place is named.
    private var isPortGiven = false

    @OptionGroup private var flags: ServerFlags
    @OptionGroup private var tlsFlags: TLSFlags

    /// The error in the environment's variables; `validate` reports it.
    private var problem: String?

    public init() {}

    /// Called by the parser.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        _flags = try container.decode(OptionGroup<ServerFlags>.self, forKey: .flags)
        _tlsFlags = try container.decode(OptionGroup<TLSFlags>.self, forKey: .tlsFlags)
        do {
            try take(_flags.wrappedValue)
            tls = try TLSOptions(_tlsFlags.wrappedValue)
        } catch {
            problem = "\(error)"
        }
    }

    private enum Key: String, CodingKey { case flags, tlsFlags }

    private mutating func take(_ flags: ServerFlags) throws {
        let listed = try Environment.value("ADDRESS") { $0.filter { $0 != " " } }?.split(separator: ",").map(
            String.init)
        addresses = flags.address.isEmpty ? listed ?? [] : flags.address
        if let given = try flags.port ?? Environment.value("PORT", { UInt16($0) }) {
            port = given
        }
        unixSocket = try flags.unixSocket ?? Environment.value("UNIX_SOCKET") { $0 }
        backend = try flags.backend ?? Environment.value("BACKEND") { IOBackend(rawValue: $0) }
        loops = try flags.loops ?? Environment.value("LOOPS") { Int($0) } ?? loops
        processes = try flags.processes ?? Environment.value("PROCESSES") { Int($0) } ?? processes
        shutdownTimeout =
            try flags.shutdownTimeout ?? Environment.value("SHUTDOWN_TIMEOUT") { Double($0) } ?? shutdownTimeout
        accessLog = try flags.accessLog || Environment.value("ACCESS_LOG") { Self.isYes($0) } ?? false
        accessLogFormat =
            try flags.accessLogFormat ?? Environment.value("ACCESS_LOG_FORMAT") { AccessLog.Format(rawValue: $0) }
        requestIDs = try flags.requestIDs || Environment.value("REQUEST_IDS") { Self.isYes($0) } ?? false
        http2 = try !(flags.noHTTP2 || Environment.value("NO_HTTP2") { Self.isYes($0) } ?? false)
        listsRoutes = flags.routes
        log.level = try flags.logLevel ?? Environment.value("LOG_LEVEL") { Logger.Level(rawValue: $0) } ?? log.level
        log.format = try flags.logFormat ?? Environment.value("LOG_FORMAT") { LogFormat(rawValue: $0) } ?? log.format
        takeLogFile(try flags.logFilePrefix ?? Environment.value("LOG_FILE_PREFIX") { $0 }, flags)
    }

    private mutating func takeLogFile(_ path: String?, _ flags: ServerFlags) {
        guard let path else { return }
        let rotation = LogRotation(
            flags.logFileMaxSize == 0 ? .never : .size(flags.logFileMaxSize), backups: flags.logFileNumBackups)
        log.destinations = [.file(path, rotation)] + (flags.logToStderr ? [.standardError] : [])
    }

    private static func isYes(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "1", "true", "yes", "on": true
        case "0", "false", "no", "off": false
        default: nil
        }
    }

    /// Refuses numbers out of range.
    public func validate() throws {
        if let problem { throw ValidationError(problem) }
        guard unixSocket != "" else { throw ValidationError("--unix-socket is the path of a socket") }
        guard loops >= 0 else { throw ValidationError("--loops is a number of threads, or 0 for one a core") }
        guard processes >= 0 else { throw ValidationError("--processes is a number, or 0 for one a core") }
        guard (0...86_400).contains(shutdownTimeout) else {
            throw ValidationError("--shutdown-timeout is a number of seconds")
        }
    }

    /// The configuration that these options describe.
    public var configuration: ServerConfiguration {
        let hosts = addresses.isEmpty ? ["127.0.0.1"] : addresses
        var places: [ServerAddress] = []
        let hasOtherPlace = tls != nil || unixSocket != nil && addresses.isEmpty
        if isPortGiven || !hasOtherPlace { places += hosts.map { .tcp($0, port) } }
        if let tls { places += hosts.map { .tls($0, tls.port, tls.options) } }
        if let unixSocket { places.append(.unix(unixSocket)) }
        var http = HTTPServer.Configuration()
        http.requestIDs = requestIDs
        if accessLog, let accessLogFormat { http.observers.append(AccessLog(accessLogFormat)) }
        var server = ServerConfiguration(
            addresses: places, loops: Self.count(loops), processes: Self.count(processes), backend: backend,
            shutdownTimeout: .milliseconds(
                Int64(max(0, min(shutdownTimeout.isNaN ? 0 : shutdownTimeout, 86_400)) * 1000)),
            accessLog: accessLog && accessLogFormat == nil, log: log, http: http)
        if !http2 { server.http2 = nil }
        return server
    }

    private static func count(_ number: Int) -> ServerConfiguration.Count {
        number == 0 ? .oneACore : .exactly(number)
    }
}

/// The flags of the command line. They are apart, because the values of flags exist only once a command line was parsed, while
/// `ServerOptions` may be made in code.
struct ServerFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "An address to listen on: numeric, a host name, or * for every interface. May be repeated. (default: 127.0.0.1)"
        ))
    var address: [String] = []

    @Option(help: "The port to listen on; 0 takes a free one. (default: 8888)")
    var port: UInt16?

    @Option(help: "A unix socket to listen on.")
    var unixSocket: String?

    @Option(help: "How to talk to the kernel: auto, io_uring or epoll. (default: auto)")
    var backend: IOBackend?

    @Option(help: "How many loops serve in each process, each on its own thread; 0: one a core. (default: 1)")
    var loops: Int?

    @Option(
        help:
            "How many processes serve, restarted when they die; 0: one a core; 1: this one, unsupervised. (default: 1)")
    var processes: Int?

    @Option(help: "Seconds that requests under way get to finish after SIGTERM or SIGINT. (default: 10)")
    var shutdownTimeout: Double?

    @Flag(name: .customLong("no-http2"), help: "Speak HTTP/1.1 only.")
    var noHTTP2 = false

    @Flag(help: "List the routes with their rules, and end.")
    var routes = false

    @Flag(help: "Log a line for each request.")
    var accessLog = false

    @Option(help: "The format of these lines: text, common, combined or json. (default: that of the log)")
    var accessLogFormat: AccessLog.Format?

    @Flag(
        name: .customLong("request-ids"), help: "Give each request an identifier, for its response and its log lines.")
    var requestIDs = false

    @Option(
        help: "The least level that is logged: trace, debug, info, notice, warning, error, critical. (default: info)")
    var logLevel: Logger.Level?

    @Option(help: "How the log looks: text or json. (default: text)")
    var logFormat: LogFormat?

    @Option(help: "The path of a file that the log goes to. (default: standard error)")
    var logFilePrefix: String?

    @Option(help: "The size at which this file is renamed and begun anew, in bytes; 0: never.")
    var logFileMaxSize = 100_000_000

    @Option(help: "How many of the old files are kept.")
    var logFileNumBackups = 10

    @Flag(help: "Log to standard error, too, where there is a file.")
    var logToStderr = false
}

extension IOBackend: ExpressibleByArgument {}
extension LogFormat: ExpressibleByArgument {}
extension AccessLog.Format: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}

/// The environment variables that stand for flags.
enum Environment {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// The value of `TWISTER_` and `name`; nil where it is not set, or empty.
    ///
    /// - Throws: `Problem` where `parse` returns nil.
    static func value<Value>(_ name: String, _ parse: (String) -> Value?) throws(Problem) -> Value? {
        guard let pointer = getenv("TWISTER_" + name) else { return nil }
        let text = String(cString: pointer)
        // Kubernetes sets TWISTER_PORT=tcp://ADDRESS:PORT for a service that is called twister.
        if text.isEmpty || text.hasPrefix("tcp://") { return nil }
        guard let value = parse(text) else { throw Problem(description: "TWISTER_\(name)=\(text) is not valid") }
        return value
    }
}
