import Logging

@testable import TwisterIO

/// The lines that were logged, from all threads.
final class LoggedLines: Sendable {
    // Not a Mutex: the thread sanitizer does not know it.
    private let lines = ConditionLock<[String]>([])

    /// `warning message key=value`, in order.
    var all: [String] { lines.withLock { $0 } }
    fileprivate func add(_ line: String) { lines.withLock { $0.append(line) } }

    fileprivate struct Handler: LogHandler {
        let lines: LoggedLines
        var logLevel = Logger.Level.debug
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.add("\(event.level) \(event.message)") }
    }
}

/// Runs `body` with all loggers of the process replaced, and returns the lines that hold `text`.
func loggedLines(with text: String, _ body: () async throws -> Void) async throws -> [String] {
    let before = LogState.current
    defer { LogState.use(before) }
    let lines = LoggedLines()
    Log.use(Logger(label: "test", factory: { _ in LoggedLines.Handler(lines: lines) }))
    try await body()
    return lines.all.filter { $0.contains(text) }
}
