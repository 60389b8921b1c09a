import CTwisterNghttp2

/// The streams of a connection as the client's own frames tell of them: which it has opened, and which of these it has ended.
///
/// nghttp2 ignores HEADERS and DATA on a stream that it knows no more, since a client may send them before it learns that the
/// server has reset the stream. A client that has ended or reset the stream itself has no such excuse (RFC 9113, 5.1), and what
/// it has done follows from its frames alone, whatever the server has sent meanwhile.
struct ClientStreams {
    /// The last stream that the client has opened.
    private var latest: UInt32 = 0
    /// Streams that the client has opened and neither ended nor reset, in order. Those that the server has reset may stay here.
    private var unended: ContiguousArray<UInt32> = []
    /// Streams up to this number may be open although they are not in `unended`, which is bounded: their frames are let through.
    private var forgotten: UInt32 = 0
    /// Numbers that the client has passed over, and that it cannot use any more (RFC 9113, 5.1.1).
    private var skipped: ContiguousArray<ClosedRange<UInt32>> = []
    /// Whether CONTINUATION has to follow. nghttp2 deals with every other frame.
    private(set) var isInBlock = false

    /// So many streams without an end are known, more than a client may have open at once by default.
    private static let mostUnended = 256
    private static let mostSkipped = 16

    private static let endStream = UInt8(NGHTTP2_FLAG_END_STREAM.rawValue)
    private static let endHeaders = UInt8(NGHTTP2_FLAG_END_HEADERS.rawValue)

    /// Notes HEADERS. Returns the error that it is.
    mutating func headers(_ header: FrameHeader) -> nghttp2_error_code? {
        guard !isInBlock else { return nil }
        isInBlock = header.flags & Self.endHeaders == 0
        // nghttp2 refuses streams that are not the client's.
        guard header.stream & 1 == 1 else { return nil }
        guard header.stream > latest else { return more(header) }
        if header.stream > latest &+ 2 { skip(to: header.stream) }
        latest = header.stream
        if header.flags & Self.endStream == 0 { open(header.stream) }
        return nil
    }

    /// Notes DATA. Returns the error that it is.
    mutating func data(_ header: FrameHeader) -> nghttp2_error_code? {
        guard !isInBlock, header.stream & 1 == 1, header.stream <= latest else { return nil }
        return more(header)
    }

    /// Notes CONTINUATION.
    mutating func continuation(_ header: FrameHeader) {
        if header.flags & Self.endHeaders != 0 { isInBlock = false }
    }

    /// Notes RST_STREAM.
    mutating func reset(_ header: FrameHeader) { end(header.stream) }

    /// HEADERS or DATA on a stream that was opened before.
    private mutating func more(_ header: FrameHeader) -> nghttp2_error_code? {
        guard header.stream > forgotten else { return nil }
        guard unended.contains(header.stream) else {
            let isUnused = skipped.contains { $0.contains(header.stream) }
            return isUnused ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_STREAM_CLOSED
        }
        if header.flags & Self.endStream != 0 { end(header.stream) }
        return nil
    }

    private mutating func open(_ stream: UInt32) {
        if unended.count == Self.mostUnended { forgotten = unended.removeFirst() }
        unended.append(stream)
    }

    private mutating func end(_ stream: UInt32) {
        if let index = unended.lastIndex(of: stream) { unended.remove(at: index) }
    }

    private mutating func skip(to stream: UInt32) {
        if skipped.count == Self.mostSkipped { skipped.removeFirst() }
        skipped.append((latest &+ 1)...(stream &- 1))
    }
}
