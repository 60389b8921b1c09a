/// Writes the lines between the chunks of a body whose length nobody knows beforehand (RFC 9112 7.1).
package enum ChunkEncoder {
    /// As many octets as the line before a chunk may have.
    package static var headUpperBound: Int { 18 }
    /// What follows the data of a chunk.
    package static var tail: StaticString { "\r\n" }
    /// The end of a body without trailers.
    package static var lastChunk: StaticString { "0\r\n\r\n" }

    /// Writes the size and CRLF. A size of 0 would end the body: empty writes make no chunk.
    package static func encodeHead(_ size: Int, into destination: UnsafeMutableRawPointer) -> Int {
        var rest = size.magnitude
        let digits = max(1, (UInt.bitWidth - rest.leadingZeroBitCount + 3) / 4)
        var index = digits
        while index > 0 {
            index &-= 1
            let digit = UInt8(truncatingIfNeeded: rest & 15)
            destination.storeBytes(of: digit < 10 ? digit &+ 0x30 : digit &+ 0x57, toByteOffset: index, as: UInt8.self)
            rest >>= 4
        }
        destination.storeBytes(of: ASCII.carriageReturn, toByteOffset: digits, as: UInt8.self)
        destination.storeBytes(of: ASCII.lineFeed, toByteOffset: digits + 1, as: UInt8.self)
        return digits + 2
    }

    package static func lastChunkUpperBound(_ trailers: ResponseTrailers) -> Int {
        ResponseEncoder.fieldsBound(trailers.fields) + 5
    }

    /// Writes the last chunk, the trailer fields and the empty line.
    package static func encodeLastChunk(
        _ trailers: ResponseTrailers, into destination: UnsafeMutableRawPointer
    ) -> Int {
        var writer = ByteWriter(destination)
        writer.write("0\r\n")
        for field in trailers.fields { writer.writeField(field.name, field.value) }
        writer.write("\r\n")
        return writer.position - destination
    }
}
