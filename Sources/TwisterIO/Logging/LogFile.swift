import Glibc

/// Where a `LogWriter` writes: a descriptor, or a file with rotation. Used on the writer's thread only.
final class LogFile {
    /// Where the bytes go.
    enum Target: Sendable {
        /// An open descriptor, which stays open.
        case descriptor(CInt)
        case path(String, LogRotation)
    }

    private let target: Target
    private var fd: CInt
    /// When the file has to be set aside, in seconds since 1970; nil: at no time.
    private var dueTime: Int?
    /// The most bytes of one system call.
    private var pieceSize = Int.max
    /// Whether the last line was written only in part, because the disk had no room for its end.
    private var isMidLine = false

    /// The most bytes of one write to a pipe, terminal or socket, to which other processes may write, too. The kernel does not
    /// mix up to this many bytes with theirs (pipe(7), `PIPE_BUF`).
    private static let atomicSize = 4096

    init(_ target: Target) throws(IOError) {
        self.target = target
        switch target {
        case .descriptor(let descriptor): fd = descriptor
        case .path(let path, _): fd = try Self.open(path)
        }
        fileChanged()
    }

    deinit {
        if case .path = target { close(fd) }
    }

    private static func open(_ path: String) throws(IOError) -> CInt {
        let fd = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard fd >= 0 else { throw IOError(errno: errno, "open log file \(path)") }
        return fd
    }

    private func fileChanged() {
        var status = stat()
        guard fstat(fd, &status) == 0 else { return }
        pieceSize = status.st_mode & S_IFMT == S_IFREG ? .max : Self.atomicSize
        guard case .path(_, let rotation) = target else { return }
        // A file that an earlier process left counts from its last line, so that it is set aside at the first midnight after
        // that line.
        dueTime = rotation.dueTime(from: status.st_size > 0 ? status.st_mtim.tv_sec : time(nil))
    }

    /// Opens the file of that name anew, after another program has renamed it. Where that fails, the old file stays in use.
    func reopen() throws(IOError) {
        guard case .path(let path, _) = target else { return }
        let opened = try Self.open(path)
        close(fd)
        fd = opened
        fileChanged()
    }

    // MARK: Writing

    /// Writes whole lines. Returns how many of them were lost, because the kernel did not take them.
    func write(_ lines: UnsafeRawBufferPointer) -> Int {
        var rest = lines
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest[..<nextPiece(rest)])
            guard writeAll(piece) else { return rest.count { $0 == UInt8(ascii: "\n") } }
            rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
        }
        return 0
    }

    /// How many bytes of the lines go into one system call: whole lines, and at least one.
    private func nextPiece(_ lines: UnsafeRawBufferPointer) -> Int {
        let room = min(pieceSize, roomInFile(for: lines))
        if lines.count <= room { return lines.count }
        let newline = UInt8(ascii: "\n")
        if let last = lines[..<max(room, 0)].lastIndex(of: newline) { return last + 1 }
        return (lines.firstIndex(of: newline) ?? lines.count - 1) + 1
    }

    /// How many bytes still fit the file. A file that is due is set aside before.
    private func roomInFile(for lines: UnsafeRawBufferPointer) -> Int {
        guard case .path(let path, let rotation) = target else { return .max }
        if let dueTime, time(nil) >= dueTime { rotate(path, rotation) }
        guard let largest = rotation.largestSize else { return .max }
        let size = fileSize
        let firstLine = (lines.firstIndex(of: UInt8(ascii: "\n")) ?? lines.count - 1) + 1
        guard size > 0, size + firstLine > largest else { return largest - size }
        rotate(path, rotation)
        return largest - fileSize
    }

    /// The file's size in bytes. Other processes may write to the file, too.
    private var fileSize: Int {
        var status = stat()
        return fstat(fd, &status) == 0 ? Int(status.st_size) : 0
    }

    private func writeAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if isMidLine {
            guard Glibc.write(fd, "\n", 1) == 1 else { return false }
            isMidLine = false
        }
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(fd, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            if count > 0 {
                written += count
            } else if errno == EAGAIN {
                // Several processes may share the descriptor, and one of them has made it non-blocking.
                var wanted = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
                poll(&wanted, 1, -1)
            } else if errno != EINTR {
                isMidLine = written > 0
                return false
            }
        }
        return true
    }

    // MARK: Rotation

    /// Sets the file aside and begins a new one, unless another process has done so.
    private func rotate(_ path: String, _ rotation: LogRotation) {
        // Processes that write to the same file wait for each other here, at the lock of the old file. Whoever gets the lock
        // later sees that the name belongs to another file by then.
        let old = fd
        flock(old, LOCK_EX)
        if isNamed(path) {
            for number in stride(from: rotation.backups - 1, through: 1, by: -1) {
                rename("\(path).\(number)", "\(path).\(number + 1)")
            }
            rename(path, "\(path).1")
        }
        // The lock is kept until a new file exists under the name. If none can be opened, lines go on to the old one.
        if let opened = try? Self.open(path) {
            fd = opened
            flock(old, LOCK_UN)
            close(old)
        } else {
            flock(old, LOCK_UN)
        }
        fileChanged()
        // The new file begins now, even where a line of another process is in it.
        dueTime = rotation.dueTime(from: time(nil))
    }

    /// Whether the open file still has that name.
    private func isNamed(_ path: String) -> Bool {
        var own = stat()
        var named = stat()
        guard fstat(fd, &own) == 0, stat(path, &named) == 0 else { return false }
        return own.st_ino == named.st_ino && own.st_dev == named.st_dev
    }
}
