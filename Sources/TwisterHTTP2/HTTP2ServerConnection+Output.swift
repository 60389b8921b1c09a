import CTwisterNghttp2
import Logging
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The callbacks of nghttp2 while it sends, and the requests of streams to send.
extension HTTP2ServerConnection {
    /// Bytes of a frame's header (RFC 9113, 4.1).
    private static let frameHeaderSize = 9

    /// Writes a DATA frame: the header, and `count` bytes of the stream's body.
    func sendData(_ header: UnsafePointer<UInt8>, _ count: Int, _ source: HTTP2Stream) -> CInt {
        guard !stream.isOverHighWatermark else { return NGHTTP2_ERR_WOULDBLOCK.rawValue }
        guard !stream.isClosed else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        let place = stream.reserveOutput(Self.frameHeaderSize + count)
        place.copyMemory(from: header, byteCount: Self.frameHeaderSize)
        guard source.takeData(count, to: place + Self.frameHeaderSize) else {
            // A file has become shorter: the client has to see that the response is not whole.
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        stream.commitOutput(Self.frameHeaderSize + count)
        source.exchange.noteOutput(Self.frameHeaderSize + count, body: count)
        frames.dataSent(count)
        output.bodySent &+= count
        return 0
    }

    func frameSent(_ frame: UnsafePointer<nghttp2_frame>) -> CInt {
        let header = frame.pointee.hd
        switch header.type {
        case UInt8(NGHTTP2_HEADERS.rawValue), UInt8(NGHTTP2_DATA.rawValue):
            let isEnd = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            let isHead = header.type == UInt8(NGHTTP2_HEADERS.rawValue)
            guard isEnd || isHead, let stream = openStream(header.stream_id) else { return 0 }
            if isHead { stream.exchange.noteOutput(Self.frameHeaderSize + header.length, body: 0) }
            guard isEnd else { return 0 }
            stream.endSent()
            stream.stopUnwantedBody()
        case UInt8(NGHTTP2_RST_STREAM.rawValue) where Self.isClientsDoing(frame.pointee.rst_stream.error_code):
            // Errors of the client cost as much as its own resets.
            if !frames.takeReset(at: stream.turnTime) { exceed(.resets) }
            // nghttp2 does not report every error when it finds it: it does not for a body whose length differs from the
            // declared one.
            if Self.isError(frame.pointee.rst_stream.error_code), !countError(header.stream_id) { exceed(.resets) }
        default: break
        }
        return 0
    }

    /// Whether a stream is reset because the client has broken a rule.
    private static func isError(_ code: UInt32) -> Bool {
        switch nghttp2_error_code(code) {
        case NGHTTP2_PROTOCOL_ERROR, NGHTTP2_FLOW_CONTROL_ERROR, NGHTTP2_STREAM_CLOSED, NGHTTP2_FRAME_SIZE_ERROR: true
        default: false
        }
    }

    /// Whether a stream is reset for what the client has sent, and not because a handler has failed or given up.
    private static func isClientsDoing(_ code: UInt32) -> Bool {
        isError(code) || code == NGHTTP2_REFUSED_STREAM.rawValue || code == NGHTTP2_ENHANCE_YOUR_CALM.rawValue
    }

    /// nghttp2 could not send a frame, which is dropped. A stream is reset that waits for fields which will not come.
    func frameNotSent(_ frame: UnsafePointer<nghttp2_frame>, _ error: CInt) -> CInt {
        let header = frame.pointee.hd
        guard header.type == UInt8(NGHTTP2_HEADERS.rawValue), openStream(header.stream_id) != nil else { return 0 }
        switch error {
        // The client has closed the stream or the connection meanwhile.
        case NGHTTP2_ERR_STREAM_CLOSED.rawValue, NGHTTP2_ERR_STREAM_CLOSING.rawValue,
            NGHTTP2_ERR_SESSION_CLOSING.rawValue, NGHTTP2_ERR_START_STREAM_NOT_ALLOWED.rawValue:
            break
        default: giveUp(header.stream_id, error)
        }
        return 0
    }

    /// Resets a stream whose response's fields cannot be sent.
    private func giveUp(_ id: Int32, _ error: CInt) {
        guard let stream = openStream(id) else { return }
        let reason =
            error == NGHTTP2_ERR_FRAME_SIZE_ERROR.rawValue
            ? "the fields are more than 1 MiB" : String(cString: nghttp2_strerror(error))
        Log.general.error("HTTP/2: a response's head or trailers cannot be sent, and the stream is reset: \(reason)")
        stream.exchange.noteOutcome(.cut)
        session?.reset(id, NGHTTP2_INTERNAL_ERROR)
    }

    /// nghttp2 knows the stream no more.
    func streamClosed(_ id: Int32, _ error: UInt32) -> CInt {
        if block.streamID == id { block.end() }
        guard let closed = openStream(id), closed.index < streams.count, streams[closed.index] === closed else {
            return 0
        }
        let last = streams.removeLast()
        if last !== closed {
            streams[closed.index] = last
            last.index = closed.index
        }
        if closed.flow.age.isRaised { raisedChanged(by: -1, nil) }
        if streams.isEmpty {
            clocks.idleSince = stream.turnTime
            stream.setDeadline(noLaterThan: context.deadlines.afterResponse(clocks.idleSince))
        }
        // Some clients read nothing after GOAWAY, so that GOAWAY must not overtake the response.
        if closed.endsConnection { goAway() }
        closed.closed()
        // A WebSocket reports the bytes that it holds only while it has its stream.
        if share.charged > 0 { recharge() }
        return 0
    }

    // MARK: What streams ask for

    func sendHead(_ id: Int32, _ head: ResponseHead, length: Int?, body: HTTP2Stream?) {
        let result = resources.responseFields.withFields(head, length: length) { fields, count in
            session?.submitResponse(id, fields, count, body.map { Unmanaged.passUnretained($0).toOpaque() }) ?? 0
        }
        if result != 0 { giveUp(id, result) }
        // The application wants the connection to close, or the server serves one request on each.
        if head.closesConnection || !context.configuration.keepAlive { openStream(id)?.endsConnection = true }
    }

    func sendInformational(_ id: Int32, _ head: ResponseHead) {
        let result = resources.responseFields.withInformationalFields(head) { fields, count in
            session?.submitInformational(id, fields, count) ?? 0
        }
        if result != 0 { giveUp(id, result) }
        pump()
    }

    func sendTrailers(_ id: Int32, _ trailers: ResponseTrailers) {
        let result = ResponseFields.withTrailers(trailers) { fields, count in
            session?.submitTrailers(id, fields, count) ?? 0
        }
        if result != 0 { giveUp(id, result) }
    }

    /// Whether the client lets the stream send something.
    func hasWindow(_ id: Int32) -> Bool {
        min(session?.remoteWindow(id) ?? 0, session?.remoteConnectionWindow ?? 0) > 0
    }

    /// How long a client that has the whole response may go on with the request's body before the stream is reset.
    private static let unwantedBodyTime = Duration.milliseconds(50)

    /// Resets a stream whose response is sent and whose body nobody reads (RFC 9113, 8.1), but not at once: a client that finds
    /// response and reset in one read takes the response for lost (curl 7.88), and most clients end their body by themselves.
    func stopUnwantedBodySoon(_ id: Int32) {
        let stop: () -> Void = { [weak self] in
            // The response may still wait for the kernel.
            self?.stream.whenOutputTaken { [weak self] _ in
                guard let self, let stream = openStream(id), stream.hasUnwantedBody else { return }
                cut(id, NGHTTP2_NO_ERROR)
            }
        }
        // A client that has ended its side sends nothing more of the body.
        if stream.isPeerEnded {
            context.loop.addLocalCallback(stop)
        } else {
            context.loop.callLater(Self.unwantedBodyTime, stop)
        }
    }

    /// Cuts a stream.
    func cut(_ id: Int32, _ error: nghttp2_error_code) {
        session?.reset(id, error)
        pump()
        if share.charged > 0 { recharge() }
    }
}
