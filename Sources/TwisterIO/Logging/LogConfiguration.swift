import Glibc
public import Logging

/// Where Twister's log goes, what is in it and how it looks.
///
///     var log = LogConfiguration()
///     log.format = .json
///     log.destinations = [.file("/var/log/app.log")]
///     try log.install()
///
/// Tornado: `log.enable_pretty_logging` and the options of `log.define_logging_options`.
public struct LogConfiguration: Sendable {
    /// A place that lines are written to.
    public enum Destination: Sendable, Hashable {
        /// Descriptor 2, with colours where it is a terminal. Tornado: `log_to_stderr`.
        case standardError
        /// A file, which is created where it does not exist, and extended where it does. Tornado: `log_file_prefix`.
        case file(String, LogRotation = LogRotation())
    }

    /// Less important lines are left out. Default `.info`. Tornado: the option `logging`.
    public var level = Logger.Level.info
    /// How lines look. Default `.text`.
    public var format = LogFormat.text
    /// Each line is written to all of these. Default: `.standardError` alone.
    public var destinations = [Destination.standardError]
    /// How many bytes of lines may wait for each destination to take them. Lines beyond that are dropped and counted.
    /// Default 1 MiB.
    public var queueSize = 1 << 20

    public init() {}

    /// Has the log written in this way from now on, in place of what was chosen before: the lines of the three loggers of
    /// `Log`, of every `TwisterLogHandler` and, unless it has a destination of its own, of the access log.
    ///
    /// - Throws: `IOError` where a file cannot be opened, or a thread not be started. Then nothing has changed.
    ///
    /// Tornado: `log.enable_pretty_logging`.
    public func install() throws(IOError) {
        LogState.install(try makeOutputs())
    }

    /// The same, unless the program has chosen how it logs: by `install`, by `Log.use`, or by a `LoggingSystem.bootstrap` with
    /// a handler other than swift-log's own `StreamLogHandler`. For servers whose command line configures the log.
    ///
    /// - Returns: whether it was installed.
    /// - Throws: `IOError`, as `install`.
    @discardableResult
    public func installUnlessChosen() throws(IOError) -> Bool {
        if LogState.isChosen { return false }
        try install()
        return true
    }

    func makeOutputs() throws(IOError) -> LogOutputs {
        var outputs: [LogOutputs.Output] = []
        for destination in destinations {
            let writer = try destination.makeWriter(queueSize, LogOutputs.dropNotice(format))
            outputs.append(
                LogOutputs.Output(writer: writer, format: format, hasColor: format == .text && destination.isTerminal))
        }
        return LogOutputs(outputs, level: level, format: format)
    }
}

extension LogConfiguration.Destination {
    package func makeWriter(
        _ queueSize: Int, _ dropNotice: @escaping @Sendable (Int) -> [UInt8]
    ) throws(IOError) -> LogWriter {
        let target: LogFile.Target =
            switch self {
            case .standardError: .descriptor(2)
            case .file(let path, let rotation): .path(path, rotation)
            }
        return try LogWriter(target, capacity: queueSize, dropNotice: dropNotice)
    }

    /// Whether colours may be used: on a terminal that has them, unless the environment's `NO_COLOR` asks for none.
    fileprivate var isTerminal: Bool {
        guard case .standardError = self, isatty(2) == 1, getenv("NO_COLOR") == nil else { return false }
        return getenv("TERM").map { String(cString: $0) != "dumb" } ?? false
    }
}
