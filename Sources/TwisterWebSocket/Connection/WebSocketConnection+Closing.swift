import TwisterHTTP
import TwisterIO

/// The end of a connection (RFC 6455, 7).
extension WebSocketConnection {
    /// How long the peer may take for its close frame. Tornado: 5 s.
    private static let closeTime: UInt64 = 5_000_000_000

    /// Begins to close: sends a close frame, and waits for the peer's. Ignored once closing has begun.
    func close(_ frame: CloseFrame) {
        guard phase == .open else { return }
        phase = .closeSent
        sendControl(.close, frame.payload)
        if let incoming {
            incoming.isDropped = true
            incoming.bytes = []
            incoming.stream.take()?.breakOff()
        }
        let deadline = stream.now &+ Self.closeTime
        madeRare().closeDeadline = deadline
        stream.setDeadline(noLaterThan: deadline)
        // The peer's close frame may be behind messages that nobody reads.
        readOn()
    }

    /// The peer's close frame has come.
    func receivedClose(_ frame: CloseFrame) {
        madeRare().peerClose = frame
        if phase == .open { sendControl(.close, CloseFrame(code: frame.code).payload) }
        phase = .ending
        dropIncoming()
        _ = endReader()
        // The server closes first (RFC 6455, 7.1.1).
        if isServer { stream.closeAfterOutput() } else { stream.lingerAfterOutput() }
    }

    /// Ends a connection that cannot go on: the peer is told why.
    func fail(_ code: WebSocketCloseCode, _ reason: String) {
        guard phase == .open || phase == .closeSent else { return }
        if phase == .open { sendControl(.close, CloseFrame(code: code, reason: reason).payload) }
        phase = .ending
        dropIncoming()
        _ = endReader()
        // The peer may still be sending, and has to get the close frame.
        stream.lingerAfterOutput()
    }

    /// Drops a message of which a part has come, because the rest will not come.
    private func dropIncoming() {
        guard let dropped = incoming.take() else { return }
        dropped.stream?.breakOff()
        noteLongMessage(dropped)
    }

    // MARK: Time

    /// Acts on deadlines that have passed, and sets the time of the next check.
    func lookAtDeadlines(_ now: UInt64) {
        var next = UInt64.max
        if let deadline = rare?.closeDeadline, phase == .closeSent {
            if now >= deadline { return stream.close() }
            next = min(next, deadline)
        }
        if case .until(let end) = rare?.endGrace {
            if now >= end {
                rare?.endGrace = .over
                stream.resumeInput()
            } else {
                next = min(next, end)
            }
        }
        if let server {
            if let since = stream.outputTakenAt {
                let due = since &+ server.writeStall
                // The kernel would otherwise keep the output for as long as the peer likes.
                if now >= due { return stream.reset() }
                next = min(next, due)
            }
            if let since = rare?.frameSince, phase == .open {
                let due = since &+ server.deadlines.bodyStall
                if now >= due, !stream.hasPeerLeft, rare?.isParked != true {
                    return fail(ProtocolViolation.late.closeCode, ProtocolViolation.late.reason)
                }
                next = min(next, max(due, now &+ 1_000_000_000))
            }
        }
        if phase == .open, let keepAlive = lookAtKeepAlive(now) { next = min(next, keepAlive) }
        if next != .max { stream.setDeadline(next) }
    }

    /// Sends the ping if it is due. Returns the time of the next check; nil: none is needed.
    private func lookAtKeepAlive(_ now: UInt64) -> UInt64? {
        guard var keepAlive = rare?.keepAlive else { return nil }
        if let due = keepAlive.pongDue, now >= due {
            // The pong may be behind messages that the owner has not taken yet, or be left unread for lack of memory.
            guard stream.unconsumedCount > 0 || rare?.isParked == true else {
                close(CloseFrame(code: .internalError, reason: "ping timed out"))
                return nil
            }
            keepAlive.pongDue = now &+ keepAlive.timeout
        }
        if now >= keepAlive.nextPing {
            keepAlive.nextPing = now &+ keepAlive.interval
            // A peer that lags behind would get the ping late. Its output has a deadline of its own.
            if !stream.isOverHighWatermark {
                sendControl(.ping, [])
                if keepAlive.pongDue == nil { keepAlive.pongDue = now &+ keepAlive.timeout }
            }
        }
        rare?.keepAlive = keepAlive
        return keepAlive.next
    }
}

extension WebSocketConnection {
    /// Closes the stream, whose peer has ended its side, once the last frames are out. They may respond to what came just
    /// before the end.
    func closeAfterPeer() {
        if phase == .ending, stream.outputCount > 0 { return }
        // A message that came before the end is still being decompressed, or one that responds to it is being compressed.
        if incoming?.isResting == true || rare?.isCompressing == true { return }
        guard !hasUnreadOfServer else { return }
        // A peer that has ended its side in order gets the same: close_notify over TLS, END_STREAM over HTTP/2.
        guard isServer, stream.isPeerEnded || stream.outputCount > 0 else { return stream.close(.endedByPeer) }
        if isOwnerBusy {
            // The owner waits until the peer has taken enough of the output, and goes on then.
            if stream.isOutputAwaited { return }
            if owner?.cancelsOnDisconnect == true { cancelOwner() }
        }
        if phase == .open { phase = .ending }
        stream.closeAfterOutput()
    }

    /// Closes later, because the peer has ended its side behind messages that the owner is still dealing with. The owner gets
    /// to their end, unless one of them keeps it waiting for something other than the peer: such an owner is told that the peer
    /// has left.
    func closeLater() {
        guard rare?.isClosingLater != true else { return }
        madeRare().isClosingLater = true
        let unread = stream.unconsumedCount
        stream.loop.addLocalCallback { [self] in
            rare?.isClosingLater = false
            guard isOwnerBusy, !stream.isClosed else { return }
            // A stream that receives again has more to read before it comes to the end.
            if stream.takesBytes { return }
            if stream.unconsumedCount == unread { closeAfterPeer() } else { closeLater() }
        }
    }
}

extension WebSocketConnection: IOStreamConsumer {
    func streamReceived(_ stream: IOStream, _ bytes: UnsafeRawBufferPointer) -> Int { read(bytes) }

    func streamEnded(_ stream: IOStream) {
        peerEnded()
    }

    func streamPeerLeft(_ stream: IOStream, isGone: Bool) {
        // A connection that is left unread for lack of memory gives up what it holds.
        if isGone || rare?.isParked == true { stream.close(.endedByPeer) } else { peerEnded() }
    }

    /// Ends the connection, after the owner has dealt with the messages that came before the end.
    private func peerEnded() {
        if phase == .open, isOwnerBusy { return closeLater() }
        if phase == .open, !takesMessage { return }
        closeAfterPeer()
    }

    /// Acts on the end of the peer's side, which may have been told while a message was being decompressed or compressed.
    func peerMayHaveEnded() {
        guard !stream.isClosed else { return }
        if stream.isPeerEnded { peerEnded() } else if stream.hasPeerLeft { closeLater() }
    }

    func streamDrained(_ stream: IOStream) {
        guard let rare else { return }
        sendLaterPong()
        if rare.subscriptions != nil { sendWaiting() }
        if rare.charged > 0 { recharge() }
        if stream.hasPeerLeft, phase == .open { closeLater() }
    }

    func streamDeadline(_ stream: IOStream, asOf time: UInt64) { lookAtDeadlines(time) }

    func streamClosed(_ stream: IOStream, _ reason: StreamClosedError.Reason) {
        phase = .closed
        dropIncoming()
        compression?.close()
        unsubscribeFromAll()
        endMessage()
        releaseCharge()
        rare?.keepAlive = nil
        rare?.whenClosed.take()?()
        server?.connectionClosed(self)
        // A task that waits for a message learns of the end by getting none, so that it need not be cancelled.
        if !endReader(), owner?.cancelsOnDisconnect == true { cancelOwner() }
        push(.closed)
    }
}
