import Glibc

/// A directory, and the files beneath it: nothing else can be opened through it, whatever the path says and whatever
/// links there are.
///
/// The calls block, for microseconds where the directories are cached; a server opens files on its loop as nginx does.
package struct FileRoot: ~Copyable {
    private let directory: CInt

    /// `O_NONBLOCK`: to open a pipe waits for nobody.
    private static var flags: CInt { O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY }
    /// `O_PATH`, which Glibc's module does not show.
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
    /// - Throws: `IOError`, with `EXDEV` for what lies outside.
    package func open(_ path: String) throws(IOError) -> OpenFile {
        guard !path.utf8.contains(0), path.utf8.first != UInt8(ascii: "/") else {
            throw IOError(errno: EXDEV, "open \(path)")
        }
        let path = path.isEmpty ? "." : path
        let result = Reactor.openBeneath(directory, path, Self.flags)
        switch result {
        case 0...: return try OpenFile(descriptor: result)
        // An older kernel, or a sandbox that does not know the call.
        case -ENOSYS, -EPERM: return try openAndCheck(path)
        default: throw IOError(errno: -result, "open \(path)")
        }
    }

    /// The way for kernels without openat2(2): finds the file without opening it, asks the kernel where it is, and opens
    /// what was found, not what is by then under its name.
    func openAndCheck(_ path: String) throws(IOError) -> OpenFile {
        let found = openat(directory, path, Self.pathOnly | O_CLOEXEC)
        guard found >= 0 else { throw IOError(errno: errno, "open \(path)") }
        defer { close(found) }
        let root = try Self.place(of: directory)
        let place = try Self.place(of: found)
        let slash = UInt8(ascii: "/")
        let isInside = root == [slash] || place == root || place.starts(with: root + [slash])
        guard isInside else { throw IOError(errno: EXDEV, "open \(path)") }
        let result = Glibc.open("/proc/self/fd/\(found)", Self.flags)
        guard result >= 0 else { throw IOError(errno: errno, "open \(path)") }
        return try OpenFile(descriptor: result)
    }

    /// Where an open file is, by the kernel's word.
    private static func place(of descriptor: CInt) throws(IOError) -> [UInt8] {
        let size = Int(PATH_MAX)
        var place: [UInt8]?
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
            guard let base = buffer.baseAddress else { return }
            let count = readlink("/proc/self/fd/\(descriptor)", base, size)
            guard count > 0, count < size else { return }
            place = Array(UnsafeRawBufferPointer(start: base, count: count))
        }
        guard let place else { throw IOError(errno: EXDEV, "readlink /proc/self/fd") }
        return place
    }
}
