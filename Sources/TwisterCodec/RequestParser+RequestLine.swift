extension RequestParser {
    /// Reads the request line. Returns false where more octets are needed.
    mutating func parseRequestLine(
        _ base: UnsafeRawPointer, _ count: Int, _ head: RequestHead
    ) throws(ParseError) -> Bool {
        if phase == .emptyLines {
            if parseUsualRequestLine(base, count, head) { return true }
            guard try skipEmptyLines(base, count) else { return false }
        }
        // The line may have this length and no more. The functions below never look at octets behind it.
        let limit = origin &+ limits.requestLine
        let end = min(count, limit)
        var isWhole = phase == .version
        if !isWhole { isWhole = try parseMethodAndTarget(base, end, head) }
        if isWhole { isWhole = try parseVersion(base, count, end, head) }
        if !isWhole, position >= limit {
            throw phase == .method ? .methodTooLong : .requestLineTooLong
        }
        return isWhole
    }

    /// Reads a request line that is complete and of the usual kind: GET, a path in ASCII without a query, and a supported
    /// version. It leaves any other line unread, for the functions below.
    private mutating func parseUsualRequestLine(_ base: UnsafeRawPointer, _ count: Int, _ head: RequestHead) -> Bool {
        let end = min(count, limits.requestLine)
        guard position == 0, end >= 8, Octets.word(base, at: 0) & 0xFF_FFFF_FFFF == 0x2F_2054_4547 else { return false }
        let stop = ByteScanner.endOfPath(base, from: 4, to: end)
        // The line end does not count towards the line's length.
        guard stop &+ 9 <= end, stop &+ 11 <= count, base.load(fromByteOffset: stop, as: UInt8.self) == ASCII.space,
            let minor = Self.usualVersion(base + stop + 1)
        else { return false }
        head.line.method = .get
        head.line.methodRange = ByteRange(0, 3)
        head.line.target = ByteRange(4, stop)
        head.line.path = ByteRange(4, stop)
        head.line.targetForm = .origin
        head.line.versionMinor = minor
        position = stop &+ 11
        phase = .lineStart
        return true
    }

    /// The minor version. It is nil unless these ten octets are "HTTP/1.0" or "HTTP/1.1", and CRLF.
    @inline(__always)
    private static func usualVersion(_ text: UnsafeRawPointer) -> UInt8? {
        let version = Octets.word(text, at: 0)
        let lineEnd = UInt16(littleEndian: text.loadUnaligned(fromByteOffset: 8, as: UInt16.self))
        guard version | 1 << 56 == 0x312E_312F_5054_5448, lineEnd == 0x0A0D else { return nil }
        return UInt8(truncatingIfNeeded: version >> 56) & 1
    }

    private mutating func skipEmptyLines(_ base: UnsafeRawPointer, _ count: Int) throws(ParseError) -> Bool {
        while position < count {
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            if byte == ASCII.carriageReturn {
                guard position &+ 1 < count else { return false }
                guard base.load(fromByteOffset: position &+ 1, as: UInt8.self) == ASCII.lineFeed else {
                    throw .bareCarriageReturn
                }
                position &+= 2
                if position > 2 &* limits.emptyLines { throw .tooManyEmptyLines }
            } else {
                guard byte != ASCII.lineFeed else { throw .bareLineFeed }
                origin = position
                partStart = position
                phase = .method
                return true
            }
        }
        return false
    }

    private mutating func parseMethodAndTarget(
        _ base: UnsafeRawPointer, _ end: Int, _ head: RequestHead
    ) throws(ParseError) -> Bool {
        if phase == .method {
            guard try parseMethod(base, end, head) else { return false }
        }
        if phase == .target {
            position = ByteScanner.endOfPath(base, from: position, to: end)
            passNonASCII(base, end, head) { ByteScanner.endOfPath($0, from: $1, to: $2) }
            guard position < end else { return false }
            let stop = base.load(fromByteOffset: position, as: UInt8.self)
            head.line.path = ByteRange(partStart &- origin, position &- origin)
            if stop == ASCII.question {
                position &+= 1
                head.line.hasQuery = true
                head.line.query = ByteRange(position &- origin, position &- origin)
                phase = .query
            } else {
                return try finishTarget(base, stop, head)
            }
        }
        let query = head.line.query
        position = ByteScanner.endOfQuery(base, from: position, to: end)
        passNonASCII(base, end, head) { ByteScanner.endOfQuery($0, from: $1, to: $2) }
        guard position < end else { return false }
        head.line.query = ByteRange(Int(query.start), position &- origin)
        return try finishTarget(base, base.load(fromByteOffset: position, as: UInt8.self), head)
    }

    private mutating func parseMethod(
        _ base: UnsafeRawPointer, _ end: Int, _ head: RequestHead
    ) throws(ParseError) -> Bool {
        position = ByteScanner.endOfToken(base, from: position, to: end)
        guard position < end else { return false }
        guard position > origin, base.load(fromByteOffset: position, as: UInt8.self) == ASCII.space else {
            throw .malformedMethod
        }
        head.line.method = RequestMethod(
            UnsafeRawBufferPointer(start: base + origin, count: position &- origin))
        head.line.methodRange = ByteRange(0, position &- origin)
        position &+= 1
        partStart = position
        phase = .target
        return true
    }

    /// Moves behind octets beyond ASCII and continues the search. Whether they are UTF-8 is decided when the target is
    /// complete, so that it does not matter where the octets were cut.
    @inline(__always)
    private mutating func passNonASCII(
        _ base: UnsafeRawPointer, _ end: Int, _ head: RequestHead, _ search: (UnsafeRawPointer, Int, Int) -> Int
    ) {
        while position < end, base.load(fromByteOffset: position, as: UInt8.self) >= 0x80 {
            head.line.isASCII = false
            position = search(base, position &+ 1, end)
        }
    }

    /// Ends the target at the octet `stop`, which has to be the space before the version.
    @inline(__always)
    private mutating func finishTarget(
        _ base: UnsafeRawPointer, _ stop: UInt8, _ head: RequestHead
    ) throws(ParseError) -> Bool {
        guard stop == ASCII.space, position > partStart else { throw .malformedTarget }
        if !head.line.isASCII {
            let target = UnsafeRawBufferPointer(start: base + partStart, count: position &- partStart)
            guard Octets.isUTF8(target) else { throw .malformedTarget }
        }
        head.line.target = ByteRange(partStart &- origin, position &- origin)
        position &+= 1
        partStart = position
        phase = .version
        return true
    }

    /// Reads "HTTP/" DIGIT "." DIGIT CRLF. When the line is complete, it checks the form of the target.
    private mutating func parseVersion(
        _ base: UnsafeRawPointer, _ count: Int, _ end: Int, _ head: RequestHead
    ) throws(ParseError) -> Bool {
        let version = base + partStart
        if partStart &+ 8 <= end, count &- partStart >= 10, let minor = Self.usualVersion(version) {
            head.line.versionMinor = minor
            return try finishRequestLine(base, head)
        }
        guard try parseVersionSlowly(version, end &- partStart, count &- partStart) else { return false }
        let minor = version.load(fromByteOffset: 7, as: UInt8.self)
        head.line.versionMinor = minor == ASCII.zero ? 0 : 1
        return try finishRequestLine(base, head)
    }

    /// Checks octet by octet, so that the first wrong one is refused at once. `visible` octets may be part of the line,
    /// `available` octets have arrived.
    private mutating func parseVersionSlowly(
        _ version: UnsafeRawPointer, _ visible: Int, _ available: Int
    ) throws(ParseError) -> Bool {
        let name: StaticString = "HTTP/"
        for index in 0..<min(visible, 8) {
            let byte = version.load(fromByteOffset: index, as: UInt8.self)
            let isRight =
                switch index {
                case 0..<5: byte == name.utf8Start[index]
                case 6: byte == ASCII.period
                default: CharacterClass.isDigit(byte)
                }
            guard isRight else { throw .malformedVersion }
        }
        guard visible >= 8 else {
            position = partStart &+ max(visible, 0)
            return false
        }
        position = partStart &+ 7
        guard available > 8 else { return false }
        switch version.load(fromByteOffset: 8, as: UInt8.self) {
        case ASCII.carriageReturn: break
        case ASCII.lineFeed: throw .bareLineFeed
        default: throw .malformedVersion
        }
        guard available > 9 else { return false }
        guard version.load(fromByteOffset: 9, as: UInt8.self) == ASCII.lineFeed else { throw .bareCarriageReturn }
        guard version.load(fromByteOffset: 5, as: UInt8.self) == UInt8(ascii: "1") else { throw .unsupportedVersion }
        return true
    }

    @inline(__always)
    private mutating func finishRequestLine(
        _ base: UnsafeRawPointer, _ head: RequestHead
    ) throws(ParseError) -> Bool {
        position = partStart &+ 10
        partStart = position
        phase = .lineStart
        let isOrigin =
            base.load(fromByteOffset: origin &+ Int(head.line.target.start), as: UInt8.self)
            == ASCII.slash
        if isOrigin, head.line.method != .connect {
            head.line.targetForm = .origin
        } else {
            try TargetRules.resolve(base + origin, &head.line)
        }
        return true
    }
}
