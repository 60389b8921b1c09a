/// Writes the lines around the chunks of a body whose length is not known in advance (RFC 9112 7.1).
package enum ChunkEncoder {
    /// The most octets that the line before a chunk may have.
    package static var headUpperBound: Int { 18 }
    /// The line end behind the data of a chunk.
    package static var tail: StaticString { "\r\n" }
    /// The end of a body without trailers.
    package static var lastChunk: StaticString { "0\r\n\r\n" }

    /// Writes the size and CRLF. The caller does not pass 0, which would end the body.
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

/// Fields that follow a chunked body (RFC 9110 6.5), checked like those of the head.
package struct ResponseTrailers {
    package private(set) var fields: [FieldLines.Field] = []

    package init() {}

    package var isEmpty: Bool { fields.isEmpty }

    /// Adds a field. Throws also for fields that have to be in the head, such as Content-Length.
    package mutating func add(_ name: String, _ value: String) throws(HTTPHeaderError) {
        guard FieldSyntax.isName(name) else { throw .invalidName(name) }
        guard FieldSyntax.isValue(value) else { throw .invalidValue(name: name) }
        guard TrailerRules.isAllowed(name.lowercased()) else { throw .reserved(name: name) }
        fields.append((name, value))
    }
}
