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

    @Test(
        "NET-1, S-19: two programs do not share a port, however many loops each has, unless they say so",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"),
            ("::1", "::1"), ("::1", "::"), ("::", "::1"), ("::", "::"),
        ])
    func severalLoops(first: String, second: String) throws {
        guard hasIPv6 || !first.contains(":") else { return }
        for (loops, others) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 5)] {
            let sockets = try bindSockets(port: 0, address: first, copies: loops)
            let port = try #require(sockets[0].first?.address?.port)
            #expect(sockets.count == loops && sockets.allSatisfy { $0.map(\.address) == sockets[0].map(\.address) })
            let error = #expect(throws: IOError.self) { try bindSockets(port: port, address: second, copies: others) }
            #expect(error?.errnoCode == EADDRINUSE && error?.description.contains(":\(port)") == true)
        }
        let options = ListenOptions(reusePort: true)
        let shared = try bindSockets(port: 0, address: first, copies: 2, options: options)
        let port = try #require(shared[0].first?.address?.port)
        #expect(try bindSockets(port: port, address: first, copies: 2, options: options).count == 2)
        #expect(throws: IOError.self) { try bindSockets(port: port, address: first, copies: 2) }
    }

    @Test("S-18, S-19: the kernel distributes connections among the sockets of several loops")
    func distribution() throws {
        let sockets = try bindSockets(port: 0, address: "127.0.0.1", copies: 2)
        let address = try #require(sockets[0][0].address)
        let clients = try (0..<100).map { _ in
            let fd = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            try #require(address.withSockaddr { connect(fd, $0, $1) } == 0)
            return fd
        }
        defer { for fd in clients { close(fd) } }
        for copy in sockets {
            let accepted = accept(copy[0].fileDescriptor, nil, nil)
            #expect(accepted >= 0)
            close(accepted)
        }
    }

    @Test("NET-1: port 0 of several loops is the same free port on all addresses")
    func severalLoopsFreePort() throws {
        for _ in 0..<20 {
            let sockets = try bindSockets(port: 0, copies: 3)
            #expect(Set(sockets.joined().compactMap { $0.address?.port }).count == 1)
            #expect(sockets.allSatisfy { $0.count == (hasIPv6 ? 2 : 1) })
        }
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
