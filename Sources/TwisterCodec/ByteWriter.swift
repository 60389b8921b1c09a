/// Writes to memory whose size the caller has computed, for instance with `ResponseEncoder.upperBound`.
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

    /// Writes text that is made at run time. The label makes sure that literals, which could be either type, use the
    /// function above: they become plain stores.
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

    /// Moves the position behind octets that other code has written.
    @inline(__always)
    mutating func skip(_ count: Int) {
        position += count
    }
}
