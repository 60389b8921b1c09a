import Glibc
import Synchronization
import Testing

@testable import TwisterIO

/// A directory for the sockets of one test, which is removed with them.
private final class SocketFolder: Sendable {
    let path: String
    var socket: String { path + "/socket" }

    init() throws {
        var template = Array("/tmp/twister-unix-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        for name in ["/socket", "/link"] { unlink(path + name) }
        rmdir(path)
    }
}

/// Makes a socket of `type` that is bound to `path`, and closes it when the test releases it.
private func bound(_ path: String, _ type: __socket_type) throws -> ListeningSocket {
    let address = try SocketAddress(unixPath: path)
    let holder = ListeningSocket(takingOver: socket(AF_UNIX, CInt(type.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0))
    try #require(address.withSockaddr { bind(holder.fileDescriptor, $0, $1) } == 0)
    return holder
}

private func connectClient(_ path: String) throws -> CInt {
    let fd = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
    let result = try SocketAddress(unixPath: path).withSockaddr { connect(fd, $0, $1) }
    if result == 0 { return fd }
    let error = IOError(errno: errno, "connect")
    close(fd)
    throw error
}

@Suite("bindUnixSocket")
struct BindUnixSocketTests {
    @Test("NET-2: a unix socket has its mode, replaces one that no process has open, and no other file")
    func files() throws {
        let folder = try SocketFolder()
        for _ in 0..<2 {
            let socket = try bindUnixSocket(folder.socket, mode: 0o640)
            var status = stat()
            #expect(stat(folder.socket, &status) == 0 && status.st_mode & 0o777 == 0o640)
            #expect(socket.address?.unixPath == folder.socket)
        }
        unlink(folder.socket)
        close(open(folder.socket, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: IOError.self) { try bindUnixSocket(folder.socket) }
        unlink(folder.socket)
        mkdir(folder.socket, 0o700)
        let error = #expect(throws: IOError.self) { try bindUnixSocket(folder.socket) }
        #expect(error?.errnoCode == EEXIST)
        rmdir(folder.socket)
    }

    @Test("NET-2: a unix socket on which a server listens is not taken over")
    func listening() throws {
        let folder = try SocketFolder()
        let first = try bindUnixSocket(folder.socket)
        let error = #expect(throws: IOError.self) { try bindUnixSocket(folder.socket) }
        #expect(error?.errnoCode == EADDRINUSE)
        #expect(error?.description.contains("\(folder.socket): a server listens there") == true)
        // The first server still has the path, and the attempt is no connection that it would have to accept.
        #expect(accept(first.fileDescriptor, nil, nil) == -1 && errno == EAGAIN)
        let client = try connectClient(folder.socket)
        let accepted = accept(first.fileDescriptor, nil, nil)
        #expect(accepted >= 0)
        for fd in [client, accepted] { close(fd) }
    }

    @Test("NET-2: a server with a full backlog is not taken over")
    func fullBacklog() throws {
        let folder = try SocketFolder()
        let first = try bindUnixSocket(folder.socket, options: ListenOptions(backlog: 0))
        var clients: [CInt] = []
        defer { for fd in clients { close(fd) } }
        let refusal = #expect(throws: IOError.self) {
            for _ in 0..<10 { clients.append(try connectClient(folder.socket)) }
        }
        #expect(refusal?.errnoCode == EAGAIN)
        let error = #expect(throws: IOError.self) { try bindUnixSocket(folder.socket) }
        #expect(error?.errnoCode == EADDRINUSE)
        withExtendedLifetime(first) {}
    }

    @Test(
        "NET-2: a socket that is open is not taken over, of whichever type, and before it listens",
        arguments: [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET].map(\.rawValue))
    func otherTypes(type: UInt32) throws {
        let folder = try SocketFolder()
        let holder = try bound(folder.socket, __socket_type(type))
        let error = #expect(throws: IOError.self) { try bindUnixSocket(folder.socket) }
        #expect(error?.errnoCode == EADDRINUSE)
        // A datagram socket that has a peer refuses others.
        let address = try SocketAddress(unixPath: folder.path + "/link")
        let peer = try bound(folder.path + "/link", __socket_type(type))
        _ = address.withSockaddr { connect(holder.fileDescriptor, $0, $1) }
        #expect(throws: IOError.self) { try bindUnixSocket(folder.socket) }
        withExtendedLifetime((holder, peer)) {}
    }

    @Test("NET-2: a stale socket of another type is replaced", arguments: [SOCK_DGRAM, SOCK_SEQPACKET].map(\.rawValue))
    func staleTypes(type: UInt32) throws {
        let folder = try SocketFolder()
        _ = try bound(folder.socket, __socket_type(type))
        let socket = try bindUnixSocket(folder.socket)
        close(try connectClient(folder.socket))
        withExtendedLifetime(socket) {}
    }

    @Test("NET-2: a symbolic link stays, whatever it refers to")
    func symbolicLinks() throws {
        let folder = try SocketFolder()
        for target in [folder.socket, "nowhere"] {
            try? { _ = try bindUnixSocket(folder.socket) }()
            try #require(symlink(target, folder.path + "/link") == 0)
            let error = #expect(throws: IOError.self) { try bindUnixSocket(folder.path + "/link") }
            #expect(error?.errnoCode == EEXIST)
            var status = stat()
            #expect(lstat(folder.path + "/link", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
            unlink(folder.path + "/link")
        }
    }

    @Test("NET-2: a socket that this process may not connect to stays, and the error says so")
    func permissions() throws {
        // The user's number for access to files is a property of this thread.
        guard getuid() == 0 else { return print("NOTICE: not root, so no user without permission can be tried") }
        let folder = try SocketFolder()
        chmod(folder.path, 0o777)
        _ = try bindUnixSocket(folder.socket, mode: 0o600)
        let error: IOError? = {
            _ = LibC.setfsuid(65_534)
            defer { _ = LibC.setfsuid(0) }
            do throws(IOError) {
                _ = try bindUnixSocket(folder.socket)
                return nil
            } catch {
                return error
            }
        }()
        #expect(error?.errnoCode == EACCES)
        #expect(error?.description.contains("may not connect") == true)
        #expect(access(folder.socket, F_OK) == 0)
    }

    @Test("NET-2: an abstract name in use is refused, and is free once its server has ended")
    func abstractNames() throws {
        let name = "\0twister-test-\(getpid())"
        let first = try bindUnixSocket(name)
        #expect(first.address?.unixPath == name)
        let error = #expect(throws: IOError.self) { try bindUnixSocket(name) }
        #expect(error?.errnoCode == EADDRINUSE)
        close(first.fileDescriptor)
        let second = try bindUnixSocket("\0twister-test-\(getpid())-2")
        withExtendedLifetime((first, second)) {}
    }

    @Test("NET-2: of servers that start at once on a stale file one succeeds, and it is the one that clients reach")
    func race() async throws {
        let folder = try SocketFolder()
        for _ in 0..<50 {
            // The file of a server that has ended.
            unlink(folder.socket)
            _ = try bindUnixSocket(folder.socket)
            let results = Mutex<[Result<ListeningSocket, IOError>]>([])
            for _ in 0..<8 {
                try onThread {
                    let result: Result<ListeningSocket, IOError>
                    do throws(IOError) {
                        result = .success(try bindUnixSocket(folder.socket))
                    } catch {
                        result = .failure(error)
                    }
                    results.withLock { $0.append(result) }
                }
            }
            try await eventually { results.withLock { $0.count == 8 } }
            let winners = results.withLock { $0.compactMap { try? $0.get() } }
            #expect(winners.count == 1)
            let client = try connectClient(folder.socket)
            if let winner = winners.first {
                let accepted = accept(winner.fileDescriptor, nil, nil)
                #expect(accepted >= 0)
                close(accepted)
            }
            close(client)
            for case .failure(let error) in results.withLock({ $0 }) { #expect(error.errnoCode == EADDRINUSE) }
        }
    }

    @Test("NET-2: another program that keeps the directory's lock is named as the reason")
    func lockedDirectory() throws {
        let folder = try SocketFolder()
        _ = try bindUnixSocket(folder.socket)
        let lock = open(folder.path, O_RDONLY | O_DIRECTORY)
        defer { close(lock) }
        try #require(flock(lock, LOCK_EX) == 0)
        let error = #expect(throws: IOError.self) { try bindUnixSocket(folder.socket) }
        #expect(error?.errnoCode == EBUSY)
    }
}
