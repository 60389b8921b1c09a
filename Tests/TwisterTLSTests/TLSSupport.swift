import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterTLS

/// The options of a server for `localhost`.
func localhostOptions() -> SSLOptions {
    SSLOptions(
        certificate: TestCertificates.shared.path("localhost.pem"), key: TestCertificates.shared.path("localhost.key"))
}

/// The options of a client that knows the authority of the tests.
func clientOptions() -> SSLOptions {
    var options = SSLOptions()
    options.certificateAuthorities = .file(TestCertificates.shared.path("ca.pem"))
    return options
}

/// Sends lines back.
@Sendable
func echoLines(_ stream: IOStream, _ address: SocketAddress?) async throws {
    while true { try await stream.write(stream.readUntil("\n")) }
}

/// Runs `body` on a loop of its own, with a server on 127.0.0.1 that has TLS.
func withTLSServer<Value: Sendable>(
    _ backend: IOBackend, _ options: SSLOptions = localhostOptions(),
    handler: @escaping TCPServer.Handler = echoLines,
    _ body: @escaping @Sendable (IOLoop, UInt16) async throws -> Value
) async throws -> Value {
    let context = try SSLContext(options, serverSide: true)
    return try await onLoop(backend) { loop in
        let server = TCPServer(loop, handler: handler)
        try server.listen(port: 0, address: "127.0.0.1", sslOptions: context)
        defer { server.stop() }
        return try await body(loop, server.port ?? 0)
    }
}

/// Runs `body` on a loop of its own.
func onLoop<Value: Sendable>(
    _ backend: IOBackend, _ body: @escaping @Sendable (IOLoop) async throws -> Value
) async throws -> Value {
    let group = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
    let loop = group.loops[0]
    let task = Task(executorPreference: loop) { try await body(loop) }
    let result = await task.result
    await group.stop()
    return try result.get()
}

/// Connects to a server of the tests as `localhost`.
func connect(
    _ loop: IOLoop, _ port: UInt16, _ options: SSLOptions = clientOptions(), as host: String = "localhost",
    timeout: Duration? = .seconds(20)
) async throws -> SSLIOStream {
    let client = TCPClient(loop, resolver: LoopbackResolver())
    return try await client.connect(host: host, port: port, timeout: timeout, sslOptions: options)
}

/// Every name is this machine.
private struct LoopbackResolver: Resolver {
    func resolve(host: String, port: UInt16, family: AddressFamily) async throws -> [SocketAddress] {
        [SocketAddress(ip: "127.0.0.1", port: port)].compactMap(\.self)
    }

    func close() {}
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
