import Glibc
import Testing

@testable import TwisterIO

private func option(_ fd: CInt, _ level: CInt, _ name: CInt) -> CInt {
    var value: CInt = -1
    var length = socklen_t(MemoryLayout<CInt>.size)
    getsockopt(fd, level, name, &value, &length)
    return value
}

private let hasIPv6 = (try? bindSockets(port: 0, address: "::1")) != nil

@Suite("bindSockets")
struct BindSocketsTests {
    @Test("NET-1, S-18: port 0 is the same free port on IPv4 and IPv6")
    func samePort() throws {
        for _ in 0..<50 {
            let sockets = try bindSockets(port: 0)
            let ports = Set(sockets.compactMap { $0.address?.port })
            #expect(ports.count == 1 && !ports.contains(0))
            #expect(sockets.count == (hasIPv6 ? 2 : 1))
        }
    }

    @Test("NET-1, S-19: SO_REUSEADDR, IPV6_V6ONLY, close-on-exec, not blocking")
    func options() throws {
        for socket in try bindSockets(port: 0) {
            let fd = socket.fileDescriptor
            #expect(option(fd, SOL_SOCKET, SO_REUSEADDR) == 1)
            #expect(option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1)
            #expect(option(fd, SOL_SOCKET, SO_REUSEPORT) == 0)
            #expect(fcntl(fd, F_GETFD) & FD_CLOEXEC != 0)
            #expect(fcntl(fd, F_GETFL) & O_NONBLOCK != 0)
            if socket.address?.ip == "::" { #expect(option(fd, CInt(IPPROTO_IPV6), IPV6_V6ONLY) == 1) }
        }
    }

    @Test("S-19: a port in use is EADDRINUSE with the port in the text; reusePort shares it")
    func portInUse() throws {
        let first = try bindSockets(port: 0, address: "127.0.0.1")
        let port = try #require(first.first?.address?.port)
        let error = #expect(throws: IOError.self) { try bindSockets(port: port, address: "127.0.0.1") }
        #expect(error?.errnoCode == EADDRINUSE)
        #expect(error?.description.contains("127.0.0.1:\(port)") == true)

        let options = ListenOptions(reusePort: true)
        let shared = try bindSockets(port: 0, address: "127.0.0.1", options: options)
        let again = try bindSockets(port: shared[0].address?.port ?? 0, address: "127.0.0.1", options: options)
        #expect(again[0].address?.port == shared[0].address?.port)
    }

    @Test("NET-1: names and refusals")
    func names() throws {
        #expect(try bindSockets(port: 0, address: "localhost").isEmpty == false)
        let error = #expect(throws: IOError.self) { try bindSockets(port: 81, address: "no such host") }
        #expect(error?.description.contains("port 81") == true)
    }

    @Test("S-18: the backlog is what was asked for")
    func backlog() throws {
        let socket = try bindSockets(port: 0, address: "127.0.0.1", options: ListenOptions(backlog: 7))[0]
        // For a listening socket tcp_info's tcpi_sacked is the backlog.
        var info = [UInt32](repeating: 0, count: 64)
        var length = socklen_t(256)
        let tcpInfo: CInt = 11
        try #require(getsockopt(socket.fileDescriptor, CInt(IPPROTO_TCP), tcpInfo, &info, &length) == 0)
        #expect(info[7] == 7)
    }

    @Test("NET-2: a unix socket has its mode, replaces an old one, and no other file")
    func unixSockets() throws {
        let path = "/tmp/twister-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(path) }
        for _ in 0..<2 {
            let socket = try bindUnixSocket(path, mode: 0o640)
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o640)
            #expect(socket.address?.unixPath == path)
        }
        unlink(path)
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        let error = #expect(throws: IOError.self) { try bindUnixSocket(path) }
        #expect(error?.errnoCode == EEXIST)
        let abstract = "\0twister-test-\(getpid())"
        #expect(try bindUnixSocket(abstract).address?.unixPath == abstract)
    }

    @Test(
        "NET-4: numeric addresses",
        arguments: ["127.0.0.1", "4.4.4.4", "::1", "2620:0:1cfe:face:b00c::3", "fe80::1%lo"])
    func validIPs(text: String) { #expect(isValidIP(text)) }

    @Test(
        "NET-4: what is none",
        arguments: [
            "www.google.com", "localhost", "4.4.4.4<", " 127.0.0.1", "", " ", "\n", "\0", "127.0.0.1\0x", "127.1", "1",
        ])
    func invalidIPs(text: String) { #expect(!isValidIP(text)) }
}
