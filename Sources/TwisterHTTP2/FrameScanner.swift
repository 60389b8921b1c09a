import CTwisterNghttp2

/// The header of a frame (RFC 9113, 4.1).
struct FrameHeader {
    /// Octets of the payload.
    var length: Int
    var type: UInt8
    var flags: UInt8
    /// The number of the stream; 0: the frame is about the connection.
    var stream: UInt32
    /// The stream on which this frame's stream depends, as PRIORITY says; nil in other frames.
    var dependency: UInt32?
}

/// Finds the frames in what a client sends, because nghttp2 does not report the frames that it ignores. The scanner reads only
/// headers (and the first number in PRIORITY), so that every frame is counted against its limit.
///
/// The scanner also finds octets that nghttp2 must not read: the last stream in the client's GOAWAY. That should be a stream
/// that the server has opened, and the server opens none. A client that names another one, such as 2^31-1, breaks no rule
/// (RFC 9113, 6.8), but nghttp2 would end the connection, and with it the requests under way.
struct FrameScanner {
    /// How many octets to skip that are no header: the rest of the preface (RFC 9113, 3.4) or of a payload.
    private var skipped = 24
    /// The first octets, at most eight, of a header that is incomplete; `gathered` says how many have come.
    private var partial: UInt64 = 0
    private var gathered = 0
    /// The header of PRIORITY, of which `numbered` octets of the dependency have come.
    private var priority: FrameHeader?
    private var numbered = 0
    /// Whether `skipped` is the rest of DATA.
    private var isData = false
    /// How many octets at the start of `skipped` nghttp2 must not read.
    private var masked = 0
    /// The ranges of such octets in the latest piece. nghttp2 reads zeros in their place.
    private(set) var masks: ContiguousArray<Range<Int>> = []

    /// Whether the rest of a frame is missing. DATA does not count: it has clocks of its own.
    var isWithinFrame: Bool { skipped > 0 && !isData || gathered > 0 || priority != nil }

    private static let headerSize = 9
    private static let numberSize = 4
    private static let data = UInt8(NGHTTP2_DATA.rawValue)
    private static let priority = UInt8(NGHTTP2_PRIORITY.rawValue)
    private static let goAway = UInt8(NGHTTP2_GOAWAY.rawValue)

    /// Calls `body` with the header of each frame that begins in these octets, until `body` returns false. Returns how many
    /// octets come before the header for which it did so (not counting octets of that header in earlier pieces); all octets
    /// where it never did.
    mutating func scan(_ octets: UnsafeRawBufferPointer, _ body: (FrameHeader) -> Bool) -> Int {
        if !masks.isEmpty { masks = [] }
        guard let base = octets.baseAddress else { return 0 }
        var position = 0
        while position < octets.count {
            if skipped > 0 {
                let step = min(masked > 0 ? masked : skipped, octets.count &- position)
                if masked > 0 {
                    masks.append(position..<position &+ step)
                    masked &-= step
                }
                skipped &-= step
                position &+= step
                continue
            }
            let start = position
            var header: FrameHeader?
            if priority != nil {
                header = addToDependency(octets[position])
                position &+= 1
            } else if gathered == 0, octets.count &- position >= Self.headerSize {
                let word = UInt64(bigEndian: (base + position).loadUnaligned(as: UInt64.self))
                header = Self.header(word, last: octets[position &+ 8])
                position &+= Self.headerSize
            } else {
                let octet = octets[position]
                position &+= 1
                gathered &+= 1
                if gathered < Self.headerSize {
                    partial = partial << 8 | UInt64(octet)
                } else {
                    header = Self.header(partial, last: octet)
                    gathered = 0
                    partial = 0
                }
            }
            guard let header else { continue }
            if header.type == Self.priority, header.dependency == nil, header.length >= Self.numberSize {
                priority = header
                continue
            }
            skipped = header.dependency == nil ? header.length : header.length &- Self.numberSize
            isData = header.type == Self.data
            if header.type == Self.goAway { masked = min(header.length, Self.numberSize) }
            if !body(header) { return start }
        }
        return octets.count
    }

    /// Takes the next octet of the number behind the header of PRIORITY. Returns the header once it has all of them.
    private mutating func addToDependency(_ octet: UInt8) -> FrameHeader? {
        guard var header = priority.take() else { return nil }
        // The highest bit is a flag.
        header.dependency = ((header.dependency ?? 0) << 8 | UInt32(octet)) & 0x7FFF_FFFF
        numbered &+= 1
        guard numbered == Self.numberSize else {
            priority = header
            return nil
        }
        numbered = 0
        return header
    }

    private static func header(_ word: UInt64, last: UInt8) -> FrameHeader {
        // The highest bit of the stream's number is reserved.
        let stream = (UInt32(truncatingIfNeeded: word) & 0x7F_FFFF) << 8 | UInt32(last)
        return FrameHeader(
            length: Int(word >> 40), type: UInt8(truncatingIfNeeded: word >> 32),
            flags: UInt8(truncatingIfNeeded: word >> 24), stream: stream)
    }
}
