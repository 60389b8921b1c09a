import CTwisterZstd

/// Zstandard by libzstd. A context has about 1.8 MiB at level 3 and at most 4 MiB at others once it has encoded a long body,
/// less for short ones.
final class ZstandardContext: CompressionContext {
    /// The window's size as a power of two: 256 KiB. HTTP allows up to 8 MiB (RFC 9659); a larger window costs the server
    /// and the client more memory and makes few responses smaller.
    private static let windowLog: CInt = 18
    /// The size of the tables, from the level on whose own tables would be larger: up to 50 MiB at level 12, which take
    /// milliseconds to clear for each body. The library does not derive them from the window.
    private static let tableLog: CInt = 18
    private static let firstLevelOfLargeTables: CInt = 5

    var coding: ResponseCoding { .zstandard }
    var idleSize: Int { ZSTD_sizeof_CCtx(context) }

    private let context: OpaquePointer

    init() throws(EncoderError) {
        guard let context = ZSTD_createCCtx() else { throw .outOfMemory }
        self.context = context
    }

    deinit { ZSTD_freeCCtx(context) }

    func begin(level: Int) throws(EncoderError) {
        // Levels above 19 are for archives.
        let level = CInt(min(max(level, 1), 19))
        try check(ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters))
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level))
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, Self.windowLog))
        guard level >= Self.firstLevelOfLargeTables else { return }
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, Self.tableLog))
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, Self.tableLog))
    }

    func encode(
        _ input: inout UnsafeRawBufferPointer, _ operation: EncoderOperation, into output: UnsafeMutableRawBufferPointer
    ) throws(EncoderError) -> EncoderStep {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let remaining = try check(ZSTD_compressStream2(context, &target, &source, operation.zstdDirective))
        input = UnsafeRawBufferPointer(rebasing: input[source.pos...])
        return EncoderStep(count: target.pos, isDone: input.isEmpty && (operation == .none || remaining == 0))
    }

    func end() {}

    /// The result of a call, unless it is an error.
    @discardableResult
    private func check(_ result: Int) throws(EncoderError) -> Int {
        guard ZSTD_isError(result) != 0 else { return result }
        throw ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? .outOfMemory : .failed
    }
}

extension EncoderOperation {
    fileprivate var zstdDirective: ZSTD_EndDirective {
        switch self {
        case .none: ZSTD_e_continue
        case .flush: ZSTD_e_flush
        case .finish: ZSTD_e_end
        }
    }
}
