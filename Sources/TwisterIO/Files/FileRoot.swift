import Glibc

/// A directory through which only the files beneath it can be opened, whatever the path contains and wherever symbolic links
/// lead.
///
/// The calls block, for microseconds where the kernel has the directories in its cache. A loop opens files with `.cached`, and
/// those that are not on a thread of its executor.
package struct FileRoot: ~Copyable {
    /// Whether opening may wait for a disk.
    package enum Lookup: Sendable {
        /// Opening may wait for the disk.
        case blocking
        /// `IOError.isNotCached` for a path that the kernel does not have in its cache. Kernels before Linux 5.12, and
        /// sandboxes without openat2(2), wait all the same.
        case cached
    }

    private let directory: CInt

    /// `O_NONBLOCK`, so that opening a named pipe does not wait for a writer.
    private static var flags: CInt { O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY }
    /// `O_PATH`, which the Glibc module does not contain.
    private static var pathOnly: CInt { 0o10_000_000 }

    /// - Throws: `IOError`.
    package init(_ path: String) throws(IOError) {
        let result = Glibc.open(path, Self.pathOnly | O_DIRECTORY | O_CLOEXEC)
        guard result >= 0 else { throw IOError(errno: errno, "open \(path)") }
        directory = result
    }

    deinit { close(directory) }

    /// Opens a file for reading, or a directory. `path` is relative, and empty for the root itself.
    ///
    /// - Throws: `IOError`, with `EXDEV` for a file that lies outside of the root.
    package func open(_ path: String, _ lookup: Lookup = .blocking) throws(IOError) -> OpenFile {
        guard !path.utf8.contains(0), path.utf8.first != UInt8(ascii: "/") else {
            throw IOError(errno: EXDEV, "open \(path)")
        }
        let path = path.isEmpty ? "." : path
        let result = Reactor.openBeneath(directory, path, Self.flags, cachedOnly: lookup == .cached)
        switch result {
        case 0...: return try OpenFile(descriptor: result)
        // The kernel or the sandbox does not know openat2(2).
        case -ENOSYS, -EPERM: return try openAndCheck(path)
        default: throw IOError(errno: -result, "open \(path)")
        }
    }

    /// The fallback without openat2(2): finds the file without opening it, asks the kernel for its path, and opens the file
    /// that was found, not the one that has its name by then.
    func openAndCheck(_ path: String) throws(IOError) -> OpenFile {
        let found = openat(directory, path, Self.pathOnly | O_CLOEXEC)
        guard found >= 0 else { throw IOError(errno: errno, "open \(path)") }
        defer { close(found) }
        let root = try Self.path(of: directory)
        let foundPath = try Self.path(of: found)
        let slash = UInt8(ascii: "/")
        let isInside = root == [slash] || foundPath == root || foundPath.starts(with: root + [slash])
        guard isInside else { throw IOError(errno: EXDEV, "open \(path)") }
        let result = Glibc.open("/proc/self/fd/\(found)", Self.flags)
        guard result >= 0 else { throw IOError(errno: errno, "open \(path)") }
        return try OpenFile(descriptor: result)
    }

    /// The path of an open file, as the kernel reports it.
    private static func path(of descriptor: CInt) throws(IOError) -> [UInt8] {
        let size = Int(PATH_MAX)
        var path: [UInt8]?
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
            guard let base = buffer.baseAddress else { return }
            let count = readlink("/proc/self/fd/\(descriptor)", base, size)
            guard count > 0, count < size else { return }
            path = Array(UnsafeRawBufferPointer(start: base, count: count))
        }
        guard let path else { throw IOError(errno: EXDEV, "readlink /proc/self/fd") }
        return path
    }
}

extension IOError {
    /// Opening a file would have waited for a disk.
    package var isNotCached: Bool { errnoCode == EAGAIN }

    /// The error for a path that leads to a directory, a pipe or a device.
    package static func notAFile(_ path: String) -> IOError { IOError(errno: EACCES, "open \(path), not a file") }
}
