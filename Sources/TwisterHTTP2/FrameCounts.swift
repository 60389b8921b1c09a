import CTwisterNghttp2
import TwisterHTTP

/// Checks the frames of a client before nghttp2 reads them. Counts the frames that cost the server more than the client against
/// the limits of the configuration, and finds frames on streams that the client has ended.
struct FrameCounts {
    /// Why a frame ends the connection.
    enum Objection: Equatable {
        /// The frame is one more than a limit allows.
        case limit(ServerCounts.FrameLimit)
        /// The client may not send it (RFC 9113, 5.1).
        case violation(nghttp2_error_code)
    }

    /// The ranges of the latest bytes in whose place nghttp2 has to read zeros (`FrameScanner`).
    var masks: ContiguousArray<Range<Int>> { scanner.masks }

    private let limits: HTTP2Configuration
    private var scanner = FrameScanner()
    private var resets: TokenBucket
    private var errors: TokenBucket
    private var controlFrames: TokenBucket
    private var windowUpdates: TokenBucket
    private var emptyFrames: TokenBucket
    /// How many CONTINUATION frames followed each other.
    private var continuations = 0
    private var streams = ClientStreams()
    /// Since when the server waits for the rest of a frame or of a header block, even if nghttp2 ignores that frame; nil: it
    /// does not wait.
    private(set) var restSince: UInt64?

    init(_ limits: HTTP2Configuration, at now: UInt64) {
        self.limits = limits
        resets = TokenBucket(limits.resets, at: now)
        errors = TokenBucket(limits.errors, at: now)
        controlFrames = TokenBucket(limits.controlFrames, at: now)
        windowUpdates = TokenBucket(limits.windowUpdates, at: now)
        emptyFrames = TokenBucket(limits.emptyFrames, at: now)
    }

    /// Counts the frames that begin in what the client has sent. Returns how many octets come before the first frame that ends
    /// the connection, and why it does; all octets where there is none.
    mutating func count(_ octets: UnsafeRawBufferPointer, at now: UInt64) -> (accepted: Int, Objection?) {
        // The scanner is a part of this value, which the closure changes.
        var scanner = scanner
        var objection: Objection?
        var isProgress = false
        let accepted = scanner.scan(octets) { header in
            isProgress = true
            objection = count(header, at: now)
            return objection == nil
        }
        self.scanner = scanner
        if !scanner.isWithinFrame, !streams.isInBlock {
            restSince = nil
        } else if isProgress || restSince == nil {
            restSince = now
        }
        return (accepted, objection)
    }

    /// Restarts the clock, because the client was not to blame for the time until now.
    mutating func restartClock(at now: UInt64) { if restSince != nil { restSince = now } }

    private mutating func count(_ header: FrameHeader, at now: UInt64) -> Objection? {
        switch Int(header.type) {
        case Self.data:
            if header.length == 0, header.flags & Self.endStream == 0, !takeEmpty(at: now) {
                return .limit(.emptyFrames)
            }
            return streams.data(header).map { .violation($0) }
        case Self.headers:
            continuations = 0
            return streams.headers(header).map { .violation($0) }
        case Self.continuation:
            continuations += 1
            streams.continuation(header)
            return continuations <= limits.maxContinuations ? nil : .limit(.headerBlocks)
        case Self.reset:
            streams.reset(header)
            return takeReset(at: now) ? nil : .limit(.resets)
        case Self.windowUpdate: return windowUpdates.take(at: now) ? nil : .limit(.windowUpdates)
        // RFC 9113, 6.3: PRIORITY for stream 0 is an error, which nghttp2 ignores.
        case Self.priority where header.stream == 0: return .violation(NGHTTP2_PROTOCOL_ERROR)
        // A stream that depends on itself is an error of the stream (RFC 7540, 5.3.1). That stream may be idle and cannot be
        // reset, so that the connection ends, as it does with nghttp2 where HEADERS says so.
        case Self.priority where header.dependency == header.stream: return .violation(NGHTTP2_PROTOCOL_ERROR)
        default: return controlFrames.take(at: now) ? nil : .limit(.controlFrames)
        }
    }

    private static let data = Int(NGHTTP2_DATA.rawValue)
    private static let headers = Int(NGHTTP2_HEADERS.rawValue)
    private static let continuation = Int(NGHTTP2_CONTINUATION.rawValue)
    private static let priority = Int(NGHTTP2_PRIORITY.rawValue)
    private static let reset = Int(NGHTTP2_RST_STREAM.rawValue)
    private static let windowUpdate = Int(NGHTTP2_WINDOW_UPDATE.rawValue)
    private static let endStream = UInt8(NGHTTP2_FLAG_END_STREAM.rawValue)

    /// Counts a stream that is reset. Returns false where the limit is exceeded.
    mutating func takeReset(at now: UInt64) -> Bool { resets.take(at: now) }

    /// Counts an error by which the client loses a stream whose request was begun. Returns false where the limit is exceeded.
    mutating func takeError(at now: UInt64) -> Bool { errors.take(at: now) }

    /// Counts a DATA frame without data, or with padding alone. Returns false where the limit is exceeded.
    mutating func takeEmpty(at now: UInt64) -> Bool { emptyFrames.take(at: now) }

    /// Allows the WINDOW_UPDATE frames with which a client may respond to a DATA frame of `count` bytes: one for each of the
    /// two windows, and more where the client takes the frame in small steps.
    mutating func dataSent(_ count: Int) { windowUpdates.add(2 + count / Self.updateStep) }

    /// Some clients send an update whenever they have read a few KiB: 2 KiB or more in Go's `net/http`. Half of that leaves
    /// room for updates of both windows.
    private static let updateStep = 1024
}
