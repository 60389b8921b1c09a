import TwisterIO

/// The client's side of a WebSocket. It belongs to the loop that it was made on.
///
/// Tornado: `websocket.WebSocketClientConnection`.
public final class WebSocketClientConnection {
    private var socket: WebSocketConnection?
    /// The message that has come and that nobody has read yet, and the handler's side, which waits until somebody reads it.
    private var unread: WebSocketMessage?
    private var unreadTaken: LoopWaiter<Void>?
    private var peerClose: CloseFrame?
    private let loop: IOLoop
    /// The subprotocol that the server has chosen; nil: none. Tornado: `selected_subprotocol`.
    public let selectedSubprotocol: String?
    /// Called for each pong, with its data. Tornado: `on_pong`.
    public var onPong: (([UInt8]) -> Void)?
    /// Called for each ping, with its data; the pong is sent anyhow. Tornado: `on_ping`.
    public var onPing: (([UInt8]) -> Void)?

    init(_ stream: IOStream, _ agreed: ClientHandshake.Agreement, _ options: WebSocketClientOptions) {
        loop = stream.loop
        selectedSubprotocol = agreed.subprotocol
        var compression: MessageCompression?
        if let deflate = agreed.deflate, let compressing = options.compression {
            compression = MessageCompression(deflate, compressing, isServer: false, stream.loop)
        }
        let socket = WebSocketConnection(
            stream, self, server: nil, number: 0, compression: compression, maxMessageSize: options.maxMessageSize)
        self.socket = socket
        stream.consumer = socket
        let keepAlive = options.pingInterval.map {
            KeepAlive(interval: $0, timeout: options.pingTimeout ?? $0, now: stream.now)
        }
        socket.start(keepAlive: keepAlive)
    }

    // MARK: Reading

    /// The next message; nil once the connection is closed. While nobody reads, at most one message is held in memory, and the
    /// flow control of TCP slows the server down.
    ///
    /// - Throws: `CancellationError`; `WebSocketError` where another task reads already.
    ///
    /// Tornado: `WebSocketClientConnection.read_message`.
    public func readMessage() async throws -> WebSocketMessage? {
        loop.preconditionOnLoop()
        if let unread = unread.take() {
            unreadTaken.take()?.resume(with: .success(()))
            return unread
        }
        return try await socket?.nextMessage()
    }

    /// The messages as they come. The sequence ends when the connection does.
    public var messages: WebSocketMessages { WebSocketMessages { [self] in try await readMessage() } }

    // MARK: Sending

    /// Sends a message, and waits while the server does not take what was sent before.
    ///
    /// - Throws: `WebSocketClosedError`, `CancellationError`.
    ///
    /// Tornado: `WebSocketClientConnection.write_message`.
    public func writeMessage(_ message: WebSocketMessage) async throws { try await openSocket().send(message) }

    /// Sends text. Throws as for a message.
    public func writeMessage(_ text: String) async throws { try await writeMessage(.text(text)) }

    /// Sends bytes. Throws as for a message.
    public func writeMessage(_ bytes: [UInt8]) async throws { try await writeMessage(.binary(bytes)) }

    /// Begins a message that is sent in pieces; see `WebSocketHandler.beginMessage`.
    ///
    /// - Parameter isText: whether the message is a text. Default false: it is binary.
    /// - Throws: `WebSocketClosedError`, `CancellationError`.
    public func beginMessage(isText: Bool = false) async throws -> WebSocketMessageWriter {
        try await WebSocketMessageWriter.begin(openSocket(), isText: isText)
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// - Throws: `WebSocketClosedError`, `WebSocketError`.
    ///
    /// Tornado: `WebSocketClientConnection.ping`.
    public func ping(_ data: [UInt8] = []) throws { try openSocket().ping(data) }

    private func openSocket() throws -> WebSocketConnection {
        loop.preconditionOnLoop()
        guard let socket else { throw WebSocketClosedError(code: peerClose?.code, reason: peerClose?.reason) }
        return socket
    }

    // MARK: The end

    /// Begins to close the connection. Ignored once the connection is closed. Tornado: `WebSocketClientConnection.close`.
    public func close(_ code: WebSocketCloseCode? = nil, _ reason: String? = nil) {
        loop.preconditionOnLoop()
        let sent = code.map { $0.mayBeSent ? $0 : .internalError } ?? (reason == nil ? nil : .normal)
        socket?.close(CloseFrame(code: sent, reason: reason ?? ""))
    }

    /// The code with which the server has closed the connection; nil: it has not closed it, or has given no code.
    /// Tornado: `close_code`.
    public var closeCode: WebSocketCloseCode? { peerClose?.code ?? socket?.rare?.peerClose?.code }

    /// The reason that the server has given. Tornado: `close_reason`.
    public var closeReason: String? { peerClose?.reason ?? socket?.rare?.peerClose?.reason }
}

extension WebSocketClientConnection: SocketOwner {
    func handle(_ event: SocketEvent) async throws {
        switch event {
        case .opened, .stream: break
        case .message(let message): try await hold(message)
        case .ping(let data): onPing?(data)
        case .pong(let data): onPong?(data)
        case .closed:
            peerClose = socket?.rare?.peerClose
            socket = nil
        }
    }

    /// Keeps a message until somebody reads it. The next one is not read from the stream meanwhile.
    private func hold(_ message: WebSocketMessage) async throws {
        unread = message
        let waiter = LoopWaiter<Void>(loop) { [weak self] in self?.unreadTaken = nil }
        try await waiter.value { unreadTaken = waiter }
    }

    func handlingFailed(_ error: any Error) -> CloseFrame { CloseFrame(code: .internalError) }
    func shutdownBegan() {}
    var cancelsOnDisconnect: Bool { true }
}
