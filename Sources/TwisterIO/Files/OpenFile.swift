import Glibc

/// An open file, which is closed when the last reference to it is released.
package final class OpenFile {
    package enum Kind: Sendable { case regular, directory, other }

    package let descriptor: CInt
    package let kind: Kind
    /// The size in bytes at the time of opening.
    package let size: Int
    /// The time of the last change of the content: seconds since 1970, and nanoseconds in that second.
    package let modified: (seconds: Int64, nanoseconds: Int64)
    /// The file's number in its file system.
    package let inode: UInt64

    /// Larger files are refused (`EFBIG`), so that additions to a size cannot overflow.
    private static var largestSize: Int { 1 << 60 }

    /// Takes the descriptor over, and closes it if this throws.
    init(descriptor: CInt) throws(IOError) {
        var info = stat()
        var code = fstat(descriptor, &info) == 0 ? 0 : errno
        if code == 0, info.st_size > Self.largestSize { code = EFBIG }
        guard code == 0 else {
            close(descriptor)
            throw IOError(errno: code, "fstat")
        }
        self.descriptor = descriptor
        kind =
            switch info.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            default: .other
            }
        size = max(Int(info.st_size), 0)
        modified = (Int64(info.st_mtim.tv_sec), Int64(info.st_mtim.tv_nsec))
        inode = UInt64(info.st_ino)
    }

    deinit { close(descriptor) }

    /// Reads `count` bytes from `offset` on, and returns how many there were: fewer only if the file ends or reading fails.
    /// Blocks if they are not in the page cache.
    package func read(into destination: UnsafeMutableRawPointer, _ count: Int, at offset: Int) -> Int {
        var done = 0
        while done < count {
            let result = pread(descriptor, destination + done, count - done, off_t(offset + done))
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { break }
            done += result
        }
        return done
    }
}
