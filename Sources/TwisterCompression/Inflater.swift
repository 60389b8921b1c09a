import CTwisterZlib

/// Decodes gzip or deflate piece by piece, within limits. It takes about 40 KiB of memory.
package final class Inflater {
    private var stream = z_stream()
    private let coding: ContentCoding
    /// The most bytes of decoded content.
    package var limit: Int
    private let maxRatio: Int
    private var consumed = 0
    private var produced = 0
    /// Whether the content is complete so far: the last octet that was read ended a member.
    private var isAtEnd = false
    private let output: UnsafeMutableRawBufferPointer

    private static let pieceSize = 16_384
    /// Short content may compress extremely well. The ratio is checked above this many bytes.
    private static let unratedSize = 65_536

    /// - Parameters:
    ///   - coding: the coding to decode.
    ///   - limit: the most bytes of decoded content.
    ///   - maxRatio: the most decoded bytes for one byte of input, above 64 KiB of decoded content. 0 means no limit.
    package init(_ coding: ContentCoding, limit: Int, maxRatio: Int) throws(InflateError) {
        self.coding = coding
        self.limit = limit
        self.maxRatio = maxRatio
        output = .allocate(byteCount: Self.pieceSize, alignment: 16)
        // The window has 15 bits. Adding 16 selects gzip's header and trailer.
        let windowBits: CInt = coding == .gzip ? 31 : 15
        let result = inflateInit2_(&stream, windowBits, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw .outOfMemory }
    }

    deinit {
        inflateEnd(&stream)
        output.deallocate()
    }

    /// Decodes the next bytes and passes the result to `body`, at most 16 KiB at a time.
    package func inflate(
        _ input: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(InflateError) {
        guard let base = input.baseAddress, !input.isEmpty else { return }
        consumed += input.count
        var position = 0
        while position < input.count {
            if isAtEnd { try startMember() }
            let piece = min(input.count - position, Int(UInt32.max))
            // zlib does not write to its input.
            stream.next_in = UnsafeMutablePointer(
                mutating: base.advanced(by: position).assumingMemoryBound(to: UInt8.self))
            stream.avail_in = UInt32(piece)
            try drain(body)
            position += piece - Int(stream.avail_in)
        }
    }

    /// Ends the content. Throws where it is not complete.
    package func finish() throws(InflateError) {
        // Empty content is allowed: a client may send the coding with an empty body, too.
        guard isAtEnd || consumed == 0 else { throw .truncated }
    }

    /// Passes on all content that the input yields, up to the end of the input or of the member.
    private func drain(_ body: (UnsafeRawBufferPointer) -> Void) throws(InflateError) {
        repeat {
            stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(output.count)
            let result = CTwisterZlib.inflate(&stream, Z_NO_FLUSH)
            // Content before an error counts, so that content that is too long is refused as such wherever the input was
            // cut.
            let count = output.count - Int(stream.avail_out)
            produced += count
            guard produced <= limit else { throw .tooLong }
            if maxRatio > 0, produced > Self.unratedSize, produced / maxRatio > consumed { throw .ratioTooHigh }
            // zlib reports a lack of room or of input, which is no error.
            guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { throw .malformed }
            if count > 0 { body(UnsafeRawBufferPointer(rebasing: output[..<count])) }
            if result == Z_STREAM_END {
                isAtEnd = true
                return
            }
        } while stream.avail_in > 0 || stream.avail_out == 0
    }

    /// Starts the next member. Gzip content may have several members (RFC 1952, 2.2), deflate content has one.
    private func startMember() throws(InflateError) {
        guard coding == .gzip, inflateReset(&stream) == Z_OK else { throw .malformed }
        isAtEnd = false
    }
}

/// A content coding (RFC 9110, 8.4.1) that can be decoded.
package enum ContentCoding: Sendable {
    case gzip
    /// Deflate in the zlib format (RFC 1950), which is what HTTP means by this name.
    case deflate

    /// Finds a coding by its name in a `Content-Encoding` field. Returns nil for any other name.
    package init?(_ name: String) {
        switch name.lowercased() {
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        default: return nil
        }
    }
}

/// Why compressed content is refused.
package enum InflateError: Error, Equatable, Sendable {
    /// The content is not in the format, or its checksum is wrong.
    case malformed
    /// The content ended too early.
    case truncated
    /// The decoded content is longer than the limit.
    case tooLong
    /// The decoded content is much longer than the input, as with a decompression bomb.
    case ratioTooHigh
    /// There is no memory for the decoder.
    case outOfMemory
}
