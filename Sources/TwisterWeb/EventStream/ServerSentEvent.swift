import TwisterIO

/// One event of an event stream (WHATWG HTML, 9.2 "Server-sent events").
public struct ServerSentEvent: Sendable, Hashable {
    /// The text that the client gets; nil: no event reaches the page, but `id` and `retry` take effect. CR, LF and CR LF in it
    /// end a line each; the client sees LF.
    public var data: String?
    /// The identifier, which the client sends back as `Last-Event-ID` when it connects again; nil: that of the event before.
    public var id: String?
    /// The name, by which a page listens for the event; nil: `message`.
    public var event: String?
    /// How long the client waits before it connects again, in whole milliseconds; nil: as before.
    public var retry: Duration?

    public init(_ data: String?, id: String? = nil, event: String? = nil, retry: Duration? = nil) {
        self.data = data
        self.id = id
        self.event = event
        self.retry = retry
    }

    /// The bytes of the event, with the empty line at its end.
    ///
    /// - Throws: `EventStreamError` for an identifier or a name that would break the framing.
    func encoded() throws(EventStreamError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity((data?.utf8.count ?? 0) + 64)
        if let id {
            // Clients ignore an identifier that holds NUL.
            guard id.utf8.allSatisfy({ $0 != 0 && !Self.endsLine($0) }) else { throw .invalidID(id) }
            Self.append("id", id, to: &bytes)
        }
        if let event {
            guard !event.utf8.contains(where: Self.endsLine) else { throw .invalidName(event) }
            Self.append("event", event, to: &bytes)
        }
        if let retry { Self.append("retry", String(max(retry.nanosecondsClamped, 0) / 1_000_000), to: &bytes) }
        if let data { Self.appendLines(of: data, "data: ", to: &bytes) }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// The bytes of a comment, which clients ignore.
    static func comment(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        appendLines(of: text, ": ", to: &bytes)
        return bytes
    }

    private static func append(_ field: String, _ value: String, to bytes: inout [UInt8]) {
        bytes += field.utf8
        bytes += ": ".utf8
        bytes += value.utf8
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Every line gets the prefix, so that no text can begin a field or end the event.
    private static func appendLines(of text: String, _ prefix: StaticString, to bytes: inout [UInt8]) {
        let prefix = UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
        bytes += prefix
        var previous: UInt8 = 0
        for byte in text.utf8 {
            defer { previous = byte }
            guard endsLine(byte) else {
                bytes.append(byte)
                continue
            }
            // CR LF is one end.
            if byte == UInt8(ascii: "\n"), previous == UInt8(ascii: "\r") { continue }
            bytes.append(UInt8(ascii: "\n"))
            bytes += prefix
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func endsLine(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
}

/// An event that cannot be sent.
public enum EventStreamError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The identifier holds CR, LF or NUL.
    case invalidID(String)
    /// The event's name holds CR or LF.
    case invalidName(String)

    public var description: String {
        switch self {
        case .invalidID(let id): "an event's id holds CR, LF or NUL: \(id.debugDescription)"
        case .invalidName(let name): "an event's name holds CR or LF: \(name.debugDescription)"
        }
    }
}
