public import Logging

/// Writes a logger's lines to Twister's log, which never blocks a loop: a line that the log's reader is too slow for is
/// dropped and counted.
///
/// Twister's own loggers (`Log`) have it by themselves. For all loggers of a program:
///
///     LoggingSystem.bootstrap { TwisterLogHandler(label: $0) }
///
/// Where the lines go and how they look, `LogConfiguration` says; this may be installed later.
///
/// Tornado: `log.LogFormatter` with a `logging.StreamHandler`.
public struct TwisterLogHandler: LogHandler {
    private let label: String
    /// Nil: those of the process, as they are when a line is written.
    private let fixedOutputs: LogOutputs?

    /// Less important lines are left out. Default: the level of the log's configuration.
    public var logLevel: Logger.Level
    /// The metadata of each line besides its own.
    public var metadata: Logger.Metadata = [:]
    /// Adds metadata of the running task, such as a trace's number; nil: none.
    public var metadataProvider: Logger.MetadataProvider?

    /// - Parameters:
    ///   - label: the logger's name, which each line has.
    ///   - metadataProvider: adds metadata of the running task. Default: that of swift-log's bootstrap.
    public init(label: String, metadataProvider: Logger.MetadataProvider? = LoggingSystem.metadataProvider) {
        self.init(label: label, outputs: nil, metadataProvider: metadataProvider)
    }

    init(label: String, outputs: LogOutputs?, metadataProvider: Logger.MetadataProvider? = nil) {
        self.label = label
        self.metadataProvider = metadataProvider
        fixedOutputs = outputs
        logLevel = (outputs ?? LogState.outputs).level
    }

    /// Metadata that each line has.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line; called by the `Logger`.
    public func log(event: LogEvent) {
        let outputs = fixedOutputs ?? LogState.outputs
        let entry = LogEntry(
            level: event.level, label: label, place: (event.file, event.line), message: event.message.description,
            metadata: allMetadata(event))
        outputs.write(event.level) { line, hasColor in line.append(entry, outputs.format, hasColor: hasColor) }
    }

    /// The metadata of the logger, of the task and of the line; the later ones win.
    private func allMetadata(_ event: LogEvent) -> Logger.Metadata {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error {
            all["error.message"] = "\(error)"
            all["error.type"] = "\(String(reflecting: type(of: error)))"
        }
        return all
    }
}
