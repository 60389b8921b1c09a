import Glibc

/// An open file, which is closed when the last reference to it is released.
package final class OpenFile: Sendable {
    package enum Kind: Sendable { case regular, directory, other }

    package let descriptor: CInt
    package let kind: Kind
    /// The size in bytes at the time of opening.
    package let size: Int
    /// The time of the last change of the content: seconds since 1970, and nanoseconds in that second.
    package let modified: (seconds: Int64, nanoseconds: Int64)

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

    /// Whether the bytes of `range` that the file has can be read without waiting for the disk; true where the kernel cannot
    /// tell.
    package func isCached(_ range: Range<Int>) -> Bool {
        let range = range.clamped(to: 0..<size)
        return Reactor.isCached(descriptor, at: UInt64(range.lowerBound), UInt64(range.count))
    }

    /// Reads the bytes of `range` into the page cache, so that the next reader does not wait for them. Blocks.
    package func load(_ range: Range<Int>) {
        let range = range.clamped(to: 0..<size)
        // To fadvise(2), no length is the rest of the file.
        guard !range.isEmpty else { return }
        // The disk may read all of it at once, although the bytes are waited for in small parts.
        _ = posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
        withUnsafeTemporaryAllocation(byteCount: min(range.count, 65_536), alignment: 1) { room in
            guard let base = room.baseAddress else { return }
            var offset = range.lowerBound
            while offset < range.upperBound {
                let count = read(into: base, min(room.count, range.upperBound - offset), at: offset)
                guard count > 0 else { return }
                offset += count
            }
        }
    }

    /// Responses copy ranges of at most so many bytes at once: a client that asks for many small files and takes none of them
    /// does not keep them all open.
    package static var copiedSize: Int { 16_384 }

    /// Keeps the kernel from reading more than it is asked for: readers who do not want to wait have threads read ahead.
    func stopReadingAhead() { _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM) }
}
