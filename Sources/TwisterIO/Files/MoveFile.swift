import Glibc

/// Gives a file another path, also one on another file system, to which its content is copied. Blocks.
///
/// - Parameter overwriting: whether a file with that path is replaced. If not, an existing one is an error (`EEXIST`).
package func moveFile(_ source: String, to target: String, overwriting: Bool = false) throws(IOError) {
    // Unlike rename(2), link(2) refuses to replace a file.
    let isMoved = overwriting ? rename(source, target) == 0 : link(source, target) == 0
    guard isMoved else {
        switch errno {
        // Another file system, or one without links.
        case EXDEV, EPERM, EMLINK, ENOTSUP: return try copyFile(source, to: target, overwriting: overwriting)
        default: throw IOError(errno: errno, "move to \(target)")
        }
    }
    if !overwriting { unlink(source) }
}

/// The half of `moveFile` that copies the content and removes the source.
func copyFile(_ source: String, to target: String, overwriting: Bool) throws(IOError) {
    let descriptor = open(source, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw IOError(errno: errno, "open \(source)") }
    let reading = try OpenFile(descriptor: descriptor)
    let writing = try NewFile(target, overwriting: overwriting)
    var position = 0
    while true {
        let piece = [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
            count = buffer.baseAddress.map { reading.read(into: $0, buffer.count, at: position) } ?? 0
        }
        if piece.isEmpty { break }
        try writing.write(piece)
        position += piece.count
    }
    guard position == reading.size else { throw IOError(errno: EIO, "read \(source)") }
    try writing.commit()
    unlink(source)
}

/// Removes a file, if it is there. Blocks.
package func removeFile(_ path: String) { unlink(path) }
