import CZlib

/// Undoes gzip or deflate, piece by piece, within limits. About 40 KiB of memory while it lives.
package final class Inflater {
    private var stream = z_stream()
    private let coding: ContentCoding
    /// Most bytes that may come out.
    package var limit: Int
    private let maxRatio: Int
    private var consumed = 0
    private var produced = 0
    /// Whether what came so far is whole: the end of a member was the last thing read.
    private var isAtEnd = false
    private let output: UnsafeMutableRawBufferPointer

    private static let pieceSize = 16_384
    /// Short content may well shrink to next to nothing; the ratio counts above this many bytes.
    private static let unratedSize = 65_536

    /// - Parameters:
    ///   - coding: what is to be undone.
    ///   - limit: most bytes that may come out.
    ///   - maxRatio: most bytes that may come out of one, above 64 KiB; 0: no matter.
    package init(_ coding: ContentCoding, limit: Int, maxRatio: Int) throws(InflateError) {
        self.coding = coding
        self.limit = limit
        self.maxRatio = maxRatio
        output = .allocate(byteCount: Self.pieceSize, alignment: 16)
        // 15 bits of window; 16 more ask for gzip's header and trailer.
        let windowBits: CInt = coding == .gzip ? 31 : 15
        let result = inflateInit2_(&stream, windowBits, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw .outOfMemory }
    }

    deinit {
        inflateEnd(&stream)
        output.deallocate()
    }

    /// Takes the next bytes and gives out what they yield, at most 16 KiB at a time.
    package func inflate(
        _ input: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(InflateError) {
        guard let base = input.baseAddress, !input.isEmpty else { return }
        consumed += input.count
        var position = 0
        while position < input.count {
            if isAtEnd { try startMember() }
            let piece = min(input.count - position, Int(UInt32.max))
            // zlib does not write there.
            stream.next_in = UnsafeMutablePointer(
                mutating: base.advanced(by: position).assumingMemoryBound(to: UInt8.self))
            stream.avail_in = UInt32(piece)
            try drain(body)
            position += piece - Int(stream.avail_in)
        }
    }

    /// The content has ended.
    package func finish() throws(InflateError) {
        // No content at all is nobody's mistake: a client may mark an empty body too.
        guard isAtEnd || consumed == 0 else { throw .truncated }
    }

    /// Gives out all that the input yields, up to its end or that of the member.
    private func drain(_ body: (UnsafeRawBufferPointer) -> Void) throws(InflateError) {
        repeat {
            stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(output.count)
            let result = CZlib.inflate(&stream, Z_NO_FLUSH)
            // What came out before a mistake counts: content that is too long is so however it was cut into pieces.
            let count = output.count - Int(stream.avail_out)
            produced += count
            guard produced <= limit else { throw .tooLong }
            if maxRatio > 0, produced > Self.unratedSize, produced / maxRatio > consumed { throw .ratioTooHigh }
            // Without room or input there is nothing to be done, which is no error.
            guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { throw .malformed }
            if count > 0 { body(UnsafeRawBufferPointer(rebasing: output[..<count])) }
            if result == Z_STREAM_END {
                isAtEnd = true
                return
            }
        } while stream.avail_in > 0 || stream.avail_out == 0
    }

    /// Gzip content may have several members (RFC 1952, 2.2); behind deflate nothing may follow.
    private func startMember() throws(InflateError) {
        guard coding == .gzip, inflateReset(&stream) == Z_OK else { throw .malformed }
        isAtEnd = false
    }
}
