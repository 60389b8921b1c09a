/// Reads the head of an HTTP/1.x request (RFC 9112 2 to 5), strictly, from octets where they lie.
///
/// It stops and continues at any octet: as long as it returns `needMore`, it is called again with the same octets and more
/// behind them, and never looks at an octet of the finished part twice. The result does not depend on where the message was
/// cut. After `complete` or `invalid`, `reset()` makes it ready for the next message.
package struct RequestParser: Sendable {
    /// The part of the head that is being read.
    enum Phase: UInt8 {
        case emptyLines, method, target, query, version, lineStart, fieldName, fieldValue
    }

    package let limits: ParserLimits
    var phase = Phase.emptyLines
    /// The next octet to look at.
    var position = 0
    /// Where the request line starts: behind the empty lines. All ranges count from here.
    var origin = 0
    /// Where the part that is being read starts.
    var partStart = 0
    /// Where the name of the field that is being read ends.
    var nameEnd = 0

    package init(limits: ParserLimits = ParserLimits()) {
        self.limits = limits
    }

    /// Forgets what was read and starts with the next request.
    @inline(__always)
    package mutating func reset() {
        self = RequestParser(limits: limits)
    }

    /// Whether nothing of a request line has arrived yet: such a connection is idle, not slow.
    package var isIdle: Bool { phase == .emptyLines }

    /// Continues to read. `head` has to be the same one, and fresh (`reuse()`), for all calls of one request.
    package mutating func parse(_ bytes: UnsafeRawBufferPointer, into head: RequestHead) -> ParseResult {
        guard let base = bytes.baseAddress, position < bytes.count else { return .needMore }
        do throws(ParseError) {
            if phase.rawValue < Phase.lineStart.rawValue {
                guard try parseRequestLine(base, bytes.count, head) else { return .needMore }
            }
            guard try parseFields(base, bytes.count, head) else { return .needMore }
            try head.complete(UnsafeRawBufferPointer(start: base + origin, count: position &- origin))
            return .complete(consumed: position)
        } catch {
            return .invalid(error)
        }
    }
}
