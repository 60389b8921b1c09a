import Glibc
import Synchronization

/// A listening socket, which is closed when the last reference to it is released.
public final class ListeningSocket: Sendable {
    /// The socket's descriptor, which it owns.
    public let fileDescriptor: CInt
    /// Whether only this process, and those that it starts, accept from the socket.
    package var isOwned: Bool { ownership.load(ordering: .relaxed) }
    private let ownership: Atomic<Bool>
    private let use = ConditionLock(Use())

    /// The purpose of the socket. It may be set on a socket that exists, as on one that was inherited.
    private struct Use {
        var name: String?
        var filters: (any StreamFilterFactory)?
    }

    /// The name by which a process that inherits the socket knows what it is for (`LISTEN_FDNAMES`); nil: it has none.
    package var name: String? {
        get { use.withLock { $0.name } }
        set { use.withLock { $0.name = newValue } }
    }

    /// Makes the filters of the connections that are accepted from the socket; nil: they have none. A server asks for it once,
    /// when it begins to accept.
    package var filters: (any StreamFilterFactory)? {
        get { use.withLock { $0.filters } }
        set { use.withLock { $0.filters = newValue } }
    }

    /// Notes that from now on only this process, and those that it starts, accept from the socket.
    package func takeOwnership() { ownership.store(true, ordering: .relaxed) }

    /// Takes over a socket that listens already, for instance from socket activation or a parent process.
    public init(takingOver fd: CInt) {
        fileDescriptor = fd
        ownership = Atomic(true)
    }

    private init(inherited fd: CInt, isOwned: Bool) {
        fileDescriptor = fd
        ownership = Atomic(isOwned)
    }

    deinit { Glibc.close(fileDescriptor) }

    /// The address that it is bound to, with the port that the kernel chose for port 0.
    public var address: SocketAddress? { SocketAddress.local(of: fileDescriptor) }

    /// Has the kernel accept no more clients on the socket, for every process that has it; clients that try are refused once
    /// the socket is closed. Without this call, a client may connect between the last accept and the close, and would be reset
    /// together with its request.
    ///
    /// A socket that another program owns (systemd, a supervisor) is left alone: that program will have other processes accept
    /// from it.
    package func refuseNewClients() {
        if isOwned { Reactor.refuseClients(fileDescriptor) }
    }

    /// Accepts a waiting connection; nil where none waits.
    func accept() -> CInt? {
        let fd = Reactor.acceptOne(fileDescriptor)
        return fd < 0 ? nil : fd
    }

    /// Distributes sockets over `count` loops or processes. Of several sockets with one address, each party gets some; where
    /// there are fewer sockets than parties, several parties share one. No socket is left without a party.
    package static func distribute(_ sockets: [ListeningSocket], over count: Int) -> [[ListeningSocket]] {
        var shares = Array(repeating: [ListeningSocket](), count: max(count, 1))
        var groups: [(address: SocketAddress?, sockets: [ListeningSocket])] = []
        for socket in sockets {
            let address = socket.address
            if let index = groups.firstIndex(where: { $0.address == address && address != nil }) {
                groups[index].sockets.append(socket)
            } else {
                groups.append((address, [socket]))
            }
        }
        for (_, same) in groups {
            for index in 0..<max(same.count, shares.count) {
                shares[index % shares.count].append(same[index % same.count])
            }
        }
        return shares
    }

    /// The sockets, each once, in order.
    package static func unique(_ sockets: some Sequence<ListeningSocket>) -> [ListeningSocket] {
        var seen: Set<ObjectIdentifier> = []
        return sockets.filter { seen.insert(ObjectIdentifier($0)).inserted }
    }

    /// The number of the first inherited descriptor.
    static let firstInherited: CInt = 3

    /// Takes over the listening sockets that this process was started with: by systemd's socket activation (`LISTEN_FDS` and
    /// `LISTEN_PID`, sd_listen_fds(3)) or by a `ProcessSupervisor`. In order; empty if there are none.
    ///
    /// The call removes the environment variables, so that a second call returns none. Call it before other threads start,
    /// because they might read the environment.
    ///
    /// - Throws: `IOError` if one of them is not a listening socket; none of them is taken over then.
    public static func inherited() throws(IOError) -> [ListeningSocket] {
        guard let count = Environment.inheritedDescriptors else { return [] }
        let names = Environment.inheritedNames
        for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsetenv(name) }
        let isOwned = Environment.takeSocketOwnership()
        let descriptors = firstInherited..<firstInherited + count
        // All of them are checked first: if the number is wrong, some of the descriptors are others of this process, which must
        // not be closed.
        for fd in descriptors { try requireListening(fd) }
        for fd in descriptors {
            _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
            let flags = fcntl(fd, F_GETFL)
            guard flags >= 0, fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0 else {
                throw IOError(errno: errno, "inherited descriptor \(fd)")
            }
        }
        return descriptors.enumerated().map { index, fd in
            let socket = ListeningSocket(inherited: fd, isOwned: isOwned)
            if names.indices.contains(index), !names[index].isEmpty { socket.name = names[index] }
            return socket
        }
    }

    private static func requireListening(_ fd: CInt) throws(IOError) {
        var isListening: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0 else {
            throw IOError(errno: errno, "inherited descriptor \(fd)")
        }
        guard isListening != 0 else { throw IOError(errno: EINVAL, "inherited descriptor \(fd) does not listen") }
    }
}
