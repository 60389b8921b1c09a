public import Logging

/// Twister's three loggers, as Tornado has them, which separate the causes of log entries.
///
/// They write through a thread of their own to standard error, or as a `LogConfiguration` says that was installed. A
/// program that logs in another way keeps it: where it calls `LoggingSystem.bootstrap` with a handler of its own before it
/// uses Twister, or hands in a logger (`use`), their lines go there.
public enum Log {
    /// One line for each request, where a server has an access log. Tornado: `log.access_log`, `tornado.access`.
    public static var access: Logger { LogState.current.access }
    /// Errors in the application's own code. Tornado: `log.app_log`, `tornado.application`.
    public static var application: Logger { LogState.current.application }
    /// Errors that peers cause, and notes about the server itself. Tornado: `log.gen_log`, `tornado.general`.
    public static var general: Logger { LogState.current.general }

    /// Has Twister log with the handler, the level and the metadata of this logger. From any thread; objects that keep a
    /// logger, such as a request under way, keep theirs.
    ///
    /// A handler that blocks holds up the loop that logs.
    public static func use(_ logger: Logger) {
        LogState.use(
            LogState.Loggers { label in Logger(label: label, factory: { _ in logger.handler }) })
    }

    /// The same with another logger for each purpose.
    public static func use(access: Logger, application: Logger, general: Logger) {
        LogState.use(LogState.Loggers(access: access, application: application, general: general))
    }

    /// The lines that Twister's log has dropped since the start, because they came faster than its reader took them.
    public static var droppedLines: Int { LogState.droppedLines }

    /// Opens all log files anew, by their names, before the next lines are written: after another program has renamed
    /// them. From any thread.
    public static func reopen() { LogWriters.reopen() }

    /// Waits until everything that was logged is written, `timeout` at most. The end of a process does so by itself, for half
    /// a second at most.
    public static func flush(within timeout: Duration) { LogWriters.flush(within: timeout) }
}
