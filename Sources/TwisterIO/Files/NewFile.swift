import Glibc
import Synchronization

/// A file that is being written, and that is removed unless it is committed. Only the owner may read it (mode 0600).
///
/// The calls block, so they belong on an executor's thread. May be used from any thread.
package final class NewFile: Sendable {
    private let descriptor: Mutex<CInt?>
    /// Where the bytes are written; another path than `target` where a file is to be replaced.
    private let path: String
    private let target: String

    /// - Parameter overwriting: whether a file with that path is replaced, by the commit and as a whole. If not, an existing
    ///   one is an error (`EEXIST`), and so is a symbolic link.
    package init(_ path: String, overwriting: Bool = false) throws(IOError) {
        target = path
        self.path = overwriting ? "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36))" : path
        let opened = open(self.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        descriptor = Mutex(try Self.checked(opened, "open \(path)"))
    }

    deinit { discard() }

    /// Appends the bytes.
    package func write(_ bytes: [UInt8]) throws(IOError) {
        guard let descriptor = descriptor.withLock({ $0 }) else { throw IOError(errno: EBADF, "write \(target)") }
        try writeAll(bytes, to: descriptor, target)
    }

    /// Closes the file, which stays. It is not flushed to the disk (fsync).
    package func commit() throws(IOError) {
        guard let descriptor = descriptor.withLock({ $0.take() }) else {
            throw IOError(errno: EBADF, "close \(target)")
        }
        do throws(IOError) {
            // A network's file system may report only here that the bytes had no room.
            _ = try Self.checked(close(descriptor), "close \(target)")
            if path != target { _ = try Self.checked(rename(path, target), "rename to \(target)") }
        } catch {
            unlink(path)
            throw error
        }
    }

    /// Closes and removes the file. Does nothing after a commit.
    package func discard() {
        guard let descriptor = descriptor.withLock({ $0.take() }) else { return }
        close(descriptor)
        unlink(path)
    }

    private static func checked(_ result: CInt, _ operation: @autoclosure () -> String) throws(IOError) -> CInt {
        guard result >= 0 else { throw IOError(errno: errno, operation()) }
        return result
    }
}

/// Writes all bytes to a file. Where this throws, some of them may be written.
func writeAll(_ bytes: [UInt8], to descriptor: CInt, _ path: String) throws(IOError) {
    var written = 0
    while written < bytes.count {
        let result = bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map { Glibc.write(descriptor, $0 + written, bytes.count - written) } ?? 0
        }
        if result < 0, errno == EINTR { continue }
        guard result > 0 else { throw IOError(errno: result < 0 ? errno : EIO, "write \(path)") }
        written += result
    }
}
