import CTwisterOpenSSL
import Glibc

/// The memory through which OpenSSL reads the bytes that a stream has received, and writes those that are to be sent. All
/// connections of a loop use the same wire one after the other, so that no connection needs such buffers of its own. The only
/// way to use a wire is `use`, which leaves no bytes behind: they would be sent on the next connection.
///
/// OpenSSL knows it as a BIO: a table of functions over memory that is the caller's.
struct TLSWire {
    /// The bytes that OpenSSL has not taken yet. They belong to the caller of the filter.
    private var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var output: UnsafeMutableRawPointer?
    private var outputCount = 0
    private var outputCapacity = 0

    /// Runs `work`, in which OpenSSL works on `bytes`, with an empty error queue.
    ///
    /// - Returns: the bytes that OpenSSL has not taken, and those that it has written (nil: none). The caller transmits these,
    ///   whatever has happened to the connection.
    @inline(__always)
    static func use(
        _ wire: UnsafeMutablePointer<TLSWire>, _ bytes: UnsafeRawBufferPointer, _ work: () -> Void
    ) -> (rest: UnsafeRawBufferPointer, output: [UInt8]?) {
        wire.pointee.input = bytes
        openssl_clear_errors()
        work()
        let rest = wire.pointee.input
        wire.pointee.input = UnsafeRawBufferPointer(start: nil, count: 0)
        guard wire.pointee.outputCount > 0 else { return (rest, nil) }
        defer { wire.pointee.outputCount = 0 }
        return (rest, Array(UnsafeRawBufferPointer(start: wire.pointee.output, count: wire.pointee.outputCount)))
    }

    mutating func deallocate() {
        free(output)
        self = TLSWire()
    }

    /// Returns false where there is no memory.
    fileprivate mutating func append(_ bytes: UnsafePointer<CChar>, _ count: Int) -> Bool {
        let (needed, overflows) = outputCount.addingReportingOverflow(count)
        guard !overflows else { return false }
        if needed > outputCapacity {
            let capacity = max(needed, 2 * outputCapacity, 4096)
            guard let grown = realloc(output, capacity) else { return false }
            output = grown
            outputCapacity = capacity
        }
        output?.advanced(by: outputCount).copyMemory(from: bytes, byteCount: count)
        outputCount = needed
        return true
    }

    /// Returns how many bytes were copied.
    fileprivate mutating func read(into bytes: UnsafeMutablePointer<CChar>, _ room: Int) -> Int {
        let count = min(room, input.count)
        guard count > 0, let start = input.baseAddress else { return 0 }
        UnsafeMutableRawPointer(bytes).copyMemory(from: start, byteCount: count)
        input = UnsafeRawBufferPointer(start: start + count, count: input.count - count)
        return count
    }

    // MARK: As a BIO

    /// A BIO for one connection, which OpenSSL frees with it; nil where there is no memory.
    static func makeBIO(_ wire: UnsafeMutablePointer<TLSWire>) -> OpaquePointer? {
        guard let bio = BIO_new(method.pointer) else { return nil }
        BIO_set_data(bio, wire)
        BIO_set_init(bio, 1)
        return bio
    }

    /// Sendable, because nothing changes it once it is made.
    private struct Method: @unchecked Sendable {
        let pointer: OpaquePointer?
    }

    private static let method: Method = {
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "Twister stream")
        BIO_meth_set_write_ex(method) { bio, bytes, count, written in
            guard let bytes, let wire = BIO_get_data(bio)?.assumingMemoryBound(to: TLSWire.self) else { return 0 }
            guard wire.pointee.append(bytes, count) else { return 0 }
            written?.pointee = count
            return 1
        }
        BIO_meth_set_read_ex(method) { bio, bytes, count, read in
            guard let bio, let bytes, let wire = BIO_get_data(bio)?.assumingMemoryBound(to: TLSWire.self)
            else { return 0 }
            openssl_clear_retry(bio)
            let taken = wire.pointee.read(into: bytes, count)
            read?.pointee = taken
            if taken == 0, count > 0 {
                // Tells OpenSSL to try again when more bytes have arrived.
                openssl_set_retry_read(bio)
                return 0
            }
            return 1
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return Method(pointer: method)
    }()
}
