import Glibc
package import Logging

/// How the lines of a log look.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: `[I 261126 12:34:56 twister.general TCPServer:42] message key=value`, in Tornado's layout.
    case text
    /// For programs: an object of JSON on each line, with `time`, `level`, `logger`, `message`, `source` and the metadata.
    case json
}

/// Where the lines of the process's log go, and how they look.
package final class LogOutputs: Sendable {
    /// One of the places.
    struct Output: Sendable {
        let writer: LogWriter
        let format: LogFormat
        let hasColor: Bool
    }

    let outputs: [Output]
    /// Less important lines are left out.
    package let level: Logger.Level
    /// The format of all places.
    package let format: LogFormat

    init(_ outputs: [Output], level: Logger.Level, format: LogFormat) {
        self.outputs = outputs
        self.level = level
        self.format = format
    }

    /// Adds one line to each of the places. `make` adds the line's text, without its end, to the line that it gets.
    package func write(_ level: Logger.Level, _ make: (LogLine, _ hasColor: Bool) -> Void) {
        let isUrgent = level >= .error
        for output in outputs {
            LogLine.with { line in
                make(line, output.hasColor)
                line.append(UInt8(ascii: "\n"))
                output.writer.append(line.octets, isUrgent: isUrgent)
            }
        }
    }

    /// The line that tells how many lines were dropped, in a function that a writer calls.
    package static func dropNotice(_ format: LogFormat) -> @Sendable (Int) -> [UInt8] {
        { count in
            LogLine.with { line in
                let entry = LogEntry(
                    level: .warning, label: "twister.general", place: nil,
                    message: "\(count) log line(s) dropped: they came faster than the log's reader takes them")
                line.append(entry, format, hasColor: false)
                line.append(UInt8(ascii: "\n"))
                return Array(line.octets)
            }
        }
    }
}

/// The parts of a line of the log.
struct LogEntry {
    var level: Logger.Level
    var label: String
    /// The file, as `Module/File.swift`, and the line that logs.
    var place: (file: String, line: UInt)?
    var message: String
    var metadata: Logger.Metadata = [:]
}

extension LogLine {
    /// Adds the text of a line, without its end.
    func append(_ entry: LogEntry, _ format: LogFormat, hasColor: Bool) {
        switch format {
        case .text:
            appendPrefix(entry.level, hasColor: hasColor) {
                append(escaping: entry.label)
                guard let place = entry.place else { return }
                append(" ")
                append(escaping: Self.moduleName(place.file))
                append(":")
                append(decimal: Int(clamping: place.line))
            }
            append(escaping: entry.message)
            for (key, value) in entry.metadata.sorted(by: { $0.key < $1.key }) {
                append(UInt8(ascii: " "))
                append(escaping: key)
                append(UInt8(ascii: "="))
                append(escaping: "\(value)")
            }
        case .json: append(object: entry)
        }
    }

    /// Adds the beginning of a line of text: `[I 261126 12:34:56 twister.access] `. Tornado: `LogFormatter`.
    package func append(prefixFor level: Logger.Level, _ label: StaticString, hasColor: Bool) {
        appendPrefix(level, hasColor: hasColor) { append(label) }
    }

    /// The same with a label, and perhaps a place, that `appendLabel` adds.
    @inline(__always)
    private func appendPrefix(_ level: Logger.Level, hasColor: Bool, _ appendLabel: () -> Void) {
        if hasColor {
            append("\u{1B}[")
            append(plain: level.color)
            append("m")
        }
        append("[")
        append(level.letter)
        append(" ")
        appendShortTime()
        append(" ")
        appendLabel()
        append("]")
        if hasColor { append("\u{1B}[0m") }
        append(" ")
    }

    /// The file's name without folder and extension, as Python's `%(module)s`.
    private static func moduleName(_ file: String) -> String {
        let name = file.utf8.lastIndex(of: UInt8(ascii: "/")).map { file[file.index(after: $0)...] } ?? file[...]
        return String(name.hasSuffix(".swift") ? name.dropLast(6) : name)
    }

    private func append(object entry: LogEntry) {
        append("{\"time\":\"")
        appendISOTime()
        append("\",\"level\":\"")
        append(plain: entry.level.rawValue)
        append("\",\"logger\":")
        append(json: entry.label)
        append(",\"message\":")
        append(json: entry.message)
        if let place = entry.place {
            append(",\"source\":")
            append(json: "\(place.file):\(place.line)")
        }
        // Metadata cannot replace what the line says of itself.
        let own: Set<String> = ["time", "level", "logger", "message", "source"]
        for (key, value) in entry.metadata.sorted(by: { $0.key < $1.key }) {
            append(",")
            append(json: own.contains(key) ? "metadata.\(key)" : key)
            append(":")
            append(value: value)
        }
        append("}")
    }

    private func append(value: Logger.MetadataValue) {
        switch value {
        case .string(let text): append(json: text)
        case .stringConvertible(let value): append(json: value.description)
        case .array(let values):
            append("[")
            for (index, value) in values.enumerated() {
                if index > 0 { append(",") }
                append(value: value)
            }
            append("]")
        case .dictionary(let values):
            append("{")
            for (index, (key, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { append(",") }
                append(json: key)
                append(":")
                append(value: value)
            }
            append("}")
        }
    }
}

extension Logger.Level {
    /// The level's first letter, as Tornado's logs have it.
    fileprivate var letter: UInt8 {
        switch self {
        case .trace: UInt8(ascii: "T")
        case .debug: UInt8(ascii: "D")
        case .info: UInt8(ascii: "I")
        case .notice: UInt8(ascii: "N")
        case .warning: UInt8(ascii: "W")
        case .error: UInt8(ascii: "E")
        case .critical: UInt8(ascii: "C")
        }
    }

    /// The number of its colour on a terminal (ECMA-48, SGR), as in Tornado's `LogFormatter.DEFAULT_COLORS`.
    fileprivate var color: String {
        switch self {
        case .trace, .debug: "34"
        case .info, .notice: "32"
        case .warning: "33"
        case .error: "31"
        case .critical: "35"
        }
    }
}
