import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterIO

/// A resolver that returns fixed addresses after a delay.
private struct FixedResolver: Resolver {
    var addresses: [SocketAddress]
    var delay: Duration = .zero
    let loop: IOLoop

    func resolve(host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        if delay > .zero { try await loop.sleep(for: delay) }
        return addresses
    }
}

/// A listener with a full queue: the kernel drops the SYN of further connection attempts.
private final class SilentListener: @unchecked Sendable {
    let socket: ListeningSocket
    private var fillers: [CInt] = []

    init(_ address: String) throws {
        socket = try bindSockets(port: 0, address: address, options: ListenOptions(backlog: 0))[0]
        let target = try #require(socket.address)
        for _ in 0..<3 {
            let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
            let fd = Glibc.socket(target.family, type, 0)
            _ = target.withSockaddr { connect(fd, $0, $1) }
            fillers.append(fd)
        }
        // Once one of them waits there, the queue is full.
        var isFull = pollfd(fd: socket.fileDescriptor, events: CShort(POLLIN), revents: 0)
        try #require(poll(&isFull, 1, 20_000) == 1)
    }

    deinit { for fd in fillers { close(fd) } }
}

/// A port that is bound by a socket that does not listen, so that connecting to it is refused.
private func reservedPort() throws -> UInt16 {
    let fd = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    let address = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
    try #require(address.withSockaddr { bind(fd, $0, $1) } == 0)
    return try #require(SocketAddress.local(of: fd)?.port)
}

private func listener(_ loop: IOLoop, _ address: String, port: UInt16 = 0) throws -> TCPServer {
    let server = TCPServer(loop) { stream, _ in
        TestFilter.add(to: stream)
        try await stream.write(stream.readBytes(1))
    }
    try server.listen(port: port, address: address)
    return server
}

private let hasIPv6 = (try? bindSockets(port: 0, address: "::1")) != nil

@Suite("TCPClient")
struct TCPClientTests {
    @Test("TCC-1: connects by name and by number, from a source address", arguments: backends)
    func connects(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = try listener(loop, "127.0.0.1")
            let client = TCPClient(loop)
            for host in ["localhost", "127.0.0.1"] {
                let stream = try await client.connect(host: host, port: server.port ?? 0)
                #expect(stream.peerAddress?.port == server.port)
                TestFilter.add(to: stream)
                try await stream.write("x")
                #expect(text(try await stream.readBytes(1)) == "x")
                stream.close()
            }
            let source = SocketAddress(ip: "127.0.0.2", port: 0)
            let stream = try await client.connect(host: "127.0.0.1", port: server.port ?? 0, sourceAddress: source)
            #expect(stream.localAddress?.ip == "127.0.0.2")
            stream.close()
            client.close()
            server.stop()
        }
    }

    @Test("IOS-16: a refused connection is the error, and leaves nothing open", arguments: backends)
    func refused(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let port = try reservedPort()
            let error = await #expect(throws: IOError.self) {
                try await TCPClient(loop).connect(host: "127.0.0.1", port: port)
            }
            #expect(error?.errnoCode == ECONNREFUSED)
            #expect(error?.description.contains("\(port)") == true)
            try await loop.until { loop.statistics.connections == 0 }
        }
    }

    @Test("TCC-1: an address that refuses gives way to the next at once", arguments: backends)
    func nextAddress(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let deadAddress = try #require(SocketAddress(ip: "127.0.0.1", port: reservedPort()))
            let server = try listener(loop, "127.0.0.1")
            let resolver = FixedResolver(addresses: [deadAddress] + server.addresses, loop: loop)
            try await inTime(.milliseconds(250), attempts: 20) {
                let stream = try await TCPClient(loop, resolver: resolver).connect(host: "two", port: 1)
                #expect(stream.peerAddress?.port == server.port)
                stream.close()
            }
            server.stop()
        }
    }

    @Test("TCC-1: the other family is tried after 300 ms of silence", .enabled(if: hasIPv6), arguments: backends)
    func happyEyeballs(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let silent = try SilentListener("127.0.0.1")
            let server = try listener(loop, "::1")
            let resolver = FixedResolver(
                addresses: [try #require(silent.socket.address)] + server.addresses, loop: loop)
            try await inTime(.milliseconds(900), attempts: 20) {
                let duration = try await elapsed {
                    let stream = try await TCPClient(loop, resolver: resolver).connect(host: "two", port: 1)
                    #expect(stream.peerAddress?.ip == "::1")
                    stream.close()
                }
                #expect(duration >= .milliseconds(300))
            }
            server.stop()
            try await loop.until { loop.statistics.connections == 0 }
        }
    }

    @Test("TCC-1: the timeout holds for the look-up and for the connection", arguments: backends)
    func timeout(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let silent = try SilentListener("127.0.0.1")
            let address = try #require(silent.socket.address)
            for delay in [Duration.zero, .seconds(5)] {
                let resolver = FixedResolver(addresses: [address], delay: delay, loop: loop)
                try await inTime(.milliseconds(500), attempts: 20) {
                    let duration = await elapsed {
                        let error = await #expect(throws: IOError.self) {
                            try await TCPClient(loop, resolver: resolver).connect(
                                host: "silent", port: 1, timeout: .milliseconds(50))
                        }
                        #expect(error?.errnoCode == ETIMEDOUT)
                    }
                    #expect(duration >= .milliseconds(50))
                }
            }
            try await loop.until { loop.statistics.connections == 0 }
        }
    }

    @Test("A cancelled connect leaves nothing open", arguments: backends)
    func cancellation(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let silent = try SilentListener("127.0.0.1")
            let port = silent.socket.address?.port ?? 0
            let task = inTask(loop, loop) { loop in
                let stream = try await TCPClient(loop).connect(host: "127.0.0.1", port: port)
                stream.close()
            }
            try await loop.pass(20)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await loop.until { loop.statistics.connections == 0 }
        }
    }
}

@Suite("Resolver")
struct ResolverTests {
    @Test("NET-5, NET-6: names and numbers, without blocking the loop", arguments: backends)
    func threaded(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let resolver = ThreadedResolver()
            let local = try await resolver.resolve(host: "localhost", port: 80, family: .ipv4)
            #expect(local.map(\.description) == ["127.0.0.1:80"])
            #expect(loop.isCurrentThread)
            let number = try await resolver.resolve(host: "::1", port: 81, family: .any)
            #expect(number.map(\.description) == ["[::1]:81"])
            await #expect(throws: ResolverError.self) {
                try await resolver.resolve(host: "127.0.0.1", port: 80, family: .ipv6)
            }
            await #expect(throws: ResolverError.self) {
                try await resolver.resolve(host: "no such\0host", port: 80, family: .any)
            }
        }
    }

    @Test("NET-7: the most specific rule applies")
    func overrides() async throws {
        let resolver = OverrideResolver(mapping: [
            .init("a.test"): .init("127.0.0.1"),
            .init("a.test", port: 80): .init("127.0.0.2", port: 8080),
            .init("a.test", port: 80, family: .ipv6): .init("::1", port: 8081),
        ])
        #expect(try await resolver.resolve(host: "a.test", port: 1, family: .any).map(\.description) == ["127.0.0.1:1"])
        #expect(
            try await resolver.resolve(host: "a.test", port: 80, family: .any).map(\.description) == ["127.0.0.2:8080"])
        #expect(
            try await resolver.resolve(host: "a.test", port: 80, family: .ipv6).map(\.description) == ["[::1]:8081"])
        #expect(
            try await resolver.resolve(host: "127.0.0.3", port: 5, family: .any).map(\.description) == ["127.0.0.3:5"])
    }
}
