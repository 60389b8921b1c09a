import CTwisterBrotli

/// Brotli by libbrotlienc. A context has about 2 MiB at qualities up to 9 once it has encoded a long body, less for short ones.
///
/// The library cannot begin a body anew with the same encoder, so the context keeps the memory of the last encoder for the
/// next one.
///
/// Some builds of the library, such as Debian 12's (1.0.9), call `exit` where an allocation fails; only other builds report
/// `outOfMemory`. A program that must survive under a limit of its memory leaves Brotli out of its codings.
final class BrotliContext: CompressionContext {
    /// The window's size as a power of two: 64 KiB. With one of 256 KiB a context has 5 MiB, and 3 MiB of markup become no
    /// smaller.
    private static let windowLog: UInt32 = 16
    /// The length of the content that the library chooses its tables for. It would take larger ones if it saw long content.
    private static let sizeHint: UInt32 = 1 << 16

    var coding: ResponseCoding { .brotli }
    var idleSize: Int { memory.idleSize }

    private let memory = BrotliMemory()
    private var encoder: OpaquePointer?

    init() {}

    deinit { end() }

    func begin(level: Int) throws(EncoderError) {
        end()
        // A C callback can carry nothing but a pointer. `memory` outlives the encoder, which `end` destroys at the latest when
        // the context goes away. Without memory that is kept, a page of 10 KiB takes 1.1 times as long, and three times as
        // long where the allocator maps its blocks anew.
        let opaque = Unmanaged.passUnretained(memory).toOpaque()
        encoder = BrotliEncoderCreateInstance(
            { opaque, size in
                guard let opaque else { return nil }
                return Unmanaged<BrotliMemory>.fromOpaque(opaque).takeUnretainedValue().allocate(size)
            },
            { opaque, block in
                guard let opaque, let block else { return }
                Unmanaged<BrotliMemory>.fromOpaque(opaque).takeUnretainedValue().release(block)
            }, opaque)
        guard let encoder else { throw .outOfMemory }
        let quality = UInt32(min(max(level, 0), 11))
        guard BrotliEncoderSetParameter(encoder, BROTLI_PARAM_QUALITY, quality) != 0,
            BrotliEncoderSetParameter(encoder, BROTLI_PARAM_LGWIN, Self.windowLog) != 0,
            BrotliEncoderSetParameter(encoder, BROTLI_PARAM_SIZE_HINT, Self.sizeHint) != 0
        else { throw .failed }
    }

    func encode(
        _ input: inout UnsafeRawBufferPointer, _ operation: EncoderOperation, into output: UnsafeMutableRawBufferPointer
    ) throws(EncoderError) -> EncoderStep {
        guard let encoder else { throw .notOpen }
        var (left, room) = (input.count, output.count)
        var source = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var target = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let result = BrotliEncoderCompressStream(
            encoder, operation.brotliOperation, &left, &source, &room, &target, nil)
        // The parameters are valid and the calls are in order, so that the library fails for want of memory alone.
        guard result != 0 else { throw .outOfMemory }
        input = UnsafeRawBufferPointer(rebasing: input[(input.count - left)...])
        let isComplete =
            operation == .finish
            ? BrotliEncoderIsFinished(encoder) != 0 : BrotliEncoderHasMoreOutput(encoder) == 0
        return EncoderStep(count: output.count - room, isDone: input.isEmpty && isComplete)
    }

    func end() {
        BrotliEncoderDestroyInstance(encoder)
        encoder = nil
    }
}

extension EncoderOperation {
    fileprivate var brotliOperation: BrotliEncoderOperation {
        switch self {
        case .none: BROTLI_OPERATION_PROCESS
        case .flush: BROTLI_OPERATION_FLUSH
        case .finish: BROTLI_OPERATION_FINISH
        }
    }
}
