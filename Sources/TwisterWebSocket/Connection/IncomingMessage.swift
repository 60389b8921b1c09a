import TwisterCodec

/// A message of which a part has come.
final class IncomingMessage {
    let opcode: Opcode
    let isCompressed: Bool
    /// When its first frame began, in nanoseconds of the loop's clock.
    let began: UInt64
    /// The received part of the message, unmasked and decompressed.
    var bytes: [UInt8] = []
    /// How many bytes of payloads have come. They may be compressed.
    var received = 0
    /// When the last ones came, in nanoseconds of the loop's clock.
    var lastPayload: UInt64
    /// Checks a text while it arrives.
    var validator = UTF8Validator()
    /// How many bytes were decompressed since the message last waited for a turn of the loop.
    var inflatedSinceRest = 0
    /// Whether the rest is dropped, because the connection is being closed.
    var isDropped = false
    /// Takes the pieces, where the owner takes messages in pieces.
    var stream: WebSocketMessageStream?
    /// The frame whose payload is being read; nil between two frames.
    var frame: Frame?

    struct Frame {
        let isFinal: Bool
        let mask: UInt32?
        let length: Int
        /// How many bytes of the payload have come.
        var received = 0

        var remaining: Int { length - received }
    }

    init(_ header: FrameHeader, at time: UInt64) {
        began = time
        lastPayload = time
        opcode = header.opcode
        isCompressed = header.isCompressed
    }

    /// Adds bytes of an uncompressed payload, and then unmasks them in place. Returns false where they cannot belong to a text.
    func append(_ payload: UnsafeRawBufferPointer, _ frame: Frame) -> Bool {
        let start = bytes.count
        bytes.append(contentsOf: payload)
        let opcode = opcode
        return bytes.withUnsafeMutableBytes { all in
            let added = UnsafeMutableRawBufferPointer(rebasing: all[start...])
            if let mask = frame.mask, let base = added.baseAddress {
                Masking.apply(mask, at: frame.received, from: UnsafeRawBufferPointer(added), to: base)
            }
            return opcode != .text || validator.accepts(UnsafeRawBufferPointer(added))
        }
    }

    /// Adds decompressed bytes. Returns false where they cannot belong to a text.
    func append(inflated piece: UnsafeRawBufferPointer) -> Bool {
        bytes.append(contentsOf: piece)
        return opcode != .text || validator.accepts(piece)
    }

    /// Whether the peer has to go on in time. That is so between the frames of a message, too, where its parts are
    /// collected, because they take memory; and not while the owner of a message in pieces has not taken the last one.
    var awaitsPeer: Bool {
        guard let stream else { return true }
        return frame != nil && !stream.isFull
    }

    /// How far a message may be decompressed before other connections have their turn: a few bytes of the peer may become
    /// megabytes, and that takes time.
    private static let turnSize = 131_072

    /// Whether the rest of the message waits for the next turn of the loop.
    var isResting: Bool { inflatedSinceRest >= Self.turnSize }

    /// Takes out the bytes that have come so far.
    func takeBytes() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    /// The complete message; nil where it is a text that ends within a character, or has too many combining marks in a row.
    func message() -> WebSocketMessage? {
        guard opcode == .text else { return .binary(bytes) }
        guard validator.isComplete else { return nil }
        return ClientText.validated(bytes).map { .text($0) }
    }
}
