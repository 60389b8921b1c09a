import Logging
import TwisterCodec
import TwisterIO

/// An exchange as a line of the access log tells it.
struct AccessLogEntry {
    /// The prefix of a line of `.text`: level, time, logger.
    enum Prefix {
        /// Nothing: a logger's handler makes one.
        case none
        case plain
        /// The plain one, in the colour of its level.
        case colored
    }

    let record: ExchangeRecord
    /// The names of fields whose values are not shown, in lower case.
    let redacted: Set<String>
    let status: Int
    let outcome: ExchangeRecord.Outcome

    init(_ record: ExchangeRecord, _ redacted: Set<String>) {
        self.record = record
        self.redacted = redacted
        outcome = record.outcome ?? .cut
        status = record.status ?? Self.statusWithoutResponse(outcome)
    }

    /// The status that a line has where none was sent. nginx has the same, and logs no other exchange with them.
    private static func statusWithoutResponse(_ outcome: ExchangeRecord.Outcome) -> Int {
        switch outcome {
        case .clientDisconnected: 499
        case .timeout: 408
        case .cut, .responded: 444
        }
    }

    var level: Logger.Level {
        if status >= 500 { return .error }
        return status >= 400 || outcome != .responded ? .warning : .info
    }

    /// From the request's first byte to the response's last one, in nanoseconds.
    var duration: UInt64 {
        let end = record.times.lastByte ?? record.times.firstByte
        return end > record.times.firstByte ? end - record.times.firstByte : 0
    }

    /// A field's value as it may be shown.
    func shown(_ field: (name: String, value: String)) -> String {
        if redacted.contains(field.name) { return "***" }
        return field.name == "referer" ? Log.shown(target: field.value) : field.value
    }

    /// Calls `body` with the request line as it may be shown.
    func withRequestLine(_ body: (UnsafeRawBufferPointer) -> Void) { Log.withShown(record.requestLineOctets, body) }

    /// Calls `body` with the field `Referer` as it may be shown.
    func withReferer(_ body: (UnsafeRawBufferPointer) -> Void) { Log.withShown(record.refererOctets, body) }
}

extension LogLine {
    /// Adds the text of a line, without its end.
    func append(_ entry: AccessLogEntry, _ format: AccessLog.Format, prefix: AccessLogEntry.Prefix) {
        switch format {
        case .text: append(text: entry, prefix: prefix)
        case .common: append(common: entry)
        case .combined:
            append(common: entry)
            append(" ")
            entry.withReferer { appendQuoted($0) }
            append(" ")
            appendQuoted(entry.record.userAgentOctets)
        case .json: append(object: entry)
        }
    }

    // MARK: Text

    /// `200 GET /path?query (127.0.0.1) 1.23ms`, as Tornado's `Application.log_request`.
    private func append(text entry: AccessLogEntry, prefix: AccessLogEntry.Prefix) {
        switch prefix {
        case .none: break
        case .plain: append(prefixFor: entry.level, "twister.access", hasColor: false)
        case .colored: append(prefixFor: entry.level, "twister.access", hasColor: true)
        }
        append(decimal: entry.status)
        append(" ")
        entry.withRequestLine { line in
            // The request was refused before its head was read.
            if line.isEmpty { return append("-") }
            // The version is left out.
            let end = line.lastIndex(of: UInt8(ascii: " ")) ?? line.endIndex
            append(quoting: UnsafeRawBufferPointer(rebasing: line[..<end]))
        }
        append(" (")
        append(entry.record.client)
        append(") ")
        append(milliseconds: entry.duration)
        append("ms")
        if entry.outcome != .responded {
            append(" ")
            append(plain: entry.outcome.rawValue)
        }
        if let requestID = entry.record.requestID {
            append(" request_id=")
            append(plain: requestID)
        }
        for field in entry.record.requestFields {
            append(" ")
            append(plain: field.name)
            append("=\"")
            var value = entry.shown(field)
            value.withUTF8 { append(quoting: UnsafeRawBufferPointer($0)) }
            append("\"")
        }
    }

    private func append(_ client: IPAddress?) {
        // Over a unix socket there is no address.
        guard let client else { return append("-") }
        guard let bits = client.ipv4Bits else { return append(plain: client.description) }
        append(decimal: Int(bits >> 24))
        append(".")
        append(decimal: Int(bits >> 16 & 0xFF))
        append(".")
        append(decimal: Int(bits >> 8 & 0xFF))
        append(".")
        append(decimal: Int(bits & 0xFF))
    }

    // MARK: Common

    /// `127.0.0.1 - - [26/Nov/2026:12:34:56 +0000] "GET / HTTP/1.1" 200 13`.
    private func append(common entry: AccessLogEntry) {
        append(entry.record.client)
        append(" - - [")
        appendCommonTime()
        append("] ")
        entry.withRequestLine { appendQuoted($0) }
        append(" ")
        append(decimal: entry.status)
        append(" ")
        append(decimal: entry.record.responseBodySize)
    }

    private func appendQuoted(_ octets: UnsafeRawBufferPointer) {
        if octets.isEmpty { return append("\"-\"") }
        append("\"")
        append(quoting: octets)
        append("\"")
    }

    // MARK: JSON

    private func append(object entry: AccessLogEntry) {
        let record = entry.record
        append("{\"time\":\"")
        appendISOTime()
        append("\",\"level\":\"")
        append(plain: entry.level.rawValue)
        append("\",\"logger\":\"twister.access\"")
        if record.client != nil {
            append(",\"client\":\"")
            append(record.client)
            append("\"")
        }
        entry.withRequestLine { append(key: ",\"request\":", $0) }
        append(",\"status\":")
        append(decimal: entry.status)
        append(",\"outcome\":\"")
        append(plain: entry.outcome.rawValue)
        append("\",\"duration_us\":")
        append(decimal: Int(clamping: entry.duration / 1000))
        append(",\"bytes_in\":")
        append(decimal: record.bytesIn)
        append(",\"body_bytes_in\":")
        append(decimal: record.requestBodySize)
        append(",\"bytes_out\":")
        append(decimal: record.bytesOut)
        append(",\"body_bytes_out\":")
        append(decimal: record.responseBodySize)
        entry.withReferer { append(key: ",\"referer\":", $0) }
        append(key: ",\"user_agent\":", record.userAgentOctets)
        append(key: ",\"request_id\":", record.requestID)
        append(key: ",\"route\":", record.route)
        append(key: ",\"handler\":", record.handlerName)
        appendPhases(record.times)
        appendFields(entry)
        append("}")
    }

    private func append(key: StaticString, _ octets: UnsafeRawBufferPointer) {
        if octets.isEmpty { return }
        append(key)
        append(json: octets)
    }

    private func append(key: StaticString, _ text: String?) {
        guard let text else { return }
        append(key)
        append(json: text)
    }

    /// The phases, in microseconds from the request's first byte. The acceptance of the connection came before it, so that
    /// its time is negative.
    private func appendPhases(_ times: ExchangeRecord.Times) {
        append(",\"phases_us\":{\"first_byte\":0")
        append(phase: ",\"accept\":", times.accepted, times)
        append(phase: ",\"head\":", times.head, times)
        append(phase: ",\"handler\":", times.handler, times)
        append(phase: ",\"first_write\":", times.firstWrite, times)
        append(phase: ",\"last_byte\":", times.lastByte, times)
        append("}")
    }

    private func append(phase key: StaticString, _ time: UInt64?, _ times: ExchangeRecord.Times) {
        guard let time else { return }
        append(key)
        append(decimal: Int(truncatingIfNeeded: time &- times.firstByte) / 1000)
    }

    private func appendFields(_ entry: AccessLogEntry) {
        guard !entry.record.requestFields.isEmpty else { return }
        append(",\"fields\":{")
        for (index, field) in entry.record.requestFields.enumerated() {
            if index > 0 { append(",") }
            append(json: field.name)
            append(":")
            append(json: entry.shown(field))
        }
        append("}")
    }
}
