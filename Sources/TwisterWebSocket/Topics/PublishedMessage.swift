import TwisterCompression
import TwisterIO

/// A message for all subscribers of a topic, whose frames are made once for all of them.
final class PublishedMessage: Sendable {
    let message: WebSocketMessage
    /// The message replaces an earlier one with the same key that waits for a subscriber; nil: it replaces none.
    let key: String?
    /// Whether connections with compression get the message compressed, unless it is too short for them.
    private let isCompressible: Bool
    private let counts: TopicCounters
    /// The message as one frame, not compressed.
    let frame: [UInt8]
    // Not a Mutex: the thread sanitizer does not know it.
    private let compressed = ConditionLock<[CompressedKind: [UInt8]]>([:])

    /// The parameters that a compressed frame depends on.
    private struct CompressedKind: Hashable {
        let windowBits: Int
        let level: Int
        let memoryLevel: Int
    }

    init(_ message: WebSocketMessage, key: String?, compressionLimit: Int, _ counts: TopicCounters) {
        self.message = message
        self.key = key
        isCompressible = message.count <= compressionLimit
        self.counts = counts
        frame = message.withBytes { Self.frame(message.opcode, $0, isCompressed: false) }
        counts.encoded.add()
    }

    /// The frame that a connection gets, and whether it is compressed. A compressed one does not refer to messages before it, so
    /// that every connection with the same window can have it.
    func frame(for compression: MessageCompression?) -> (bytes: [UInt8], isCompressed: Bool) {
        guard isCompressible, let compression, message.count >= compression.options.minimumSize else {
            return (frame, false)
        }
        let kind = CompressedKind(
            windowBits: compression.ownWindowBits, level: compression.options.level,
            memoryLevel: compression.options.memoryLevel)
        let known = compressed.withLock { known -> [UInt8]? in
            if let made = known[kind] { return made }
            let made = message.withBytes { bytes in compression.compressAlone(bytes) }
            guard let made else { return nil }
            let frame = made.withUnsafeBytes { Self.frame(message.opcode, $0, isCompressed: true) }
            counts.compressed.add()
            known[kind] = frame
            return frame
        }
        return known.map { ($0, true) } ?? (frame, false)
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
