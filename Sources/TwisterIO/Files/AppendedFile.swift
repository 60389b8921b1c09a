import Glibc

/// A file that is appended to, such as a resumable upload. Of all processes, one opener at a time may have it. Others may open
/// it once it is unlocked, or closed with the last reference to it.
package final class AppendedFile: Sendable {
    private let descriptor: CInt
    private let path: String

    /// Makes a new file that only this user can read (mode 0600). One that exists is an error (`EEXIST`).
    package convenience init(creating path: String) throws(IOError) {
        let opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw IOError(errno: errno, "open \(path)") }
        // No other process knows the new file's name yet, so the lock is free.
        guard try Self.isLocked(opened, path) else { throw IOError(errno: EWOULDBLOCK, "lock \(path)") }
        self.init(opened, path)
    }

    /// Opens a file; nil where it does not exist, or another opener has it. A symbolic link is not followed.
    package convenience init?(_ path: String) throws(IOError) {
        let opened = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC)
        if opened < 0, errno == ENOENT { return nil }
        guard opened >= 0 else { throw IOError(errno: errno, "open \(path)") }
        guard try Self.isLocked(opened, path) else { return nil }
        self.init(opened, path)
    }

    private init(_ descriptor: CInt, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Locks the file. Closes it, and returns false, where another opener has it.
    private static func isLocked(_ descriptor: CInt, _ path: String) throws(IOError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        let code = errno
        close(descriptor)
        if code == EWOULDBLOCK { return false }
        throw IOError(errno: code, "lock \(path)")
    }

    deinit { close(descriptor) }

    /// Lets other openers have the file from now on. The last reference may be released later, on another thread that has
    /// written.
    package func unlock() { flock(descriptor, LOCK_UN) }

    /// The size in bytes.
    package func size() throws(IOError) -> Int {
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw IOError(errno: errno, "fstat \(path)") }
        return Int(info.st_size)
    }

    /// Appends the bytes. Where this throws, some of them may be written.
    package func write(_ bytes: [UInt8]) throws(IOError) { try writeAll(bytes, to: descriptor, path) }
}
