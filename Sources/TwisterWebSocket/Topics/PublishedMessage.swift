import TwisterCompression
import TwisterIO

/// A message for all subscribers of a topic, whose frames are made once for all of them.
final class PublishedMessage: Sendable {
    let message: WebSocketMessage
    /// The message replaces an earlier one with the same key that waits for a subscriber; nil: it replaces none.
    let key: String?
    private let counts: TopicCounters
    /// The message as one frame, not compressed.
    let frame: [UInt8]
    // Not a Mutex: the thread sanitizer does not know it.
    private let compressed = ConditionLock<[CompressedKind: CompressedFrame]>([:])

    /// The parameters that a compressed frame depends on.
    struct CompressedKind: Hashable, Sendable {
        let windowBits: Int
        let level: Int
        let memoryLevel: Int
    }

    private enum CompressedFrame {
        /// A thread is making it.
        case underWay
        case made([UInt8])
        /// There was no memory for it, or no thread: subscribers get the frame that is not compressed.
        case failed
    }

    init(_ message: WebSocketMessage, key: String?, _ counts: TopicCounters) {
        self.message = message
        self.key = key
        self.counts = counts
        frame = message.withBytes { Self.frame(message.opcode, $0, isCompressed: false) }
        counts.encoded.add()
    }

    /// The frame that a connection gets, and whether it is compressed. A compressed one does not refer to messages before it, so
    /// that every connection with the same window can have it. It is made here if nobody has made it before.
    func frame(for compression: MessageCompression?) -> (bytes: [UInt8], isCompressed: Bool) {
        guard let compression, let kind = kind(for: compression) else { return (frame, false) }
        return compressedFrame(kind) { compression.compressAlone($0) }.map { ($0, true) } ?? (frame, false)
    }

    /// Nil: a connection with this compression gets the message as it is, because it is short.
    private func kind(for compression: MessageCompression) -> CompressedKind? {
        guard message.count >= compression.options.minimumSize else { return nil }
        return CompressedKind(
            windowBits: compression.ownWindowBits, level: compression.options.level,
            memoryLevel: compression.options.memoryLevel)
    }

    @discardableResult
    private func compressedFrame(
        _ kind: CompressedKind, _ compress: (UnsafeRawBufferPointer) -> [UInt8]?
    ) -> [UInt8]? {
        // Another thread that is making it has it in a moment.
        let known = compressed.wait { frames -> CompressedFrame? in
            switch frames[kind] {
            case .underWay: return nil
            case .made(let frame): return .made(frame)
            case .failed: return .failed
            case nil:
                frames[kind] = .underWay
                return .underWay
            }
        }
        switch known {
        case .made(let frame): return frame
        case .failed: return nil
        case .underWay: break
        }
        let frame = message.withBytes(compress).map { payload in
            payload.withUnsafeBytes { Self.frame(message.opcode, $0, isCompressed: true) }
        }
        if frame != nil { counts.compressed.add() }
        compressed.withLock { $0[kind] = frame.map { .made($0) } ?? .failed }
        compressed.broadcast()
        return frame
    }

    // MARK: Long messages

    /// Whether compressing it on a loop would keep other connections waiting.
    var isLong: Bool { message.count > LongContent.pieceSize }

    /// The kind of the compressed frame that a connection needs; nil where there is no such frame, or it is made.
    func missingKind(for compression: MessageCompression?) -> CompressedKind? {
        guard let compression, let kind = kind(for: compression) else { return nil }
        return compressed.withLock { frames in
            switch frames[kind] {
            case .made, .failed: nil
            case .underWay, nil: kind
            }
        }
    }

    /// Makes a compressed frame, on a thread that may be blocked.
    func compress(_ kind: CompressedKind) {
        compressedFrame(kind) { bytes in
            let deflater = try? MessageDeflater(
                windowBits: kind.windowBits, level: kind.level, memoryLevel: kind.memoryLevel)
            var output: [UInt8] = []
            guard (try? deflater?.compress(bytes, .message, into: &output)) != nil else { return nil }
            return output
        }
    }

    /// No thread can compress the message. What another loop has begun stays.
    func giveUpCompressing(_ kinds: Set<CompressedKind>) {
        for kind in kinds { compressedFrame(kind) { _ in nil } }
    }

    private static func frame(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer, isCompressed: Bool) -> [UInt8] {
        let header = FrameHeader(
            isFinal: true, isCompressed: isCompressed, opcode: opcode, mask: nil, length: payload.count)
        return [UInt8](unsafeUninitializedCapacity: FrameHeader.mostBytes + payload.count) { buffer, count in
            guard let base = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
            let size = header.write(to: base)
            if let source = payload.baseAddress {
                (base + size).copyMemory(from: source, byteCount: payload.count)
            }
            count = size + payload.count
        }
    }
}
