/// Writes into memory that its user has measured before: `ResponseEncoder.upperBound` and its like.
struct ByteWriter {
    private(set) var position: UnsafeMutableRawPointer

    init(_ start: UnsafeMutableRawPointer) {
        position = start
    }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        position.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        position += text.utf8CodeUnitCount
    }

    /// Text that is made at run time. Its label keeps literals, which could be either, with the function above: constants
    /// become plain stores.
    @inline(__always)
    mutating func write(text: String) {
        let count = text.withOctets { octets in
            if let base = octets.baseAddress { position.copyMemory(from: base, byteCount: octets.count) }
            return octets.count
        }
        position += count
    }

    @inline(__always)
    mutating func write(_ octets: UnsafeRawBufferPointer) {
        guard let base = octets.baseAddress else { return }
        position.copyMemory(from: base, byteCount: octets.count)
        position += octets.count
    }

    @inline(__always)
    mutating func write(decimal number: Int) {
        position += DecimalNumber.write(number, to: position)
    }

    @inline(__always)
    mutating func writeField(_ name: String, _ value: String) {
        write(text: name)
        write(": ")
        write(text: value)
        write("\r\n")
    }

    /// Moves on over octets that something else has written.
    @inline(__always)
    mutating func skip(_ count: Int) {
        position += count
    }
}
