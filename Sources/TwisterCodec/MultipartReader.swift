/// Reads a `multipart/form-data` body (RFC 7578, RFC 2046 5.1.1) that arrives in pieces, wherever it was cut, in time linear
/// in its length. Content is not copied but returned as ranges of the pieces; the reader keeps no more than the header of one
/// part. Octets before the first delimiter and behind the last one are ignored, if there is a part between them: a body that
/// begins with other octets than a delimiter and has no part is refused. Its sender has forgotten the line end before the first
/// delimiter, or has put a byte order mark there, and its parts would be lost in silence.
///
/// A delimiter has to stand at the beginning of a line. A line that goes on with other characters behind the boundary is
/// refused: RFC 2046 5.1.1 forbids it, and readers disagree about it (Tornado takes it for content). That holds for the last
/// delimiter, too: behind its "--" stand white space and a line end, or the body ends.
package struct MultipartReader: Sendable {
    package enum Event: Equatable, Sendable {
        /// All octets of the piece were read, and the body continues.
        case needMore
        case partBegan(MultipartHeader)
        /// The octets of that range of the piece are content of the part.
        case content(Range<Int>)
        /// These octets, which ended the pieces before, are content of the part: no delimiter began there.
        case heldContent(ArraySlice<UInt8>)
        case partEnded
        /// The last delimiter and its line end were read. A body may end without that line end: see `isAtEnd`.
        case ended
    }

    private enum Phase: UInt8 {
        case preamble, content, partEnd
        // The rest of a delimiter's line.
        case delimiterEnd, hyphen, padding, lineFeed
        // The rest of the last delimiter's line.
        case closing, closingLineFeed
        case header, end
    }

    /// CRLF "--" boundary. Its only carriage return is the first octet, so no search has to go back.
    private let delimiter: [UInt8]
    private let maxParts: Int
    private let maxHeaderSize: Int
    private var phase = Phase.preamble
    private var parts = 0
    /// Whether the body has no octets before the first delimiter.
    private var beginsWithDelimiter = true
    /// How many octets of the delimiter have been found. The body's beginning counts as a line's beginning.
    private var matched = 2
    /// How many of these were read before the content began.
    private var foreign = 2
    /// Content of the piece that is reported with the next call.
    private var found = 0..<0
    /// The header of the part that begins.
    private var header: [UInt8] = []
    /// How many octets of CRLF CRLF end the header so far.
    private var headerEnd = 2

    /// - Parameters:
    ///   - maxParts: the most parts of a body. Default 100.
    ///   - maxHeaderSize: the most octets of one part's header, without the empty line behind it. Default 10 KiB.
    package init(boundary: [UInt8], maxParts: Int = 100, maxHeaderSize: Int = 10_240) {
        self.maxParts = maxParts
        self.maxHeaderSize = maxHeaderSize
        delimiter = [ASCII.carriageReturn, ASCII.lineFeed, ASCII.hyphen, ASCII.hyphen] + boundary
    }

    /// Whether the body may end here: the last delimiter was read, and its line end if it has begun.
    package var isAtEnd: Bool { phase == .end || phase == .closing }

    /// Reads on from `position`, which is moved, up to the next event. The caller passes the same piece until the event is
    /// `needMore`, and then the next piece with position 0.
    package mutating func next(
        _ piece: UnsafeRawBufferPointer, from position: inout Int
    ) throws(MultipartError) -> Event {
        while true {
            if !found.isEmpty {
                defer { found = 0..<0 }
                return .content(found)
            }
            if phase == .partEnd {
                phase = .delimiterEnd
                return .partEnded
            }
            if phase == .end {
                position = piece.count
                return .ended
            }
            guard position < piece.count else { return .needMore }
            switch phase {
            case .preamble:
                if findDelimiter(piece, &position) { beginDelimiterEnd(.delimiterEnd) }
            case .content:
                if let held = readContent(piece, &position) { return .heldContent(held) }
            case .header:
                if let header = try readHeader(piece, &position) { return .partBegan(header) }
            default:
                try readDelimiterEnd(piece[position])
                position += 1
            }
        }
    }

    // MARK: Delimiters

    /// Reads on to the end of the next delimiter, or of the piece. Each octet is looked at twice at most.
    private mutating func findDelimiter(_ piece: UnsafeRawBufferPointer, _ position: inout Int) -> Bool {
        guard let base = piece.baseAddress else { return false }
        while position < piece.count, matched < delimiter.count {
            if matched == 0 {
                position = ByteScanner.firstCarriageReturn(base, from: position, to: piece.count)
                if position == piece.count { break }
            }
            if piece[position] == delimiter[matched] {
                matched += 1
                position += 1
            } else {
                matched = 0
                if phase == .preamble { beginsWithDelimiter = false }
            }
        }
        return matched == delimiter.count
    }

    private mutating func beginDelimiterEnd(_ next: Phase) {
        phase = next
        matched = 0
        foreign = 0
    }

    /// Takes one octet behind a boundary: "--", or white space, which gateways may add, and the line end.
    private mutating func readDelimiterEnd(_ octet: UInt8) throws(MultipartError) {
        switch (phase, octet) {
        case (.delimiterEnd, ASCII.hyphen): phase = .hyphen
        case (.hyphen, ASCII.hyphen):
            guard parts > 0 || beginsWithDelimiter else { throw .malformedDelimiter }
            phase = .closing
        case (.closing, ASCII.space), (.closing, ASCII.horizontalTab): break
        case (.closing, ASCII.carriageReturn): phase = .closingLineFeed
        case (.closingLineFeed, ASCII.lineFeed): phase = .end
        case (.delimiterEnd, ASCII.space), (.delimiterEnd, ASCII.horizontalTab): phase = .padding
        case (.padding, ASCII.space), (.padding, ASCII.horizontalTab): break
        case (.delimiterEnd, ASCII.carriageReturn), (.padding, ASCII.carriageReturn): phase = .lineFeed
        case (.lineFeed, ASCII.lineFeed):
            guard parts < maxParts else { throw .tooManyParts }
            parts += 1
            phase = .header
            header.removeAll(keepingCapacity: true)
            headerEnd = 2
        default: throw .malformedDelimiter
        }
    }

    // MARK: Parts

    /// Reads content up to the next delimiter or the piece's end, and sets `found`. Returns the octets of earlier pieces that
    /// looked like the beginning of a delimiter and were none.
    private mutating func readContent(_ piece: UnsafeRawBufferPointer, _ position: inout Int) -> ArraySlice<UInt8>? {
        let start = position
        let held = delimiter[foreign..<max(matched, foreign)]
        let isComplete = findDelimiter(piece, &position)
        let end = position - matched
        if isComplete { beginDelimiterEnd(.partEnd) }
        // A negative length: the whole piece, behind octets of earlier ones, may still be the beginning of a delimiter.
        guard end >= start else { return nil }
        foreign = 0
        found = start..<end
        return held.isEmpty ? nil : held
    }

    /// Reads the part's header and the empty line behind it. Returns nil where the piece ends before.
    private mutating func readHeader(
        _ piece: UnsafeRawBufferPointer, _ position: inout Int
    ) throws(MultipartError) -> MultipartHeader? {
        while position < piece.count {
            let octet = piece[position]
            guard header.count - 4 < maxHeaderSize else { throw .partHeaderTooLarge }
            header.append(octet)
            position += 1
            let expected = headerEnd & 1 == 0 ? ASCII.carriageReturn : ASCII.lineFeed
            headerEnd = octet == expected ? headerEnd + 1 : octet == ASCII.carriageReturn ? 1 : 0
            if headerEnd == 4 { return try beginContent() }
        }
        return nil
    }

    private mutating func beginContent() throws(MultipartError) -> MultipartHeader {
        phase = .content
        // The empty line's end may begin the delimiter of a part without content.
        matched = 2
        foreign = 2
        let lines = header.dropLast(4)
        let result = lines.withUnsafeBytes { lines in
            Result { () throws(MultipartError) in try MultipartHeader(lines) }
        }
        return try result.get()
    }
}
