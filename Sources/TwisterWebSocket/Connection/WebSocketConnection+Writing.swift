import TwisterCodec
import TwisterCompression
import TwisterHTTP
import TwisterIO

/// Sending frames.
extension WebSocketConnection {
    /// The error that says how the connection has ended.
    var closedError: WebSocketClosedError {
        WebSocketClosedError(code: rare?.peerClose?.code, reason: rare?.peerClose?.reason)
    }

    /// Sends a message, and waits while the peer does not take what was sent before.
    ///
    /// - Throws: `WebSocketClosedError`, `CancellationError`.
    func send(_ message: WebSocketMessage) async throws {
        stream.loop.preconditionOnLoop()
        guard phase == .open else { throw closedError }
        let compression = compression.flatMap { message.count >= $0.options.minimumSize ? $0 : nil }
        if let compression, message.count > LongContent.pieceSize {
            try await beginMessage()
            defer { endMessage() }
            try await sendCompressed(message, .message, message.opcode, by: compression)
        } else {
            if rare?.isSendingMessage == true { try await waitForMessage() }
            try sendShort(message, by: compression)
        }
        if stream.isOverHighWatermark { try await drained() }
    }

    /// - Parameter compression: nil: the message is not compressed, and may have any size.
    private func sendShort(_ message: WebSocketMessage, by compression: MessageCompression?) throws {
        if let compression {
            var output: [UInt8] = []
            try compress(message, 0..<message.count, .message, by: compression, into: &output)
            return sendFrame(message.opcode, output, isCompressed: true)
        }
        switch message {
        case .binary(let bytes): sendFrame(.binary, bytes)
        case .text(var text): text.withUTF8 { sendFrame(.text, UnsafeRawBufferPointer($0)) }
        }
    }

    /// Compresses a message, or a part of one, and sends it as a frame. A long one takes several turns of the loop, so that other
    /// connections are served meanwhile.
    ///
    /// - Throws: `WebSocketClosedError`, where the connection is closed meanwhile; `CancellationError` where the task is
    ///   cancelled before the message has its turn.
    func sendCompressed(
        _ part: WebSocketMessage, _ end: MessageDeflater.End, _ opcode: Opcode, by compression: MessageCompression
    ) async throws {
        madeRare().isCompressing = true
        defer { endCompressing() }
        var hasPlace = false
        if part.count > LongContent.pieceSize {
            hasPlace = try await stream.loop.beginLongWork(isShort: part.count <= LongContent.shortSize)
        }
        defer { if hasPlace { stream.loop.leaveLongWork() } }
        let pieceSize = hasPlace ? LongContent.pieceSize : part.count
        var output: [UInt8] = []
        var position = 0
        repeat {
            if position > 0 { await stream.loop.nextTurn() }
            guard phase == .open else { throw closedError }
            let next = min(part.count, position + pieceSize)
            try compress(part, position..<next, next == part.count ? end : .none, by: compression, into: &output)
            position = next
        } while position < part.count
        sendFrame(opcode, output, isCompressed: opcode != .continuation, isFinal: end == .message)
    }

    private func compress(
        _ part: WebSocketMessage, _ range: Range<Int>, _ end: MessageDeflater.End, by compression: MessageCompression,
        into output: inout [UInt8]
    ) throws {
        do throws(EncoderError) {
            try part.withBytes { bytes in
                Result { () throws(EncoderError) in
                    try compression.compress(UnsafeRawBufferPointer(rebasing: bytes[range]), end, into: &output)
                }
            }.get()
        } catch {
            fail(.internalError, "")
            throw closedError
        }
    }

    private func endCompressing() {
        rare?.isCompressing = false
        peerMayHaveEnded()
    }

    /// Waits until the peer has taken enough.
    func drained() async throws {
        recharge()
        do {
            try await stream.drained()
        } catch is StreamClosedError {
            throw closedError
        }
    }

    /// Sends a frame; a large array goes out as it is, uncopied, where it is not masked.
    func sendFrame(_ opcode: Opcode, _ payload: [UInt8], isCompressed: Bool = false, isFinal: Bool = true) {
        guard isServer, payload.count >= Self.copyLimit else {
            return payload.withUnsafeBytes {
                sendFrame(opcode, $0, isCompressed: isCompressed, isFinal: isFinal)
            }
        }
        let header = FrameHeader(
            isFinal: isFinal, isCompressed: isCompressed, opcode: opcode, mask: nil, length: payload.count)
        stream.commitOutput(header.write(to: stream.reserveOutput(FrameHeader.mostBytes)))
        stream.enqueue(payload)
        noteOutput()
    }

    /// Payloads shorter than this, in bytes, are copied behind their header.
    private static let copyLimit = 4096
    /// How much room is reserved at a time, in bytes.
    private static let pieceSize = 16_384

    /// Sends a frame, whose payload is copied and, on the client's side, masked.
    func sendFrame(
        _ opcode: Opcode, _ payload: UnsafeRawBufferPointer, isCompressed: Bool = false, isFinal: Bool = true
    ) {
        let mask = isServer ? nil : UInt32.random(in: .min ... .max)
        let header = FrameHeader(
            isFinal: isFinal, isCompressed: isCompressed, opcode: opcode, mask: mask, length: payload.count)
        var position = 0
        // The first piece has the header before it. A long payload is copied in pieces that fit the loop's buffers.
        repeat {
            let room = position == 0 ? FrameHeader.mostBytes : 0
            let piece = UnsafeRawBufferPointer(
                rebasing: payload[position..<min(payload.count, position + Self.pieceSize - room)])
            let output = stream.reserveOutput(room + piece.count)
            let size = position == 0 ? header.write(to: output) : 0
            if let mask {
                Masking.apply(mask, at: position, from: piece, to: output + size)
            } else if let base = piece.baseAddress {
                (output + size).copyMemory(from: base, byteCount: piece.count)
            }
            stream.commitOutput(size + piece.count)
            position += piece.count
        } while position < payload.count
        noteOutput()
    }

    func sendControl(_ opcode: Opcode, _ payload: [UInt8]) { payload.withUnsafeBytes { sendFrame(opcode, $0) } }

    /// Responds to a ping. While the peer has not taken the bytes sent before, only the pong for its last ping is kept, and
    /// sent later (RFC 6455, 5.5.3).
    func sendPong(_ payload: [UInt8]) {
        if stream.isOverHighWatermark { madeRare().laterPong = payload } else { sendControl(.pong, payload) }
    }

    /// Sends the pong that was kept, because the peer has taken enough.
    func sendLaterPong() {
        guard phase == .open, !stream.isOverHighWatermark, let payload = rare?.laterPong.take() else { return }
        sendControl(.pong, payload)
    }

    /// Sets the deadline at which a peer that does not take its output is disconnected.
    func noteOutput() {
        if let server { stream.setDeadline(noLaterThan: stream.turnTime &+ server.writeStall) }
    }
}
