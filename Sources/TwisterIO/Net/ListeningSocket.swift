import Glibc

/// A listening socket, which is closed when the last reference to it is released.
public final class ListeningSocket: Sendable {
    /// The socket's descriptor, which it owns.
    public let fileDescriptor: CInt

    /// Takes over a socket that listens already, for instance of socket activation or a parent process.
    public init(takingOver fd: CInt) { fileDescriptor = fd }

    deinit { Glibc.close(fileDescriptor) }

    /// The address that it is bound to, with the port that the kernel chose for port 0.
    public var address: SocketAddress? { SocketAddress.local(of: fileDescriptor) }

    /// The number of the first inherited descriptor.
    static let firstInherited: CInt = 3

    /// Takes over the listening sockets that this process was started with: by systemd's socket activation (`LISTEN_FDS` and
    /// `LISTEN_PID`, sd_listen_fds(3)) or by a `ProcessSupervisor`. In order; empty if there are none.
    ///
    /// The call removes the environment variables, so that a second call returns none. Call it before other threads start,
    /// because they might read the environment.
    ///
    /// - Throws: `IOError` if one of them is not a listening socket; all of them are then closed.
    public static func inherited() throws(IOError) -> [ListeningSocket] {
        guard let count = Environment.inheritedDescriptors else { return [] }
        for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsetenv(name) }
        let sockets = (0..<count).map { ListeningSocket(takingOver: firstInherited + $0) }
        for socket in sockets {
            let fd = socket.fileDescriptor
            var isListening: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            guard getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0 else {
                throw IOError(errno: errno, "inherited descriptor \(fd)")
            }
            guard isListening != 0 else { throw IOError(errno: EINVAL, "inherited descriptor \(fd) does not listen") }
            _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
            let flags = fcntl(fd, F_GETFL)
            guard flags >= 0, fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0 else {
                throw IOError(errno: errno, "inherited descriptor \(fd)")
            }
        }
        return sockets
    }
}
