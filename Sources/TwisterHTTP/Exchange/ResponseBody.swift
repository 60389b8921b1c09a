import TwisterCodec

/// Gathered bytes of a response's body that were not sent: small ones in a buffer that is used again for the next response,
/// large ones in an array, which goes out uncopied.
package struct ResponseBody: ~Copyable {
    init() {}

    private var buffer = OctetBuffer()
    /// Empty, or all that is gathered: the buffer is empty then.
    private var large: [UInt8] = []

    /// From so many bytes on, a body is large.
    private static var largeSize: Int { 4096 }
    /// Memory beyond this size is not kept for the next response.
    private static var keptRoom: Int { 8192 }

    package var count: Int { buffer.count + large.count }
    package var isEmpty: Bool { buffer.isEmpty && large.isEmpty }
    package var isLarge: Bool { !large.isEmpty }

    /// The gathered bytes, where they are not large; valid until they change.
    package var octets: UnsafeRawBufferPointer { buffer.octets }

    package mutating func append(_ bytes: [UInt8]) {
        if isEmpty, bytes.count >= Self.largeSize {
            large = bytes
        } else {
            bytes.withUnsafeBytes { append($0) }
        }
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if !isLarge, buffer.count + bytes.count < Self.largeSize { return buffer.append(bytes) }
        if !buffer.isEmpty {
            large.reserveCapacity(buffer.count + bytes.count)
            large.append(contentsOf: buffer.octets)
            buffer.removeAll(keptRoom: Self.keptRoom)
        }
        large.append(contentsOf: bytes)
    }

    /// Calls `whole` with a large body, which it may keep, else `octets` with the gathered bytes; then forgets everything.
    package mutating func take(whole: ([UInt8]) -> Void, octets: (UnsafeRawBufferPointer) -> Void) {
        if isLarge { whole(large) } else { octets(buffer.octets) }
        removeAll()
    }

    /// Calls `body` with all that is gathered.
    package func withOctets(_ body: (UnsafeRawBufferPointer) -> Void) {
        if isLarge { large.withUnsafeBytes(body) } else { body(buffer.octets) }
    }

    /// Takes out all that is gathered.
    package mutating func takeBytes() -> [UInt8] {
        defer { removeAll() }
        return isLarge ? large : Array(buffer.octets)
    }

    /// Forgets everything.
    @inline(__always)
    package mutating func removeAll() {
        if isLarge { large = [] }
        if !buffer.isEmpty { buffer.removeAll(keptRoom: Self.keptRoom) }
    }
}
