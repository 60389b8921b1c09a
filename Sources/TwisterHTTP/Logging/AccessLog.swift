public import HTTPTypes
import Logging
public import TwisterIO

/// Logs each exchange of a server with one line, once its response was taken by the client or it is known that it never will
/// be.
///
///     var configuration = HTTPServer.Configuration()
///     configuration.observers = [AccessLog(.combined)]
///
/// The status in a line is the one that was sent. Where none was sent, it is 499 for a client that disconnected, 408 for one
/// that missed a deadline and 444 for an exchange that the server cut, as nginx has them.
///
/// Lines are handed to the log's thread as bytes, and a loop never waits for the log's reader: lines that are too many for it
/// are dropped, counted and reported (`Log.droppedLines`). A server whose program logs in a way of its own (`Log.use`) hands
/// them to the logger `Log.access`.
///
/// Tornado: `Application.log_request` and `tornado.access`.
public final class AccessLog: ExchangeObserver {
    /// How lines look.
    public enum Format: String, Sendable, CaseIterable {
        /// Tornado's line: `200 GET /path?query (127.0.0.1) 1.23ms`, with `request_id=` where requests have identifiers, and
        /// with the outcome where it is no response.
        case text
        /// The common log format, as Apache has it. Bytes are those of the response's body.
        case common
        /// The same with the fields `Referer` and `User-Agent`: Apache's and nginx's `combined`.
        case combined
        /// An object of JSON with everything that is known of the exchange.
        case json
    }

    /// The fields whose values are replaced by `***` by default, because they hold credentials.
    public static let credentialFields: Set<HTTPField.Name> = Set(
        [
            .authorization, .proxyAuthorization, .cookie, HTTPField.Name("X-Api-Key"), HTTPField.Name("X-Auth-Token"),
            HTTPField.Name("X-Csrf-Token"), HTTPField.Name("X-Xsrftoken"),
        ].compactMap { $0 })

    /// The fields of a request that its line has.
    public let requestFields: ExchangeRecord.FieldSelection
    private let format: Format?
    /// The names, in lower case.
    private let redacted: Set<String>
    private let isWanted: (@Sendable (ExchangeRecord) -> Bool)?
    /// Nil: the lines go where the log goes.
    private let writer: LogWriter?

    /// A log whose lines go where Twister's log goes (`LogConfiguration`), as far as its level lets them: a status of the 400s
    /// is a warning, one of the 500s an error, every other line is at the level `.info`.
    ///
    /// - Parameters:
    ///   - format: how lines look. Default: `.json` where the log is in JSON, else `.text`.
    ///   - requestFields: fields of the request that lines of `.text` and `.json` have. Default: none.
    ///   - redacting: those of them whose values are replaced by `***`. Default: `credentialFields`.
    ///   - isWanted: whether an exchange gets a line; nil: each does. Called on the loops' threads.
    public init(
        _ format: Format? = nil, requestFields: ExchangeRecord.FieldSelection = .none,
        redacting: Set<HTTPField.Name> = credentialFields, where isWanted: (@Sendable (ExchangeRecord) -> Bool)? = nil
    ) {
        self.format = format
        self.requestFields = requestFields
        redacted = Set(redacting.map(\.canonicalName))
        self.isWanted = isWanted
        writer = nil
    }

    /// A log of its own, whose lines go to `destination`, all of them.
    ///
    /// - Throws: `IOError` where the file cannot be opened.
    public init(
        _ format: Format = .text, to destination: LogConfiguration.Destination,
        requestFields: ExchangeRecord.FieldSelection = .none, redacting: Set<HTTPField.Name> = credentialFields,
        queueSize: Int = 1 << 20, where isWanted: (@Sendable (ExchangeRecord) -> Bool)? = nil
    ) throws(IOError) {
        self.format = format
        self.requestFields = requestFields
        redacted = Set(redacting.map(\.canonicalName))
        self.isWanted = isWanted
        writer = try destination.makeWriter(queueSize, LogOutputs.dropNotice(format == .json ? .json : .text))
    }

    /// Nothing is logged of an exchange that has not ended.
    public func exchangeBegan(_ record: ExchangeRecord) {}

    /// Writes the line.
    public func exchangeEnded(_ record: ExchangeRecord) {
        if let isWanted, !isWanted(record) { return }
        let entry = AccessLogEntry(record, redacted)
        if let writer {
            LogLine.with { line in
                line.append(entry, format ?? .text, prefix: .plain)
                line.append(UInt8(ascii: "\n"))
                writer.append(line.octets)
            }
        } else if let outputs = LogState.accessOutputs {
            guard entry.level >= outputs.level else { return }
            let format = format ?? (outputs.format == .json ? .json : .text)
            outputs.write(.info) { line, hasColor in
                line.append(entry, format, prefix: hasColor ? .colored : .plain)
            }
        } else {
            logByHandler(entry)
        }
    }

    /// For a program that logs in a way of its own.
    @inline(never)
    private func logByHandler(_ entry: AccessLogEntry) {
        let logger = Log.access
        guard entry.level >= logger.logLevel else { return }
        let text = LogLine.with { line in
            line.append(entry, format ?? .text, prefix: .none)
            return String(decoding: line.octets, as: UTF8.self)
        }
        logger.log(level: entry.level, "\(text)")
    }
}
