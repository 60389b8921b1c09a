import CTwisterZlib

/// gzip by zlib. A context has about 268 KiB.
final class DeflateContext: CompressionContext {
    var coding: ResponseCoding { .gzip }
    var idleSize: Int { 268 << 10 }

    /// At an address of its own, because zlib's state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private var level: CInt

    init(level: Int) throws(EncoderError) {
        self.level = Self.clamped(level)
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // The window has 15 bits. Adding 16 selects gzip's header and trailer. The memory level is zlib's default.
        let result = deflateInit2_(
            stream, self.level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            CInt(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw .outOfMemory }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    private static func clamped(_ level: Int) -> CInt { CInt(min(max(level, 1), 9)) }

    func begin(level: Int) throws(EncoderError) {
        guard deflateReset(stream) == Z_OK else { throw .failed }
        let level = Self.clamped(level)
        guard level != self.level else { return }
        // Without content so far, zlib has nothing to write when the level changes.
        guard deflateParams(stream, level, Z_DEFAULT_STRATEGY) == Z_OK else { throw .failed }
        self.level = level
    }

    func encode(
        _ input: inout UnsafeRawBufferPointer, _ operation: EncoderOperation, into output: UnsafeMutableRawBufferPointer
    ) throws(EncoderError) -> EncoderStep {
        // zlib counts in 32 bits. Only the last piece of longer input ends with the operation.
        let piece = min(input.count, Int(UInt32.max))
        let room = min(output.count, Int(UInt32.max))
        // zlib does not write to its input.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(piece)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let result = deflate(stream, piece == input.count ? operation.zlibFlush : Z_NO_FLUSH)
        // zlib reports that there was nothing to do, which is no error.
        guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { throw .failed }
        input = UnsafeRawBufferPointer(rebasing: input[(piece - Int(stream.pointee.avail_in))...])
        let isComplete = operation == .finish ? result == Z_STREAM_END : stream.pointee.avail_out > 0
        return EncoderStep(count: room - Int(stream.pointee.avail_out), isDone: input.isEmpty && isComplete)
    }

    func end() {}
}

extension EncoderOperation {
    fileprivate var zlibFlush: CInt {
        switch self {
        case .none: Z_NO_FLUSH
        case .flush: Z_SYNC_FLUSH
        case .finish: Z_FINISH
        }
    }
}
