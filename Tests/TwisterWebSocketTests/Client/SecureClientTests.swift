import Testing
import TwisterHTTP
import TwisterIO
import TwisterTLS
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Every name is this machine.
private struct LoopbackResolver: Resolver {
    func resolve(host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        [SocketAddress(ip: "127.0.0.1", port: port)].compactMap(\.self)
    }

    func close() {}
}

@Suite("Client with TLS and proxies")
struct SecureClientTests {
    /// A server, something on the way to it on the client's loop, and the client.
    private func withServerBehind(
        _ sslOptions: SSLOptions?, _ handler: @escaping @Sendable (IOStream, UInt16) async throws -> Void,
        _ body: @escaping @Sendable (IOLoop, UInt16, UInt16) async throws -> Void
    ) async throws {
        let context = try sslOptions.map { try SSLContext($0, serverSide: true) }
        for backend in testedBackends {
            try await withServer(backend, Application([URLSpec("/", EchoHandler.self)])) { port in
                let group = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
                let loop = group.loops[0]
                let result = await Task(executorPreference: loop) {
                    let front = TCPServer(loop) { stream, _ in try await handler(stream, port) }
                    if let context {
                        try front.listen(port: 0, address: "127.0.0.1", sslOptions: context)
                    } else {
                        try front.listen(port: 0, address: "127.0.0.1")
                    }
                    defer { front.stop() }
                    try await body(loop, front.port ?? 0, port)
                }.result
                await group.stop()
                try result.get()
            }
        }
    }

    /// Carries bytes between the two until one of them ends.
    @Sendable private static func join(_ stream: IOStream, toPort port: UInt16) async throws {
        let client = TCPClient(stream.loop, resolver: LoopbackResolver())
        let other = try await client.connect(host: "back", port: port)
        let way = Task(executorPreference: stream.loop) { [held = LoopHeld((stream, other))] in
            let (stream, other) = held.value
            while true { try await stream.write(other.readBytes(65_536, partial: true)) }
        }
        defer {
            way.cancel()
            other.close()
            stream.close()
        }
        while true { try await other.write(stream.readBytes(65_536, partial: true)) }
    }

    private static func localhostOptions() -> SSLOptions {
        SSLOptions(
            certificate: TestCertificates.shared.path("localhost.pem"),
            key: TestCertificates.shared.path("localhost.key"))
    }

    private static func trusting() throws -> WebSocketClientOptions {
        var trusted = SSLOptions()
        trusted.certificateAuthorities = .file(TestCertificates.shared.path("ca.pem"))
        var options = WebSocketClientOptions()
        options.sslOptions = try SSLContext(trusted, serverSide: false)
        return options
    }

    private static func echo(_ url: String, _ options: WebSocketClientOptions, _ loop: IOLoop) async throws {
        let socket = try await webSocketConnect(url, options: options, loop: loop, resolver: LoopbackResolver())
        let text = String(repeating: "over the wire ", count: 10_000)
        try await socket.writeMessage(text)
        #expect(try await socket.readMessage() == .text(text))
        socket.close()
        #expect(try await socket.readMessage() == nil)
    }

    @Test("WS-17, TCC-2: a client speaks TLS, and trusts only certificates that are valid for the host")
    func secure() async throws {
        try await withServerBehind(Self.localhostOptions(), { try await Self.join($0, toPort: $1) }) { loop, port, _ in
            try await Self.echo("wss://localhost:\(port)/", Self.trusting(), loop)
            for (host, options) in [("other.example", try Self.trusting()), ("localhost", WebSocketClientOptions())] {
                await #expect(throws: SSLError.self) {
                    try await Self.echo("wss://\(host):\(port)/", options, loop)
                }
            }
        }
    }

    @Test("WS-17: a client connects through a proxy, with a login")
    func proxy() async throws {
        try await withServerBehind(
            nil,
            { stream, port in
                let head = String(decoding: try await stream.readUntil("\r\n\r\n"), as: UTF8.self)
                let isKnown = head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n")
                guard head.hasPrefix("CONNECT back.example:80 HTTP/1.1\r\nHost: back.example:80\r\n"), isKnown else {
                    try await stream.write("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                    try await stream.flush()
                    return stream.close()
                }
                try await stream.write("HTTP/1.1 200 Connected\r\nX: y\r\n\r\n")
                try await Self.join(stream, toPort: port)
            }
        ) { loop, port, _ in
            var options = WebSocketClientOptions()
            options.proxy = WebSocketProxy(host: "proxy.example", port: port, username: "user", password: "pass")
            try await Self.echo("ws://back.example/", options, loop)
            options.proxy?.password = "other"
            do {
                try await Self.echo("ws://back.example/", options, loop)
                Issue.record("the proxy refuses, and the client does not see it")
            } catch let error as WebSocketError {
                #expect(error.description.contains("407"))
            }
        }
    }

    @Test("WS-17, TCC-2: TLS through a proxy is between the client and the server")
    func secureProxy() async throws {
        // The connection's first part is in the clear, and speaks TLS behind the proxy's response.
        let context = try SSLContext(Self.localhostOptions(), serverSide: true)
        try await withServerBehind(
            nil,
            { stream, port in
                let head = String(decoding: try await stream.readUntil("\r\n\r\n"), as: UTF8.self)
                #expect(head.hasPrefix("CONNECT localhost:443 HTTP/1.1\r\n"))
                try await stream.write("HTTP/1.1 200 OK\r\n\r\n")
                try await stream.startTLS(context)
                try await Self.join(stream, toPort: port)
            }
        ) { loop, port, _ in
            var options = try Self.trusting()
            options.proxy = WebSocketProxy(host: "proxy.example", port: port)
            try await Self.echo("wss://localhost/", options, loop)
        }
    }
}
