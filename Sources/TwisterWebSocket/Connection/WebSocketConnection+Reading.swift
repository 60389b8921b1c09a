import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Reading frames (RFC 6455, 5).
extension WebSocketConnection {
    /// Reads what it can, and returns how many bytes it consumed.
    func read(_ bytes: UnsafeRawBufferPointer) -> Int {
        var consumed = 0
        let (message, before) = (incoming, incoming?.received ?? 0)
        while consumed < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
            let count = readNext(rest)
            guard count > 0 else { break }
            consumed += count
        }
        if incoming != nil || consumed < bytes.count || rare != nil {
            let received = incoming === message ? (incoming?.received ?? 0) - before : incoming?.received ?? 0
            noteProgress(received, consumed, unread: bytes.count - consumed)
        }
        return consumed
    }

    /// Reads a frame, or a part of one. 0: it waits for more bytes, or for the owner.
    private func readNext(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard phase == .open || phase == .closeSent else { return bytes.count }
        // Other connections have their turn before the rest of the message, even where that is empty.
        if incoming?.isResting == true { return 0 }
        if let incoming, let frame = incoming.frame { return readPayload(bytes, incoming, frame) }
        switch FrameHeader.parse(bytes) {
        case .needMore: return 0
        case .invalid(let violation): return refuseInTurn(violation, bytes)
        case .header(let header, let size):
            // A client masks, and a server does not (RFC 6455, 5.1).
            guard (header.mask != nil) == isServer else { return refuseInTurn(.masking, bytes) }
            return header.opcode.isControl
                ? readControl(header, size, bytes) : readData(header, size, bytes)
        }
    }

    private func refuse(_ violation: ProtocolViolation, _ bytes: UnsafeRawBufferPointer) -> Int {
        fail(violation.closeCode, violation.reason)
        return bytes.count
    }

    /// Refuses a frame once the owner has dealt with the messages before it, so that its responses still reach the peer.
    private func refuseInTurn(_ violation: ProtocolViolation, _ bytes: UnsafeRawBufferPointer) -> Int {
        mayEnd ? refuse(violation, bytes) : 0
    }

    /// Whether a frame that ends the connection may be dealt with now. It waits for an owner that deals with a message, but not
    /// for long.
    private var mayEnd: Bool {
        if phase != .open || takesMessage || incoming != nil { return true }
        switch rare?.endGrace {
        case .over: return true
        case .until: return false
        case .notBegun, nil:
            let end = stream.turnTime &+ Self.endGrace
            madeRare().endGrace = .until(end)
            stream.setDeadline(noLaterThan: end)
            return false
        }
    }

    /// How long an owner may take, in nanoseconds, for the messages before the peer's close frame.
    private static let endGrace: UInt64 = 1_000_000_000

    // MARK: Data frames

    private func readData(_ header: FrameHeader, _ size: Int, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard (header.opcode == .continuation) == (incoming != nil) else { return refuseInTurn(.continuation, bytes) }
        if header.isCompressed, compression == nil || header.opcode == .continuation {
            return refuseInTurn(.reservedBits, bytes)
        }
        if phase == .open {
            // While the owner deals with a message, the next one waits.
            guard incoming != nil || takesMessage else { return 0 }
            guard header.length <= sizeLimit - (incoming?.received ?? 0) else { return refuse(.tooLong, bytes) }
            if header.isFinal, incoming == nil, !header.isCompressed, header.length <= bytes.count - size,
                !givesPieces
            {
                return readWhole(header, size, bytes)
            }
        }
        let message = incoming ?? IncomingMessage(header, at: stream.turnTime)
        if phase != .open { message.isDropped = true }
        if incoming == nil { began(message) }
        incoming = message
        message.frame = IncomingMessage.Frame(isFinal: header.isFinal, mask: header.mask, length: header.length)
        // An empty payload is there already.
        if header.length == 0 { _ = readPayload(UnsafeRawBufferPointer(start: nil, count: 0), message, message.frame) }
        return size
    }

    /// Reads an uncompressed message that has arrived as a whole, in one frame.
    private func readWhole(_ header: FrameHeader, _ size: Int, _ bytes: UnsafeRawBufferPointer) -> Int {
        let payload = UnsafeRawBufferPointer(rebasing: bytes[size..<size + header.length])
        rare?.frameSince = nil
        if header.opcode == .binary {
            deliver(.binary(Self.unmasked(payload, header.mask)))
        } else {
            var isText = true
            let text = String(unsafeUninitializedCapacity: header.length) { buffer in
                let room = UnsafeMutableRawBufferPointer(buffer)
                let count = Self.unmask(payload, header.mask, to: room)
                let octets = UnsafeRawBufferPointer(rebasing: room[..<count])
                isText = UTF8Validator.isText(octets) && ClientText.isSafe(octets)
                return isText ? count : 0
            }
            guard isText else { return refuse(.invalidText, bytes) }
            deliver(.text(text))
        }
        return size + header.length
    }

    private static func unmasked(_ payload: UnsafeRawBufferPointer, _ mask: UInt32?) -> [UInt8] {
        // All empty arrays share their memory, which must not be written.
        if payload.isEmpty { return [] }
        return [UInt8](unsafeUninitializedCapacity: payload.count) { buffer, count in
            count = unmask(payload, mask, to: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    private static func unmask(
        _ payload: UnsafeRawBufferPointer, _ mask: UInt32?, to room: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard let base = room.baseAddress else { return 0 }
        if let mask {
            Masking.apply(mask, at: 0, from: payload, to: base)
        } else {
            room.copyMemory(from: payload)
        }
        return payload.count
    }

    /// Reads the payload of a frame as far as it is there.
    private func readPayload(
        _ bytes: UnsafeRawBufferPointer, _ message: IncomingMessage, _ frame: IncomingMessage.Frame?
    ) -> Int {
        guard var frame else { return 0 }
        // The owner has not taken the last piece yet.
        if message.stream?.isFull == true, frame.remaining > 0 { return 0 }
        let most = message.stream == nil || message.isCompressed ? Int.max : Self.heldSize
        // What is dropped may still have to be decompressed, because the next message may refer to it.
        let isNeeded = !message.isDropped || message.isCompressed && phase == .open
        let payload = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, frame.remaining, most)])
        var count = payload.count
        if isNeeded, message.isCompressed {
            do {
                count = try inflate(payload, message, frame)
            } catch {
                return refuse(error, bytes)
            }
        } else if isNeeded, !message.append(payload, frame) {
            return refuse(.invalidText, bytes)
        }
        let isFrameEnd = count == frame.remaining
        let isEnd = isFrameEnd && frame.isFinal
        frame.received += count
        message.received += count
        message.lastPayload = stream.turnTime
        message.frame = isFrameEnd ? nil : frame
        if let stream = message.stream {
            if isEnd, message.opcode == .text, !message.validator.isComplete { return refuse(.invalidText, bytes) }
            stream.put(message.takeBytes(), isLast: isEnd)
        }
        if isEnd {
            incoming = nil
            // The next message has a clock of its own.
            rare?.frameSince = nil
            noteLongMessage(message)
            if !message.isDropped, message.stream == nil {
                guard let whole = message.message() else { return refuse(.invalidText, bytes) }
                deliver(whole)
            }
        }
        return count
    }

    /// Notes that the memory of a long message will be free once the owner has dealt with it. The budget notes only what it has
    /// counted: neither a message that was decompressed at once, nor a message of a client.
    func noteLongMessage(_ message: IncomingMessage) {
        if message.bytes.count >= IOLoop.largeBlock { stream.noteFreed(message.bytes.count) }
    }

    // MARK: Control frames

    /// Reads a control frame once it has arrived as a whole.
    private func readControl(_ header: FrameHeader, _ size: Int, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count - size >= header.length else { return 0 }
        guard header.opcode != .close || mayEnd else { return 0 }
        let masked = UnsafeRawBufferPointer(rebasing: bytes[size..<size + header.length])
        let payload = Self.unmasked(masked, header.mask)
        switch header.opcode {
        case .close:
            switch payload.withUnsafeBytes(CloseFrame.parse) {
            case .success(let frame): receivedClose(frame)
            case .failure(let error): return refuse(error, bytes)
            }
        // A side that has sent its close frame sends nothing more.
        case .ping where phase == .open:
            sendPong(payload)
            tellControl(.ping(payload))
        case .pong where phase == .open: tellControl(.pong(payload))
        case .ping, .pong, .continuation, .text, .binary: break
        }
        return size + header.length
    }

    // MARK: What waits

    /// Slows down a peer that sends more than the owner deals with, and moves the clock of an incomplete message on.
    ///
    /// - Parameters:
    ///   - received: how many bytes of its payload have come. Frames without payload, and pings, do not move its clock.
    ///   - consumed: how many bytes were read in all.
    private func noteProgress(_ received: Int, _ consumed: Int, unread: Int) {
        if unread > Self.heldSize {
            stream.stopReceiving()
            // That the peer has left was known before, and is not told a second time.
            if stream.hasPeerLeft { closeLater() }
        }
        if incoming?.awaitsPeer == true || unread > 0 && takesMessage && phase == .open {
            if let since = rare?.frameSince, let server, incoming != nil || consumed == 0 {
                rare?.frameSince = server.deadlines.owedSince(since, after: received, at: stream.turnTime)
            } else {
                startFrameClock()
            }
        } else if rare?.frameSince != nil {
            rare?.frameSince = nil
        }
        if rare?.keepAlive?.pongDue != nil { rare?.keepAlive?.pongDue = nil }
        if incoming?.bytes.count ?? 0 > Self.uncountedSize || unread > Self.uncountedSize || chargedBytes > 0 {
            recharge()
        }
    }

    /// Starts the clock of an incomplete message, the rest of which the peer has to send in time.
    func startFrameClock() {
        let now = stream.turnTime
        madeRare().frameSince = now
        if let server { stream.setDeadline(noLaterThan: now &+ server.deadlines.bodyStall) }
    }
}
