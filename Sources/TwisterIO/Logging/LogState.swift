import Logging
import Synchronization

/// How the process logs at the moment: read at each log entry, by any thread, without a lock.
package enum LogState {
    /// The three loggers.
    final class Loggers: Sendable {
        let access: Logger
        let application: Logger
        let general: Logger
        /// Where their lines go; nil: a handler of the program's own writes them.
        let outputs: LogOutputs?

        init(access: Logger, application: Logger, general: Logger, outputs: LogOutputs? = nil) {
            self.access = access
            self.application = application
            self.general = general
            self.outputs = outputs
        }

        convenience init(outputs: LogOutputs? = nil, _ make: (String) -> Logger) {
            self.init(
                access: make("twister.access"), application: make("twister.application"),
                general: make("twister.general"), outputs: outputs)
        }
    }

    private static let loggers = Latest<Loggers>()
    private static let installed = Latest<LogOutputs>()

    static var current: Loggers {
        loggers.value ?? initial
    }

    /// The loggers before the program has chosen any.
    private static let initial: Loggers = {
        // swift-log's own handler stands here where the program has chosen none. It blocks the thread until its reader takes the
        // line.
        guard Logger(label: "twister").handler is StreamLogHandler else { return Loggers { Logger(label: $0) } }
        return made(outputs)
    }()

    /// Where the lines of `TwisterLogHandler` go.
    static var outputs: LogOutputs {
        installed.value ?? initialOutputs
    }

    private static let initialOutputs: LogOutputs = {
        // Without a thread that writes, nothing is logged: a loop must not wait for a reader.
        (try? LogConfiguration().makeOutputs()) ?? LogOutputs([], level: .critical, format: .text)
    }()

    /// The outputs for lines that are made as bytes; nil: such lines go to the logger `Log.access`.
    package static var accessOutputs: LogOutputs? { current.outputs }

    /// Whether the program has said how it logs.
    static var isChosen: Bool {
        if loggers.value != nil { return true }
        return !(Logger(label: "twister").handler is StreamLogHandler)
    }

    private static func made(_ outputs: LogOutputs) -> Loggers {
        Loggers(outputs: outputs) { label in
            Logger(
                label: label,
                factory: { label in
                    TwisterLogHandler(label: label, outputs: outputs, metadataProvider: LoggingSystem.metadataProvider)
                })
        }
    }

    /// The latest of the objects that were set. Readers use it without a lock, so one that is replaced, which happens a
    /// few times in a process, is never released.
    private final class Latest<Object: AnyObject & Sendable>: Sendable {
        /// All that were ever set.
        private let kept = ConditionLock<[Object]>([])
        /// The object's address; 0: none was set.
        private let address = Atomic<UInt>(0)

        var value: Object? {
            UnsafeRawPointer(bitPattern: address.load(ordering: .acquiring))
                .map { Unmanaged<Object>.fromOpaque($0).takeUnretainedValue() }
        }

        func set(_ object: Object) {
            kept.withLock { $0.append(object) }
            address.store(UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()), ordering: .releasing)
        }
    }

    // MARK: Changes

    static func install(_ outputs: LogOutputs) {
        installed.set(outputs)
        use(made(outputs))
    }

    static func use(_ replacement: Loggers) {
        loggers.set(replacement)
    }

    static var droppedLines: Int { LogWriters.droppedLines }
}
