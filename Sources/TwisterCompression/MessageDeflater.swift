import CTwisterZlib

/// Compresses the messages of a WebSocket (RFC 7692, 7.2.1): raw deflate, from which the last four octets of each message are
/// left out. It takes `memory` bytes.
package final class MessageDeflater {
    /// At an address of its own, because zlib's state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>
    /// The size of the window, as the power of two.
    package let windowBits: Int
    /// The level, from 1 to 9.
    package let level: Int
    /// zlib's `memLevel`, from 1 to 9.
    package let memoryLevel: Int

    /// - Parameters:
    ///   - windowBits: 8 to 15. zlib has no window of 8 bits for raw deflate. With one of 9 bits it looks back at most
    ///     250 bytes, so that a receiver with 8 can decode what it makes.
    ///   - level: from 1 to 9.
    ///   - memoryLevel: from 1 to 9.
    package init(windowBits: Int, level: Int, memoryLevel: Int) throws(EncoderError) {
        self.windowBits = min(max(windowBits, 8), 15)
        self.level = min(max(level, 1), 9)
        self.memoryLevel = min(max(memoryLevel, 1), 9)
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = deflateInit2_(
            stream, CInt(self.level), Z_DEFLATED, -CInt(max(self.windowBits, 9)), CInt(self.memoryLevel),
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw .outOfMemory }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Later input does not refer to earlier input.
    package func reset() { deflateReset(stream) }

    /// How a piece of input ends: how much of it the receiver must be able to decompress from the output so far.
    package enum End {
        /// More input follows before anything is sent: the compressor may keep bytes back.
        case none
        /// The output is sent: it contains the whole input.
        case part
        /// The output contains the whole input, and the message ends.
        case message
    }

    /// Compresses the next bytes of a message, and adds what they become to `output`.
    package func compress(
        _ input: UnsafeRawBufferPointer, _ end: End, into output: inout [UInt8]
    ) throws(EncoderError) {
        guard !input.isEmpty else {
            // An empty block, whose header lies in one octet (RFC 7692, 7.2.3.6).
            if end == .message { output.append(0) }
            return
        }
        let flush = end == .none ? Z_NO_FLUSH : Z_SYNC_FLUSH
        var rest = input
        repeat {
            let piece = min(rest.count, 1 << 30)
            // zlib does not write to its input.
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: rest.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(piece)
            rest = UnsafeRawBufferPointer(rebasing: rest[piece...])
            try drain(rest.isEmpty ? flush : Z_NO_FLUSH, piece, into: &output)
        } while !rest.isEmpty
        // 00 00 FF FF, which the receiver adds again.
        if end == .message { output.removeLast(4) }
    }

    private func drain(_ flush: CInt, _ size: Int, into output: inout [UInt8]) throws(EncoderError) {
        var room = size / 2 + 64
        repeat {
            let start = output.count
            var result: CInt = Z_OK
            // Written in place: an array made first would be filled with zeros for nothing.
            let made = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(clamping: buffer.count)
                let available = Int(stream.pointee.avail_out)
                result = deflate(stream, flush)
                count = available - Int(stream.pointee.avail_out)
            }
            // zlib reports that there was nothing to do, which is no error.
            guard result == Z_OK || result == Z_BUF_ERROR else { throw .failed }
            if start == 0 { output = made } else { output += made }
            room = max(room, 16_384)
        } while stream.pointee.avail_out == 0
    }
}

/// Decompresses the messages of a WebSocket (RFC 7692, 7.2.2). It takes 8 KiB of memory and its window.
package final class MessageInflater {
    private let stream: UnsafeMutablePointer<z_stream>
    private let room: Room
    private var output: UnsafeMutableRawBufferPointer { room.bytes }
    private var produced = 0
    /// Whether what was decompressed ends with a whole block, and with an octet.
    private var isAtBlockEnd = true
    /// The size of the window, as the power of two.
    package let windowBits: Int

    private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
    /// zlib's `data_type` behind the end of a block that is not the last one, when no bits of an octet are left.
    private static let blockEnd: CInt = 128

    /// Memory for decompressed bytes until they are passed on. All inflaters of one thread share it.
    package final class Room {
        fileprivate let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        package init() {}
        deinit { bytes.deallocate() }
    }

    /// - Parameters:
    ///   - windowBits: 8 to 15. 15, which is 32 KiB, is enough for every sender.
    ///   - room: nil: one of its own.
    package init(windowBits: Int = 15, room: Room? = nil) throws(InflateError) {
        self.windowBits = min(max(windowBits, 8), 15)
        self.room = room ?? Room()
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = inflateInit2_(
            stream, -CInt(self.windowBits), ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw .outOfMemory }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Later input does not refer to earlier input.
    package func reset() {
        inflateReset(stream)
        produced = 0
        isAtBlockEnd = true
    }

    /// Decompresses the next bytes of a message and passes the result to `body`, at most 16 KiB at a time.
    ///
    /// - Parameters:
    ///   - limit: the most bytes that the whole message may become.
    ///   - isLast: the message ends here.
    ///   - body: returns whether to go on.
    /// - Throws: `tooLong`, `malformed`, `truncated`.
    package func inflate(
        _ input: UnsafeRawBufferPointer, isLast: Bool, limit: Int, _ body: (UnsafeRawBufferPointer) -> Bool
    ) throws(InflateError) {
        var rest = input
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, 1 << 30)])
            guard try decode(piece, limit, body) else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
        }
        guard isLast else { return }
        // Nothing is missing behind a whole block. Senders that end the deflate stream, or leave the tail in its place, end so.
        if !isAtBlockEnd {
            let whole = produced
            _ = try Self.tail.withUnsafeBytes { bytes in
                Result { () throws(InflateError) in try decode(bytes, limit) { _ in true } }
            }.get()
            // The tail has to end the empty block that the sender began, and not to pass for what is missing of the message.
            guard isAtBlockEnd, produced == whole else { throw .truncated }
        }
        produced = 0
    }

    private func decode(
        _ input: UnsafeRawBufferPointer, _ limit: Int, _ body: (UnsafeRawBufferPointer) -> Bool
    ) throws(InflateError) -> Bool {
        // zlib does not write to its input.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        repeat {
            stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(output.count)
            let result = CTwisterZlib.inflate(stream, Z_SYNC_FLUSH)
            let count = output.count - Int(stream.pointee.avail_out)
            produced += count
            guard produced <= limit else { throw .tooLong }
            // zlib reports a lack of room or of input, which is no error.
            guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { throw .malformed }
            // A call for output of which there is none left says nothing of the place.
            if result != Z_BUF_ERROR || stream.pointee.data_type == Self.blockEnd {
                isAtBlockEnd = stream.pointee.data_type == Self.blockEnd
            }
            if count > 0, !body(UnsafeRawBufferPointer(rebasing: output[..<count])) { return false }
            // A sender may end the deflate stream within a message, and begin another one (RFC 7692, 7.2.3.4). The window stays.
            if result == Z_STREAM_END {
                guard inflateResetKeep(stream) == Z_OK else { throw .malformed }
                isAtBlockEnd = true
                if stream.pointee.avail_in == 0 { return true }
            }
        } while stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0
        return true
    }
}
