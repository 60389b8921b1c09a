import CTwisterNghttp2
import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The state of a request's body while it is read.
final class IncomingBody {
    var clocks = RequestClocks()
    var trailers = TrailerFields()
    /// Whether the client waits for a 100 before it sends its body.
    var awaitsContinue: Bool
    /// Bytes that nghttp2 has not been told are taken: the stream's window stays closed by that many.
    var unconsumed = 0
    /// Bytes that are still to come, by Content-Length; nil: not known.
    var remaining: Int?

    init(awaitsContinue: Bool) { self.awaitsContinue = awaitsContinue }
}

/// Reading the request's body.
extension HTTP2Stream: BodySource {
    /// A body follows the head. The delegate, which gets the head next, may limit the body's time.
    func expectBody() {
        let made = IncomingBody(awaitsContinue: exchange.requestHead.expectation == .continue100)
        made.clocks.startBody(context.loop.turnTime)
        body = made
    }

    /// The delegate has the head and takes the body.
    func startBody() {
        // nghttp2 has seen to it that there is one at most, and that it is a number.
        if case .length(let length) = MessageFraming.framing(of: exchange.requestHead) {
            guard length <= exchange.bodyLimit else { return refuse(RequestRefusal(413)) }
            body?.remaining = length
        }
        if exchange.isBodyStreamed { schedule() } else { bodyAwaited() }
    }

    func receiveBody(_ bytes: UnsafeRawBufferPointer) {
        if let tunnel {
            tunnel.received(bytes)
            if tunnel.isOffered { connection?.bodyReceived(self) }
            return
        }
        guard reading == .body, let body else { return consume(bytes.count) }
        body.clocks.bodyArrived(bytes.count, context.loop.turnTime, context.deadlines)
        body.remaining = body.remaining.map { max($0 - bytes.count, 0) }
        do throws(RequestRefusal) {
            try exchange.receiveBody(bytes)
        } catch {
            consume(bytes.count)
            return refuse(error)
        }
        if exchange.isBodyPaused { body.unconsumed += bytes.count } else { consume(bytes.count) }
        connection?.bodyReceived(self)
    }

    /// Returns false where there are too many trailer fields.
    func addTrailer(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        body?.trailers.add(name, value) ?? true
    }

    /// The client has sent all of the request.
    func requestEnded() {
        guard reading == .body else {
            reading = .complete
            tunnel?.ended()
            return
        }
        let trailers = body?.trailers.fields
        body = nil
        reading = .complete
        endRequestBody(trailers)
    }

    /// All of the request has come.
    func endRequestBody(_ trailers: HTTPFields?) {
        if exchange.isBodyUsed || trailers?.isEmpty == false {
            do throws(RequestRefusal) {
                try exchange.endBody(trailers)
            } catch {
                return refuse(error)
            }
        }
        if case .waiting = run { schedule() }
    }

    /// No more of the body is read.
    func abandonBody() {
        tunnel?.refuse()
        guard reading == .body else { return }
        reading = .abandoned
        consume(body?.unconsumed ?? 0)
        body = nil
    }

    /// Tells a client that has the whole response not to send the rest of its request (RFC 9113, 8.1).
    func stopUnwantedBody() {
        guard isOpen, sending == .complete, hasUnwantedBody else { return }
        // The exchange is over, although the stream is not.
        tellTaken()
        connection?.stopUnwantedBodySoon(id)
    }

    /// Opens the stream's window again.
    func consume(_ count: Int) {
        if count > 0, isOpen { connection?.session?.consumeStream(id, count) }
    }

    /// Forgets a body that was collected for an application that does not run yet.
    func dropCollectedBody() {
        if case .executing = run { return }
        exchange.dropBody()
    }

    // MARK: What the exchange asks for

    func pauseBody() { body?.clocks.pauseBody() }

    func resumeBody() {
        guard let body else { return }
        body.clocks.startBody(context.loop.now)
        let count = body.unconsumed
        body.unconsumed = 0
        consume(count)
        connection?.bodyTaken()
    }

    /// Tells a client that waits for it to send its body (RFC 9110, 10.1.1).
    func bodyAwaited() {
        guard let body, body.awaitsContinue, sending == .nothing, exchange.receivedBodyBytes == 0 else { return }
        body.awaitsContinue = false
        // The client has waited for the handler, not the other way round.
        body.clocks.startBody(context.loop.now)
        guard isOpen else { return }
        let head = ResponseHead()
        try? head.setStatus(100)
        connection?.sendInformational(id, head)
    }

    func bodyLimitChanged() {
        // A body that is complete may be over the new limit as well.
        guard reading != .abandoned else { return }
        let least = exchange.receivedBodyBytes + (body?.remaining ?? 0)
        if !exchange.isFinished, least > exchange.bodyLimit { refuse(RequestRefusal(413)) }
    }

    func limitBodyTime(_ timeout: Duration) {
        guard let body else { return }
        let end = context.loop.now &+ UInt64(clamping: timeout.nanosecondsClamped)
        body.clocks.bodyEnd = end
        connection?.stream.setDeadline(noLaterThan: end)
    }

    // MARK: Time

    /// Stops the clocks: while the connection is left unread, neither a body nor an update of a window is late.
    func pauseClocks() {
        body?.clocks.pauseBody()
        flow.pause()
        tunnel?.socket?.park()
    }

    func resumeClocks() {
        tunnel?.socket?.unpark()
        if !exchange.isBodyPaused { body?.clocks.startBody(context.loop.now) }
    }

    /// Looks whether the request's body, or the client's window for the response, is late.
    func checkDeadlines(at now: UInt64) {
        if let body, context.deadlines.isBodyLate(body.clocks, at: now) {
            return refuse(RequestRefusal(408, "the request's body took too long"))
        }
        guard let connection, isOpen else { return }
        if let tunnel, tunnel.isAccepted {
            if tunnel.isOverdue(at: now) {
                connection.cut(id, sending == .complete ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL)
            }
            return
        }
        // A client that does not read the connection at all is dealt with by the connection.
        if connection.isHeldUp { return flow.pause() }
        let obstacle = outputObstacle(connection)
        if flow.isTooSlow(waitingBytes, obstacle, connection.output.bodySent, context.deadlines, at: now) {
            context.counts.count(.stalledWindows)
            exchange.noteOutcome(.timeout)
            connection.cut(id, NGHTTP2_CANCEL)
        }
    }

    /// The window, the stream's or the connection's, that keeps the stream's output waiting.
    func outputObstacle(_ connection: HTTP2ServerConnection) -> OutputFlow.Obstacle {
        connection.session?.remoteWindow(id) ?? 0 <= 0 ? .streamWindow : .connectionWindow
    }
}
