import Glibc

/// Binds a unix socket at `path` with the permissions `mode`. If the first byte of `path` is NUL, it is a name in the abstract
/// namespace.
///
/// The file of a server that has ended is replaced. A socket that some process still has open is not, whether it listens or
/// not and of whichever type it is, and neither is another kind of file, a symbolic link included. Of several processes that
/// replace the same file at once, one succeeds: they take turns by a lock on the directory (flock(2)), which is held for a
/// moment only.
///
/// - Parameters:
///   - path: the path, or the abstract name, of at most 107 bytes.
///   - mode: the permissions of the file. Default 0600: only this user's processes connect.
/// - Throws: `IOError`: `EADDRINUSE` if the socket there is in use, `EEXIST` for another kind of file, `EACCES` if this process
///   may not connect to the socket there and so cannot find out whether it is in use.
///
/// Tornado: `netutil.bind_unix_socket`.
public func bindUnixSocket(
    _ path: String, mode: UInt32 = 0o600, options: ListenOptions = ListenOptions()
) throws(IOError) -> ListeningSocket {
    let address = try SocketAddress(unixPath: path)
    let socket = try ListeningSocket(unboundFor: address)
    let isFile = path.utf8.first != 0
    var result = bindUnix(socket, address)
    if result == EADDRINUSE, isFile {
        let lock = try DirectoryLock(of: path)
        defer { lock?.release() }
        // A process without the lock may bind the path between the removal of the old file and the call of bind. Its file is
        // then looked at like any other.
        for _ in 0..<8 where result == EADDRINUSE {
            try removeStaleSocket(path, address)
            result = bindUnix(socket, address)
        }
    }
    guard result == 0 else {
        let isInUse = result == EADDRINUSE
        throw IOError(errno: result, isInUse ? "bind \(address): a server listens there" : "bind \(address)")
    }
    do throws(IOError) {
        // No client can connect before it listens, so none connects under other permissions.
        if isFile, chmod(path, mode) != 0 { throw IOError(errno: errno, "chmod \(path)") }
        try socket.listen(options, address)
    } catch {
        if isFile { unlink(path) }
        throw error
    }
    return socket
}

private func bindUnix(_ socket: ListeningSocket, _ address: SocketAddress) -> CInt {
    address.withSockaddr { bind(socket.fileDescriptor, $0, $1) } == 0 ? 0 : errno
}

/// Removes the file at `path` if it is a socket that no process has open.
private func removeStaleSocket(_ path: String, _ address: SocketAddress) throws(IOError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
        if errno == ENOENT { return }
        throw IOError(errno: errno, "bind \(address)")
    }
    switch status.st_mode & S_IFMT {
    case S_IFSOCK: break
    case S_IFLNK: throw IOError(errno: EEXIST, "bind \(address): the file is a symbolic link, not a socket")
    default: throw IOError(errno: EEXIST, "bind \(address): the file is not a socket")
    }
    guard try isStale(address) else { throw IOError(errno: EADDRINUSE, "bind \(address): a server listens there") }
    if unlink(path) != 0, errno != ENOENT { throw IOError(errno: errno, "remove the old socket \(path)") }
}

/// Whether no process has the socket at `address` open.
///
/// The question is put with a datagram socket. The kernel refuses to connect it to a stream socket (`EPROTOTYPE`) before it
/// looks at the state of that socket. So the server there does not notice the question, and its full backlog, or that it does
/// not listen yet, makes no difference.
private func isStale(_ address: SocketAddress) throws(IOError) -> Bool {
    let fd = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
    guard fd >= 0 else { throw IOError(errno: errno, "socket for \(address)") }
    defer { close(fd) }
    guard address.withSockaddr({ connect(fd, $0, $1) }) != 0 else { return false }
    switch errno {
    // Without a file there is nothing to remove.
    case ECONNREFUSED, ENOENT: return true
    case EACCES:
        throw IOError(errno: EACCES, "bind \(address): a socket that this process may not connect to is there")
    default: return false
    }
}

/// A lock on the directory of a path, by which processes take turns. Also released by the end of the process.
private struct DirectoryLock {
    private let fd: CInt

    /// Waits for the lock, at most five seconds.
    ///
    /// - Returns: nil where there is no lock to be had: the directory is not readable, or its file system has no locks.
    /// - Throws: `IOError` with `EBUSY` if another process keeps the lock.
    init?(of path: String) throws(IOError) {
        let end = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = end.map { path[...$0] } ?? "."
        fd = open(String(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        for _ in 0..<500 {
            if flock(fd, LOCK_EX | LOCK_NB) == 0 { return }
            guard errno == EWOULDBLOCK || errno == EINTR else {
                close(fd)
                return nil
            }
            usleep(10_000)
        }
        close(fd)
        throw IOError(errno: EBUSY, "bind unix:\(path): another process keeps a lock on the directory")
    }

    func release() { close(fd) }
}
