import CTwisterNghttp2

/// The streams that the client's own frames have opened, and those of them that its frames have ended.
///
/// nghttp2 ignores HEADERS and DATA on a stream that it has forgotten, because the client may have sent them before it learned
/// that the server had reset the stream. A client that has ended or reset the stream itself has no such excuse (RFC 9113, 5.1).
/// This value decides from the client's frames alone, whatever the server has sent meanwhile.
struct ClientStreams {
    /// The last stream that the client has opened.
    private var latest: UInt32 = 0
    /// Streams that the client has opened and neither ended nor reset, in order. Those that the server has reset may stay here.
    private var unended: ContiguousArray<UInt32> = []
    /// Streams up to this number may be open although `unended`, whose size is bounded, does not contain them. Their frames are
    /// accepted.
    private var forgotten: UInt32 = 0
    /// Numbers that the client has skipped, and therefore cannot use any more (RFC 9113, 5.1.1).
    private var skipped: ContiguousArray<ClosedRange<UInt32>> = []
    /// Whether CONTINUATION has to follow. nghttp2 deals with every other frame.
    private(set) var isInBlock = false

    /// How many streams without an end are remembered: more than a client may have open at once by default.
    private static let mostUnended = 256
    private static let mostSkipped = 16

    private static let endStream = UInt8(NGHTTP2_FLAG_END_STREAM.rawValue)
    private static let endHeaders = UInt8(NGHTTP2_FLAG_END_HEADERS.rawValue)

    /// Notes HEADERS. Returns the error that the frame is; nil: it is none.
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

    /// Notes DATA. Returns the error that the frame is; nil: it is none.
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

    /// Notes HEADERS or DATA on a stream that was opened before. Returns the error that the frame is; nil: it is none.
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
