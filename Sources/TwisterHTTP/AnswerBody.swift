import TwisterCodec
import TwisterIO

/// Gathered bytes of an answer's body that were not sent: small ones in a buffer that is used again for the next answer,
/// large ones in an array, which goes out uncopied.
struct AnswerBody: ~Copyable {
    private var buffer = OctetBuffer()
    /// Empty, or all that is gathered: the buffer is empty then.
    private var large: [UInt8] = []

    /// From so many bytes on, a body is large.
    private static var largeSize: Int { 4096 }

    var count: Int { buffer.count + large.count }
    var isEmpty: Bool { buffer.isEmpty && large.isEmpty }
    var isLarge: Bool { !large.isEmpty }

    /// What is gathered, where it is not large; valid until that changes.
    var octets: UnsafeRawBufferPointer { buffer.octets }

    mutating func append(_ bytes: [UInt8]) {
        if isEmpty, bytes.count >= Self.largeSize {
            large = bytes
        } else {
            bytes.withUnsafeBytes { append($0) }
        }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if !isLarge, buffer.count + bytes.count < Self.largeSize { return buffer.append(bytes) }
        if !buffer.isEmpty {
            large.reserveCapacity(buffer.count + bytes.count)
            large.append(contentsOf: buffer.octets)
            buffer.removeAll()
        }
        large.append(contentsOf: bytes)
    }

    /// Hands everything to the stream.
    mutating func send(_ stream: IOStream) {
        if isLarge { stream.enqueue(large) } else { stream.enqueue(buffer.octets) }
        removeAll()
    }

    /// Forgets everything.
    mutating func removeAll() {
        if isLarge { large = [] }
        if !buffer.isEmpty { buffer.removeAll() }
    }
}
