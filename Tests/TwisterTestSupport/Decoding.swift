import CTwisterBrotliDecoder
import CTwisterZstd

/// Decodes Brotli with the library's decoder. Passes on what the bytes yield, and returns whether the content is complete;
/// nil where it is malformed, or other bytes follow.
package func decodeBrotli(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void) -> Bool? {
    guard let decoder = BrotliDecoderCreateInstance(nil, nil, nil) else { return nil }
    defer { BrotliDecoderDestroyInstance(decoder) }
    return bytes.withUnsafeBufferPointer { input in
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { output in
            var (left, source) = (input.count, input.baseAddress)
            while true {
                var (room, target) = (output.count, output.baseAddress?.assumingMemoryBound(to: UInt8.self))
                let result = BrotliDecoderDecompressStream(decoder, &left, &source, &room, &target, nil)
                body(UnsafeRawBufferPointer(rebasing: output[..<(output.count - room)]))
                switch result {
                case BROTLI_DECODER_RESULT_SUCCESS: return left == 0 ? true : nil
                // The decoder also says that it needs input while it has output that found no room.
                case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT where BrotliDecoderHasMoreOutput(decoder) == 0: return false
                case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT, BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: continue
                default: return nil
                }
            }
        }
    }
}

/// Decodes one frame of Zstandard with the library's decoder, with a window of at most 8 MiB (RFC 9659). Passes on what the
/// bytes yield, and returns whether the content is complete; nil where it is malformed, or other bytes follow.
package func decodeZstandard(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void) -> Bool? {
    guard let decoder = ZSTD_createDCtx() else { return nil }
    defer { ZSTD_freeDCtx(decoder) }
    guard ZSTD_isError(ZSTD_DCtx_setParameter(decoder, ZSTD_d_windowLogMax, 23)) == 0 else { return nil }
    return bytes.withUnsafeBytes { input in
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { output in
            var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
            while true {
                var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
                let result = ZSTD_decompressStream(decoder, &target, &source)
                guard ZSTD_isError(result) == 0 else { return nil }
                body(UnsafeRawBufferPointer(rebasing: output[..<target.pos]))
                if result == 0 { return source.pos == input.count ? true : nil }
                if source.pos == input.count, target.pos < target.size { return false }
            }
        }
    }
}
