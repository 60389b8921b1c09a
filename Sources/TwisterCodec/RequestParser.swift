/// Reads the head of an HTTP/1.x request strictly (RFC 9112 2 to 5), from the memory into which it was received.
///
/// It can stop and continue at any octet. As long as it returns `needMore`, the caller calls it again with the same octets
/// and more behind them. It never looks at an octet of a finished part twice, and its result does not depend on where the
/// message was cut. After `complete` or `invalid`, `reset()` makes it ready for the next message.
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

    /// Whether no octet of a request line has arrived yet: such a connection is idle, not slow.
    package var isIdle: Bool { phase == .emptyLines }

    /// Continues to read. All calls of one request pass the same head, which is new or was prepared by `reuse()`.
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

/// How much a peer may send before its message counts as too large.
package struct ParserLimits: Sendable, Equatable {
    /// The most octets of the request line without its line end. The response to more is 414.
    package var requestLine: Int
    /// The most octets of the request line and all field lines together, with their line ends. The response to more is 431.
    package var headerBlock: Int
    /// The most field lines. The response to more is 431.
    package var fieldCount: Int
    /// The most empty lines that are skipped before a request line (RFC 9112 2.2 recommends at least one).
    package var emptyLines: Int

    package init(
        requestLine: Int = 8 * 1024, headerBlock: Int = 64 * 1024, fieldCount: Int = 100, emptyLines: Int = 8
    ) {
        // Ranges have 32 bits, and no header needs more than 16 MiB.
        self.headerBlock = min(max(headerBlock, 64), 16 * 1024 * 1024)
        self.requestLine = min(max(requestLine, 16), self.headerBlock)
        self.fieldCount = min(max(fieldCount, 1), 65_535)
        self.emptyLines = min(max(emptyLines, 0), 64)
    }
}
