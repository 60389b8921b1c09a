import Testing
import TwisterTestSupport

@testable import TwisterCompression

@Suite("Messages of WebSockets")
struct MessageInflaterTests {
    private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

    /// What the message becomes; nil: it is refused.
    private func inflated(_ bytes: [UInt8], by inflater: MessageInflater) -> [UInt8]? {
        var output: [UInt8] = []
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(InflateError) in
                try inflater.inflate(buffer, isLast: true, limit: 1 << 20) {
                    output += $0
                    return true
                }
            }
        }
        if case .failure = result { return nil }
        return output
    }

    private func packed(_ bytes: [UInt8]) throws -> [UInt8] {
        let deflater = try MessageDeflater(windowBits: 15, level: 6, memoryLevel: 8)
        var output: [UInt8] = []
        try bytes.withUnsafeBytes { try deflater.compress($0, .message, into: &output) }
        return output
    }

    /// A text, a long run, noise in stored blocks, and sizes around that of the room for decompressed bytes.
    private var samples: [[UInt8]] {
        var generator = SeededGenerator(seed: 10)
        let noise = (0..<3000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return [Array("a text that must come as a whole".utf8), noise]
            + [1, 16_383, 16_384, 16_385, 32_768].map { [UInt8](repeating: 7, count: $0) }
    }

    @Test("WS-10: a message that breaks off is refused at every place")
    func truncated() throws {
        for sample in samples {
            let message = try packed(sample)
            // One octet may be an empty block, and so a whole message.
            for size in 2..<message.count {
                let taken = inflated(Array(message[..<size]), by: try MessageInflater())
                // Where only the empty block at the end is missing, nothing of the message is.
                let isRight = taken == nil || taken == sample
                #expect(isRight, "\(size) of \(message.count) bytes")
            }
            let isWhole = inflated(message, by: try MessageInflater()) == sample
            #expect(isWhole)
        }
    }

    @Test("WS-10: a message that ends with a whole block is taken, and the next one, too")
    func wholeBlocks() throws {
        let stored: [UInt8] = [0x00, 0x02, 0x00, 0xFD, 0xFF, 65, 66]
        let last: [UInt8] = [0x01, 0x02, 0x00, 0xFD, 0xFF, 65, 66]
        let room = [UInt8](repeating: 67, count: 16_384)
        var messages: [(String, [UInt8], [UInt8])] = [
            ("nothing", [], []), ("an empty block", [0x00], []), ("an empty block of fixed codes", [0x02, 0x00], []),
            ("a stored block and an empty one", stored + [0x00], [65, 66]), ("a stored block", stored, [65, 66]),
            ("the end of the deflate stream, and an empty block", last + [0x00], [65, 66]),
            ("the end of the deflate stream", last, [65, 66]),
            ("two deflate streams", last + last + [0x00], [65, 66, 65, 66]),
            ("a deflate stream that fills the room", [0x01, 0x00, 0x40, 0xFF, 0xBF] + room, room),
        ]
        for sample in samples {
            messages.append(("the tail in its place", try packed(sample) + Self.tail, sample))
        }
        let inflater = try MessageInflater()
        let next = Array("the next message".utf8)
        for (name, message, expected) in messages {
            let isRight = inflated(message, by: inflater) == expected
            #expect(isRight, "\(name)")
            #expect(inflated(try packed(next), by: inflater) == next, "behind \(name)")
        }
    }
}
