import CTwisterNghttp2
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Sending the response: HEADERS, DATA as the client's windows allow, and trailers.
extension HTTP2Stream: ExchangeTransport {
    var isHTTP10: Bool { false }

    var responseTime: Int64 { context.unixSeconds }

    func sendInformational(_ head: ResponseHead) {
        if head.status == 100 { body?.awaitsContinue = false }
        if isOpen { connection?.sendInformational(id, head) }
    }

    func sendHead(_ head: ResponseHead, _ length: BodyLength, _ body: inout ResponseBody) {
        guard isOpen, let connection else { return body.removeAll() }
        var length = length
        if tunnel != nil, (200...299).contains(head.status) {
            exchange.refuseWebSocket()
            body.removeAll()
            length = .omitted(0)
        }
        switch length {
        case .none: return sendHeadAlone(head, nil, connection)
        case .omitted(let length): return sendHeadAlone(head, length, connection)
        case .known(0): return sendHeadAlone(head, 0, connection)
        case .known(let length):
            sending = .body
            if length == body.count { return sendWhole(head, &body, connection) }
            connection.sendHead(id, head, length: length, body: self)
        case .unknown:
            sending = .body
            connection.sendHead(id, head, length: nil, body: self)
        }
        // Otherwise the body follows at once, and takes the head along.
        if body.isEmpty { connection.pump() }
    }

    /// Sends the head of a response that has no body. A body that its handler has written all the same is dropped.
    private func sendHeadAlone(_ head: ResponseHead, _ length: Int?, _ connection: HTTP2ServerConnection) {
        if case .executing = run {
            sending = .headFirst
            connection.sendHead(id, head, length: length, body: self)
        } else {
            sending = .head
            connection.sendHead(id, head, length: length, body: nil)
        }
        connection.pump()
    }

    /// Sends a response that is there as a whole. Its body is copied only if the windows do not let it out at once.
    private func sendWhole(_ head: ResponseHead, _ body: inout ResponseBody, _ connection: HTTP2ServerConnection) {
        if body.isLarge {
            body.take(whole: { output.append(keeping: $0) }, octets: { _ in })
        } else {
            output.borrow(body.octets)
        }
        output.ending = .complete
        connection.sendHead(id, head, length: output.count, body: self)
        connection.pump()
        output.keepBorrowed()
        body.removeAll()
        countOutput()
    }

    func sendBody(_ body: inout ResponseBody) {
        guard isOpen, sending == .body else { return body.removeAll() }
        body.take(whole: { output.append(keeping: $0) }, octets: { output.append($0) })
        outputAdded()
    }

    func sendFile(_ file: OpenFile, _ range: Range<Int>) -> Bool {
        guard isOpen, sending == .body, !range.isEmpty else { return true }
        guard range.count <= OpenFile.copiedSize else {
            output.append(SentFile(file, range, context.loop))
            outputAdded()
            return true
        }
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { room, count in
            count = room.baseAddress.map { file.read(into: $0, range.count, at: range.lowerBound) } ?? 0
        }
        output.append(keeping: bytes)
        outputAdded()
        return bytes.count == range.count
    }

    func sendEnd(_ trailers: ResponseTrailers?) {
        guard isOpen, !output.isEnded else { return }
        output.ending = trailers.map { $0.isEmpty ? .complete : .trailers($0) } ?? .complete
        if output.isEmpty, endIsDue, tunnel?.isAccepted != true, let connection, !connection.hasWindow(id) {
            // nghttp2 sends no DATA without a window, not even the empty frame that would end the stream. Fields are not
            // subject to the windows (RFC 9113, 5.2.1). A tunnel has no fields (8.5), and its end waits for the window.
            connection.sendTrailers(id, trailers ?? ResponseTrailers())
        }
        outputAdded()
    }

    /// Whether DATA has to end the stream.
    private var endIsDue: Bool { sending == .body || sending == .headFirst }

    /// Bytes that wait for the client's windows. The end of a body counts as one, where it could not be sent with the rest.
    var waitingBytes: Int {
        if endIsDue, output.isEnded { return max(output.count, 1) }
        return output.count
    }

    func abort() {
        guard isOpen else { return }
        output.removeAll()
        connection?.cut(id, NGHTTP2_INTERNAL_ERROR)
    }

    /// Has the connection send what it can.
    func outputAdded() {
        guard let connection else { return }
        if flow.isDeferred {
            flow.isDeferred = false
            connection.session?.resume(id)
        }
        connection.pump()
        countOutput()
    }

    /// Output that waits counts in the budget of all connections, and has its turn at some time.
    private func countOutput() {
        guard isOpen, !output.isEmpty else { return }
        connection?.lookAtOutput()
        if heldBytes > HTTP2ServerConnection.uncountedSize { connection?.recharge() }
    }

    // MARK: Backpressure

    var highWatermark: Int { context.configuration.outputHighWatermark }

    /// Bytes in memory for this stream.
    var heldBytes: Int {
        if let tunnel, tunnel.isOffered || tunnel.isAccepted { return tunnel.heldBytes }
        return exchange.heldBodyBytes + output.memory
    }

    /// The stream's share of the budget, and whether its client makes progress.
    func holding(at now: UInt64) -> BudgetHolding {
        if let socket = tunnel?.socket { return socket.holding(at: now) }
        if let body { return exchange.holding(heldBytes, of: body.clocks, context.deadlines, at: now) }
        guard let connection else { return BudgetHolding(bytes: heldBytes) }
        let still = flow.stillFor(outputObstacle(connection), connection.output.bodySent, at: now)
        return BudgetHolding(bytes: heldBytes, outputStillFor: still, context.deadlines)
    }

    var isBackedUp: Bool { !isOpen || output.count > highWatermark }

    func drained() async throws {
        guard isOpen, let connection else { throw StreamClosedError(realError: .endedByPeer) }
        guard output.count > highWatermark else { return }
        connection.outputWaits()
        let waiter = LoopWaiter<Void>(context.loop)
        try await waiter.value { flow.wait(waiter) }
    }

    // MARK: What nghttp2 asks for

    /// How many bytes the next DATA frame gets, at most `room`, and whether it is the last.
    func nextData(_ room: Int, _ flags: inout UInt32) -> Int {
        let size = output.readyCount(min(output.count, room)) { [self] in outputAdded() }
        flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if size == 0, !output.isEmpty { return awaitFile() }
        guard size == output.count else { return size }
        switch output.ending {
        case .open where size == 0:
            flow.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case .open: break
        case .complete: flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
        case .trailers(let trailers):
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            connection?.sendTrailers(id, trailers)
        }
        return size
    }

    /// A file is being read from the disk, for which the client is not to blame.
    private func awaitFile() -> Int {
        flow.isDeferred = true
        flow.pause()
        return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }

    /// Moves bytes of the body into a DATA frame. Returns false where a file has become shorter.
    func takeData(_ count: Int, to destination: UnsafeMutableRawPointer) -> Bool {
        guard count <= output.count, output.take(count, to: destination) else { return false }
        flow.taken(count)
        if output.count <= highWatermark / 4 { flow.resume() }
        if let tunnel, output.isEmpty { tunnel.took() }
        return true
    }

    /// The end of the response was given to the connection's output.
    func endSent() { sending = .complete }
}
