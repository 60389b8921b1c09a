import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterIO

/// Sends lines back; `throw` fails.
@Sendable
private func echoLines(_ stream: IOStream, _ address: SocketAddress?) async throws {
    TestFilter.add(to: stream)
    while true {
        let line = try await stream.readUntil("\n")
        if text(line) == "throw\n" { throw TestFailure() }
        try await stream.write(line)
    }
}

private func ask(_ loop: IOLoop, _ port: UInt16, _ line: String) async throws -> String {
    let stream = try await connect(loop, port: port)
    defer { stream.close() }
    try await stream.write(line)
    return text(try await stream.readUntil("\n"))
}

private final class GreetingServer: TCPServer {
    var greeted = 0

    override func handleStream(_ stream: IOStream) throws {
        TestFilter.add(to: stream)
        greeted += 1
        if greeted == 2 { throw TestFailure() }
        stream.enqueue(Array("hello \(greeted)\n".utf8))
        stream.closeAfterWriting()
    }
}

@Suite("TCPServer")
struct TCPServerTests {
    @Test("S-17, TCP-6, TCP-7: a closure serves, without HTTP", arguments: backends)
    func closure(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = TCPServer(loop, handler: echoLines)
            try server.listen(port: 0, address: "127.0.0.1")
            #expect(try await ask(loop, server.port ?? 0, "ping\n") == "ping\n")
            server.stop()
        }
    }

    @Test("S-17, S-24, S-28: a subclass serves; what it throws ends that connection alone", arguments: backends)
    func subclass(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = GreetingServer(loop)
            try server.listen(port: 0, address: "127.0.0.1")
            let port = server.port ?? 0
            #expect(try await ask(loop, port, "\n") == "hello 1\n")
            await #expect(throws: StreamClosedError.self) { try await ask(loop, port, "\n") }
            #expect(try await ask(loop, port, "\n") == "hello 3\n")
            server.stop()
        }
    }

    @Test("TCP-7: what a handler wrote arrives, though it has not read all that its client sends", arguments: backends)
    func unreadInput(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = TCPServer(loop) { stream, _ in
                TestFilter.add(to: stream)
                _ = try await stream.readBytes(1)
                try await stream.write(Array(repeating: 7, count: 1 << 20))
            }
            try server.listen(port: 0, address: "127.0.0.1")
            for _ in 0..<20 {
                let stream = try await connect(loop, port: server.port ?? 0)
                stream.enqueue(Array(repeating: 1, count: 1 << 20))
                #expect(try await stream.readBytes(1 << 20).count == 1 << 20)
                stream.close()
            }
            server.stop()
            try await loop.until { loop.statistics.connections == 0 }
        }
    }

    @Test("S-24, TCP-6: every third connection throws, the others are served", arguments: backends)
    func errors(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = TCPServer(loop, handler: echoLines)
            try server.listen(port: 0, address: "127.0.0.1")
            let port = server.port ?? 0
            for index in 0..<30 {
                if index % 3 == 2 {
                    await #expect(throws: StreamClosedError.self) { try await ask(loop, port, "throw\n") }
                } else {
                    #expect(try await ask(loop, port, "\(index)\n") == "\(index)\n")
                }
            }
            server.stop()
            try await loop.until { loop.statistics.connections == 0 }
        }
    }

    @Test("TCP-2 to TCP-4, S-18, S-20: several listeners, sockets made by others, bind and start", arguments: backends)
    func listeners(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = TCPServer(loop, handler: echoLines)
            try server.listen(port: 0)
            try server.addSocket(bindSockets(port: 0, address: "127.0.0.1")[0])
            try server.bind(port: 0, address: "127.0.0.1")
            let before = server.addresses.count
            try server.start()
            #expect(server.addresses.count == before + 1)
            for address in server.addresses {
                let host = address.ip == "::" ? "::1" : "127.0.0.1"
                let stream = try await connect(loop, host: host, port: address.port ?? 0)
                try await stream.write("x\n")
                #expect(text(try await stream.readUntil("\n")) == "x\n")
                stream.close()
            }
            server.stop()
        }
    }

    @Test("TCP-5, S-21: stop closes exactly the server's listeners; connections go on", arguments: backends)
    func stop(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = TCPServer(loop, handler: echoLines)
            try server.listen(port: 0, address: "127.0.0.1")
            let other = TCPServer(loop, handler: echoLines)
            try other.listen(port: 0, address: "127.0.0.1")
            let port = server.port ?? 0
            let stream = try await connect(loop, port: port)
            try await stream.write("a\n")
            _ = try await stream.readUntil("\n")
            #expect(TwisterIOTests.listeners(on: port) == 1)
            server.stop()
            server.stop()
            #expect(TwisterIOTests.listeners(on: port) == 0)
            #expect(TwisterIOTests.listeners(on: other.port ?? 0) == 1)
            try await stream.write("b\n")
            #expect(text(try await stream.readUntil("\n")) == "b\n")
            try await loop.pass()
            await #expect(throws: IOError.self) { try await ask(loop, port, "c\n") }
            #expect(try await ask(loop, other.port ?? 0, "d\n") == "d\n")
            stream.close()
            other.stop()
        }
    }

    @Test("TCP-1, S-27: maxBufferSize is passed on to the streams", arguments: backends)
    func maxBufferSize(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = TCPServer(loop, handler: echoLines)
            server.maxBufferSize = 100
            try server.listen(port: 0, address: "127.0.0.1")
            let port = server.port ?? 0
            let line = String(repeating: "x", count: 99) + "\n"
            #expect(try await ask(loop, port, line) == line)
            await #expect(throws: StreamClosedError.self) { try await ask(loop, port, "x" + line) }
            server.stop()
        }
    }

    @Test("NET-2: a unix socket, by path and by abstract name", arguments: backends)
    func unixSockets(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let name = "twister-server-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            for path in ["/tmp/" + name, "\0" + name] {
                let server = TCPServer(loop, handler: echoLines)
                try server.listen(unixPath: path)
                let stream = try await IOStream.connect(loop, to: SocketAddress(unixPath: path))
                TestFilter.add(to: stream)
                try await stream.write("unix\n")
                #expect(text(try await stream.readUntil("\n")) == "unix\n")
                stream.close()
                server.stop()
            }
            unlink("/tmp/" + name)
        }
    }

    @Test("S-22: two servers on two loops in two threads run independently", arguments: backends)
    func twoLoops(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let group = try await IOLoopGroup(count: 2, configuration: IOLoop.Configuration(backend: backend))
            let ports = try await group.map { _, loop in
                #expect(try IOLoop.current() === loop)
                let server = try TCPServer(handler: echoLines)
                #expect(server.loop === loop)
                try server.listen(port: 0, address: "127.0.0.1")
                loop.callLater(.seconds(60)) { server.stop() }
                return server.port ?? 0
            }
            for port in ports { #expect(try await ask(loop, port, "hi\n") == "hi\n") }
            await group.stop()
        }
    }

    @Test("S-23, NET-3: hundreds of connections at once are all accepted", arguments: backends)
    func manyAtOnce(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = TCPServer(loop, handler: echoLines)
            try server.listen(port: 0, address: "127.0.0.1")
            let port = server.port ?? 0
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<300 {
                    group.addTask(executorPreference: loop) {
                        try await ask(loop, port, "\(index)\n") == "\(index)\n"
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            server.stop()
            try await loop.until { loop.statistics.connections == 0 }
        }
    }

    @Test("32 MiB each way through one stream with a slow reader, in bounded buffers", arguments: backends)
    func slowEcho(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let most = Box(0)
            let server = TCPServer(loop) { stream, _ in
                TestFilter.add(to: stream)
                while true {
                    try await stream.write(stream.readBytes(65_536, partial: true))
                    most.value = max(most.value, stream.outputCount + stream.input.count)
                }
            }
            try server.listen(port: 0, address: "127.0.0.1")
            let stream = try await connect(loop, port: server.port)
            let size = 32 << 20
            let writing = inTask(loop, stream) { stream in
                let piece = [UInt8](repeating: 3, count: 65_536)
                for _ in 0..<(size / piece.count) { try await stream.write(piece) }
                stream.shutDownWriting()
            }
            var received = 0
            while received < size {
                received += try await stream.readBytes(65_536, partial: true).count
                most.value = max(most.value, stream.outputCount + stream.input.count)
                if received % 64 == 0 { try await loop.pass(1) }
            }
            try await writing.value
            #expect(received == size)
            #expect(most.value < 8 << 20)
            stream.close()
            server.stop()
        }
    }

    @Test("The output that a handler wrote before it returned is sent", arguments: backends)
    func outputBeforeReturn(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let size = 3 << 20
            let server = TCPServer(loop) { stream, _ in
                TestFilter.add(to: stream)
                stream.highWatermark = .max
                try await stream.write([UInt8](repeating: 1, count: size))
            }
            try server.listen(port: 0, address: "127.0.0.1")
            let stream = try await connect(loop, port: server.port)
            try await loop.pass(20)
            #expect(try await stream.readUntilClose().count == size)
            stream.close()
            server.stop()
        }
    }

    @Test("A server that another thread releases stops listening on its loop's thread", arguments: backends)
    func releasedOnAnotherThread(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            // Clients connect meanwhile, so that some connections are accepted while the server is released.
            for _ in 0..<20 {
                let held = Box<GreetingServer?>(GreetingServer(loop))
                try held.value?.listen(port: 0, address: "127.0.0.1")
                let port = held.value?.port ?? 0
                try onThread {
                    for _ in 0..<50 { connectAndClose(port) }
                }
                try await loop.pass(1)
                try onThread { held.value = nil }
                try await loop.until { TwisterIOTests.listeners(on: port) == 0 }
            }
            try await loop.until { loop.statistics.connections == 0 }
        }
    }

    @Test("Using a server on another thread ends the process")
    func refusedOnAnotherThread() async {
        await #expect(processExitsWith: .failure) {
            let server = try await withLoop(.epoll) { Box(TCPServer($0)) }
            server.value.stop()
        }
        await #expect(processExitsWith: .failure) {
            let server = try await withLoop(.epoll) { Box(TCPServer($0)) }
            _ = server.value.port
        }
        await #expect(processExitsWith: .failure) {
            let server = try await withLoop(.epoll) { Box(TCPServer($0)) }
            server.value.maxBufferSize = 1
        }
    }
}

private func connectAndClose(_ port: UInt16) {
    let fd = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    _ = SocketAddress(ip: "127.0.0.1", port: port)?.withSockaddr { connect(fd, $0, $1) }
    close(fd)
}
