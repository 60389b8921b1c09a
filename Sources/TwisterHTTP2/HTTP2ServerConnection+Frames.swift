import CTwisterNghttp2
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The callbacks of nghttp2 while it reads. A result other than 0 ends the reading; GOAWAY is then queued.
extension HTTP2ServerConnection {
    /// The connection is about to end.
    private static let stop = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue

    private func stop(_ limit: ServerCounts.FrameLimit) -> CInt {
        exceed(limit)
        return Self.stop
    }

    /// A frame's header has come.
    func frameBegins(_ header: nghttp2_frame_hd) -> CInt {
        if phase == .ended { return Self.stop }
        if header.type == UInt8(NGHTTP2_SETTINGS.rawValue) { noteWindows() }
        return 0
    }

    private static let endStream = UInt8(NGHTTP2_FLAG_END_STREAM.rawValue)

    // MARK: Header blocks

    func headersBegin(_ id: Int32) -> CInt {
        block.begin(
            id, isTrailers: openStream(id) != nil, limit: context.configuration.maxHeaderSize, at: stream.turnTime)
        lookLater()
        return 0
    }

    func fieldReceived(_ id: Int32, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> CInt {
        if block.isTrailers { trailerReceived(id, name, value) } else { block.add(name, value) }
        // The rest of the block has to be decoded to keep HPACK's table in step. A few octets on the wire may stand for many.
        return block.listSize <= Self.decodedLimit(context.configuration.maxHeaderSize) ? 0 : stop(.headerBlocks)
    }

    /// A field behind a body. nghttp2 takes no pseudo-fields there.
    private func trailerReceived(_ id: Int32, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let isRefused = block.defect != nil
        // Also where nobody reads them.
        let isCounted = block.count(name, value)
        guard !isRefused, let stream = openStream(id) else { return }
        if stream.tunnel != nil {
            refuseFields(ofTunnel: id)
        } else if !isCounted || !stream.addTrailer(name, value) {
            refuseTrailers(id)
        }
    }

    /// Behind the head of a WebSocket there are no fields (RFC 9113, 8.5).
    private func refuseFields(ofTunnel id: Int32) {
        block.note(.malformed)
        reset(id, NGHTTP2_PROTOCOL_ERROR)
    }

    private func refuseTrailers(_ id: Int32) {
        context.counts.countRefusal(431)
        block.note(.tooLarge)
        reset(id, NGHTTP2_ENHANCE_YOUR_CALM)
        if !countError(id) { exceed(.resets) }
    }

    /// How many octets of fields are decoded of a head, or of trailers, that are too large anyway.
    private static func decodedLimit(_ limit: Int) -> Int { max(limit, 16_384) * 4 }

    // MARK: Frames

    func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) -> CInt {
        let header = frame.pointee.hd
        switch header.type {
        case UInt8(NGHTTP2_HEADERS.rawValue):
            let isRequest = frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
            let isEnd = header.flags & Self.endStream != 0
            if isRequest { beginRequest(header.stream_id, isEnd: isEnd) }
            block.end()
            if !isRequest { endRequest(header.stream_id, isEnd: isEnd) }
        case UInt8(NGHTTP2_DATA.rawValue):
            if header.flags & Self.endStream != 0 {
                openStream(header.stream_id)?.requestEnded()
            } else if header.length > 0, header.length == frame.pointee.data.padlen,
                !frames.takeEmpty(at: stream.turnTime)
            {
                return stop(.emptyFrames)
            }
        case UInt8(NGHTTP2_SETTINGS.rawValue) where header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0:
            clocks.settingsSince = nil
            if isWindowOverflown { session?.terminate(NGHTTP2_FLOW_CONTROL_ERROR) }
        case UInt8(NGHTTP2_PRIORITY_UPDATE.rawValue):
            // nghttp2 ignores updates for stream 0, which are an error (RFC 9218, 7.1).
            let payload = frame.pointee.ext.payload?.assumingMemoryBound(to: nghttp2_ext_priority_update.self)
            guard let update = payload?.pointee else { break }
            if update.stream_id == 0 { session?.terminate(NGHTTP2_PROTOCOL_ERROR) }
            let field = UnsafeBufferPointer(start: update.field_value, count: update.field_value_len)
            priorityUpdated(update.stream_id, ClientText.repaired(UnsafeRawBufferPointer(field)))
        default: break
        }
        return 0
    }

    /// The client has broken a rule: nghttp2 resets the stream, or ends the connection.
    func invalidFrameReceived(_ header: nghttp2_frame_hd) -> CInt {
        if header.type == UInt8(NGHTTP2_HEADERS.rawValue) { noteMalformed(header.stream_id) }
        return countError(header.stream_id) ? 0 : stop(.resets)
    }

    /// A field that no request may have: nghttp2 resets the stream.
    func invalidFieldReceived(_ id: Int32) -> CInt {
        noteMalformed(id)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }

    /// Tells observers of a malformed request, whose client gets no response but a reset (RFC 9113, 8.1.1).
    private func noteMalformed(_ id: Int32) {
        guard openStream(id) == nil, block.streamID == id, !block.isTrailers, !block.isTold else { return }
        block.isTold = true
        context.noteMalformedHTTP2(from: share.client, firstByte: block.since)
    }

    private func refuseMalformed(_ id: Int32) {
        noteMalformed(id)
        reset(id, NGHTTP2_PROTOCOL_ERROR)
    }

    /// Counts an error of the client by which it loses a stream, if the stream's request was begun; once for each stream.
    /// Returns false where the limit is exceeded.
    func countError(_ id: Int32) -> Bool {
        guard let lost = openStream(id), !lost.isErrorCounted else { return true }
        lost.isErrorCounted = true
        return frames.takeError(at: stream.turnTime)
    }

    func dataReceived(_ id: Int32, _ bytes: UnsafeRawBufferPointer) -> CInt {
        session?.consumeConnection(bytes.count)
        openStream(id)?.receiveBody(bytes)
        return 0
    }

    /// The stream with that number, where it is open and its request was read.
    func openStream(_ id: Int32) -> HTTP2Stream? {
        session?.object(of: id).map { Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Requests

    /// All fields of a request have come.
    private func beginRequest(_ id: Int32, isEnd: Bool) {
        // The client is told, or will be, that this request was not processed: it may send it again elsewhere.
        if case .goingAway(let last) = phase, id > last { return reset(id, NGHTTP2_REFUSED_STREAM) }
        block.finish()
        // A WebSocket whose client can send nothing is none.
        if block.defect == .malformed || block.opensWebSocket && isEnd { return refuseMalformed(id) }
        // A stream that the client has reset still counts while its handler runs.
        guard share.requests < resources.streamLimit else { return reset(id, NGHTTP2_REFUSED_STREAM) }
        // Many large heads can lie in the bytes that were received before the connection was parked.
        if share.isParked, block.octets.count >= Self.largeHead { return reset(id, NGHTTP2_REFUSED_STREAM) }
        // Otherwise the connection was closed for lack of memory.
        let isSmall = !resources.streams.isEmpty && block.octets.count < Self.largeHead
        guard isSmall || stream.hasMemory(HTTP2Resources.streamSize + block.octets.count, for: .established) else {
            return
        }
        let made = resources.streams.take()
        var parser = RequestParser(limits: context.parserLimits)
        let result = parser.parse(block.octets, into: made.exchange.requestHead)
        let verdict = verdict(result)
        if case .malformed = verdict { return refuseMalformed(id) }
        let sequel = block.opensWebSocket ? RequestHead.Sequel.webSocket : isEnd ? .nothing : .body
        made.exchange.requestHead.becomeHTTP2(followedBy: sequel)
        made.headSize = block.octets.count
        made.index = streams.count
        streams.append(made)
        headReceived(made.headSize)
        session?.attach(Unmanaged.passUnretained(made).toOpaque(), id)
        lookLater()
        made.begin(on: self, id, block.since, sequel, verdict)
    }

    /// The fields behind a body have come.
    private func endRequest(_ id: Int32, isEnd: Bool) {
        guard let stream = openStream(id), block.defect == nil else { return }
        // No field has come, either.
        if stream.tunnel != nil { return refuseFields(ofTunnel: id) }
        if isEnd { stream.requestEnded() }
    }

    private func verdict(_ result: ParseResult) -> HTTP2Stream.Verdict {
        switch block.defect {
        case .tooLarge: return .refused(RequestRefusal(431, "the header section is too large"))
        case .foreignScheme: return .refused(RequestRefusal(421))
        case .unknownProtocol: return .refused(RequestRefusal(501, "the only :protocol is websocket"))
        case .malformed: return .malformed
        case nil: break
        }
        switch result {
        case .complete: return .readable
        case .needMore: return .malformed
        // These errors have statuses of their own. Malformed requests have none in HTTP/2 (RFC 9113, 8.1.1).
        case .invalid(let error):
            return error.status == 400 ? .malformed : .refused(RequestRefusal(error.status, error.reason))
        }
    }

    private func reset(_ id: Int32, _ error: nghttp2_error_code) { session?.reset(id, error) }

    // MARK: Windows of responses

    /// The client changes its initial window: notes how much it let each stream send before.
    private func noteWindows() {
        for stream in streams { stream.windowBefore = session?.remoteWindow(stream.id) ?? 0 }
        output.initialWindow = session?.remoteInitialWindow ?? 0
    }

    /// Whether the change has made the window of a stream too large: an error of the connection (RFC 9113, 6.9.2), which
    /// nghttp2 takes for one of the stream.
    private var isWindowOverflown: Bool {
        let change = (session?.remoteInitialWindow ?? 0) - output.initialWindow
        guard change > 0 else { return false }
        return streams.contains { $0.windowBefore + change > Int(Int32.max) }
    }
}
