import TwisterCompression
import TwisterIO

/// Decompressing the messages that arrive (RFC 7692, 7.2.2).
extension WebSocketConnection {
    /// How many compressed bytes are decompressed at a time. They may become a thousand times as many.
    private static let inflatePiece = 256

    /// Decompresses the next bytes of a frame into the message, until there are none or the message has grown enough for this
    /// turn of the loop. Returns how many bytes it has read.
    func inflate(
        _ payload: UnsafeRawBufferPointer, _ message: IncomingMessage, _ frame: IncomingMessage.Frame
    ) throws(ProtocolViolation) -> Int {
        var position = 0
        repeat {
            let piece = UnsafeRawBufferPointer(
                rebasing: payload[position..<min(payload.count, position + Self.inflatePiece)])
            let violation = withUnsafeTemporaryAllocation(byteCount: Self.inflatePiece, alignment: 8) { room in
                if let mask = frame.mask, let base = room.baseAddress {
                    Masking.apply(mask, at: frame.received + position, from: piece, to: base)
                } else {
                    room.copyMemory(from: piece)
                }
                position += piece.count
                return inflate(
                    UnsafeRawBufferPointer(rebasing: room[..<piece.count]), message,
                    isLast: frame.isFinal && position == frame.remaining)
            }
            if let violation { throw violation }
        } while position < payload.count && !message.isResting
        if message.isResting { readOnInNextTurn(message) }
        return position
    }

    /// Decompresses unmasked bytes into the message. Returns what is wrong with them.
    private func inflate(
        _ bytes: UnsafeRawBufferPointer, _ message: IncomingMessage, isLast: Bool
    ) -> ProtocolViolation? {
        guard let compression else { return .reservedBits }
        var isText = true
        do throws(InflateError) {
            try compression.inflate(bytes, isLast: isLast, limit: sizeLimit) { piece in
                message.inflatedSinceRest += piece.count
                isText = message.isDropped || message.append(inflated: piece)
                return isText
            }
        } catch {
            return error == .tooLong ? .tooLong : .compressedData
        }
        return isText ? nil : .invalidText
    }

    /// Goes on with a message that rests, once the loop has served its other connections.
    private func readOnInNextTurn(_ message: IncomingMessage) {
        stream.loop.addLocalCallback { [self] in
            message.inflatedSinceRest = 0
            // One that is left unread for lack of memory reads on later.
            if rare?.isParked != true { readOn() }
            peerMayHaveEnded()
        }
    }
}
