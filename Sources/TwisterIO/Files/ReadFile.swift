import Glibc

/// The size of a file in bytes; nil where it is not there. Blocks.
package func fileSize(_ path: String) -> Int? {
    var info = stat()
    return stat(path, &info) == 0 ? Int(info.st_size) : nil
}

/// The bytes of a file. Blocks, but not for a pipe that nobody writes to.
///
/// - Throws: `IOError`: `EFBIG` for more than `limit` bytes.
package func readFile(_ path: String, upTo limit: Int) throws(IOError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw IOError(errno: errno, "open \(path)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while true {
        var result = 0
        let piece = [UInt8](unsafeUninitializedCapacity: 16_384) { room, count in
            result = read(descriptor, room.baseAddress, room.count)
            count = max(result, 0)
        }
        if result < 0, errno == EINTR { continue }
        guard result >= 0 else { throw IOError(errno: errno, "read \(path)") }
        if result == 0 { return bytes }
        guard piece.count <= limit - bytes.count else { throw IOError(errno: EFBIG, "read \(path)") }
        bytes += piece
    }
}
