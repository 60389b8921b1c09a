import HTTPTypes
import TwisterCodec
import TwisterHTTP
public import TwisterIO
public import TwisterTLS

/// How a WebSocket client connects.
public struct WebSocketClientOptions: Sendable {
    /// Further header fields of the handshake, as names and values: `Authorization`, `Cookie`, `Origin`. Default: none.
    public var headers: [(name: String, value: String)] = []
    /// The subprotocols that are offered, the preferred one first. Default: none.
    public var subprotocols: [String] = []
    /// How messages are compressed, where the server can do that; nil: not at all. Default: nil.
    /// Tornado: `compression_options`.
    public var compression: WebSocketCompression?
    /// How long the connection and the handshake may take together. Default 20 s. Tornado: `connect_timeout`.
    public var connectTimeout: Duration = .seconds(20)
    /// The time between two pings to the server; nil: none are sent. Default: nil. Tornado: `ping_interval`.
    public var pingInterval: Duration?
    /// How long the server may take for the pong; nil: as long as the interval. Default: nil. Tornado: `ping_timeout`.
    public var pingTimeout: Duration?
    /// The most bytes of a message, before and after it is decompressed. Default 10 MiB. Tornado: `max_message_size`.
    public var maxMessageSize = 10_485_760
    /// For `wss`: the authorities that certificates are checked with, and the client's own certificate. Connections can share a
    /// context. Default nil: the system's authorities, and no certificate. Tornado: `ssl_options` of the `HTTPRequest`.
    public var sslOptions: SSLContext?
    /// The proxy that the connection goes through; nil: none. Default: nil. Tornado: `proxy_host` and the other proxy arguments
    /// of the `HTTPRequest`.
    public var proxy: WebSocketProxy?

    public init() {}
}

/// Connects to a WebSocket server. On the thread of `loop`; the connection belongs to it.
///
///     let socket = try await webSocketConnect("ws://127.0.0.1:8888/chat")
///     try await socket.writeMessage("hello")
///     let reply = try await socket.readMessage()
///
/// - Parameters:
///   - url: `ws://host:port/path?query`, or `wss://` for TLS. The server's certificate has to be valid for the host.
///   - options: header fields, subprotocols, compression, limits.
///   - loop: the loop that serves the connection; nil: the calling thread's loop.
///   - resolver: finds the addresses of the host; nil: a resolver of its own.
/// - Throws: `IOError` where the server or the proxy cannot be reached; `SSLError`; `WebSocketError` where `url` is not a
///   WebSocket URL, where the proxy does not connect, and where the server does not accept the handshake (redirects are not
///   followed); `TimeoutError`; `CancellationError`.
///
/// Tornado: `websocket.websocket_connect`.
public func webSocketConnect(
    _ url: String, options: WebSocketClientOptions = WebSocketClientOptions(), loop: IOLoop? = nil,
    resolver: (any Resolver)? = nil
) async throws -> WebSocketClientConnection {
    let loop = try loop ?? IOLoop.current()
    loop.preconditionOnLoop()
    let handshake = try ClientHandshake(url, options)
    let client = TCPClient(loop, resolver: resolver)
    defer { client.close() }
    let start = loop.time()
    let stream = try await client.connect(
        host: options.proxy?.host ?? handshake.host, port: options.proxy?.port ?? handshake.port,
        timeout: options.connectTimeout)
    let left = max(options.connectTimeout - start.duration(to: loop.time()), .milliseconds(1))
    let timer = loop.callLater(left) { stream.close(error: TimeoutError(after: options.connectTimeout)) }
    do {
        if let proxy = options.proxy { try await proxy.connect(stream, to: handshake.host, port: handshake.port) }
        if handshake.isSecure {
            let context = try options.sslOptions ?? SSLContext(SSLOptions(), serverSide: false)
            try await stream.startTLS(context, serverHostname: handshake.host)
        }
        try await stream.write(handshake.request)
        // A server that sends 64 KiB without the end of its head does not speak HTTP.
        let head = try await stream.readUntil("\r\n\r\n", maxBytes: 65_536)
        let agreed = try handshake.check(head)
        loop.removeTimeout(timer)
        return WebSocketClientConnection(stream, agreed, options)
    } catch {
        loop.removeTimeout(timer)
        stream.close()
        if let closed = error as? StreamClosedError, case .error(let reason) = closed.realError { throw reason }
        throw error
    }
}
