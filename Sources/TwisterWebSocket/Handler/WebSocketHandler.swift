import HTTPTypes
import TwisterHTTP
import TwisterIO
@_spi(TwisterServer) public import TwisterWeb

/// Serves a WebSocket. Subclass it, and route it as any other handler:
///
///     final class Echo: WebSocketHandler {
///         override func onMessage(_ message: WebSocketMessage) async throws {
///             try await writeMessage(message)
///         }
///     }
///
/// One handler is made for each connection, on the thread of the loop that serves it. Its functions are called one at a time:
/// while `onMessage` runs, the next message is not read, and flow control slows the client down. When the client disconnects, the
/// task of the function that runs is cancelled.
///
/// An error that one of them throws is logged, and closes the connection with 1011 (internal error). An `HTTPError` is a refusal,
/// whose `detail` is the reason: 400, 422 and `ValidationFailure` become 1007 (invalid payload), 413 becomes 1009 (message too
/// big), 415 becomes 1003 (unsupported data), 503 becomes 1013 (try again later), and the others under 500 become 1008 (policy
/// violation).
///
/// `prepare`, middleware and policies run before the handshake, as for every request, and may refuse it.
///
/// Tornado: `websocket.WebSocketHandler`.
open class WebSocketHandler: RequestHandler {
    /// Nil before the handshake and once the connection is closed.
    final var socket: WebSocketConnection?
    /// State that few connections have; nil: none of it is set.
    final var socketExtras: SocketExtras?

    public required init(_ context: HandlerContext) { super.init(context) }

    // MARK: Functions for subclasses to override

    /// The connection is open. Messages are read once this has returned, or while it iterates over `messages`. The groups of
    /// the route's pattern are in `pathArguments`. Tornado: `WebSocketHandler.open`.
    open func open() async throws {}

    /// A message has come. Tornado: `WebSocketHandler.on_message`.
    open func onMessage(_ message: WebSocketMessage) async throws {
        throw WebSocketError(
            description: "\(type(of: self)) gets a message, and neither overrides onMessage nor reads `messages`")
    }

    /// The connection is closed. Called exactly once, as the last of the handler's functions. `closeCode` and `closeReason` say
    /// how the client has closed it. Tornado: `WebSocketHandler.on_close`.
    open func onClose() async {}

    /// The client has sent a ping, to which the pong was sent already. Tornado: `WebSocketHandler.on_ping`.
    open func onPing(_ data: [UInt8]) async throws {}

    /// The pong for a ping has come. Tornado: `WebSocketHandler.on_pong`.
    open func onPong(_ data: [UInt8]) async throws {}

    /// Whether pages of that origin may connect; if not, the response is 403. Requests without an origin do not come from
    /// pages, and are not checked. Default: only pages of the same host and port may connect.
    ///
    /// - Parameter origin: the value of `Origin`, such as `https://example.com`.
    ///
    /// Tornado: `WebSocketHandler.check_origin`.
    open func checkOrigin(_ origin: String) -> Bool { Self.isSameHost(origin, request.host) }

    /// The subprotocol to speak, one of those that the client offers; nil: none. Default: none.
    ///
    /// Tornado: `WebSocketHandler.select_subprotocol`.
    open func selectSubprotocol(_ subprotocols: [String]) -> String? { nil }

    /// How messages are compressed, where the client can do that; nil: not at all. Default: nil.
    ///
    /// Tornado: `WebSocketHandler.get_compression_options`.
    open func getCompressionOptions() -> WebSocketCompression? { nil }

    /// The most bytes of a message, before and after it is decompressed; a longer one closes the connection with 1009.
    /// Default: the setting `webSocketMaxMessageSize`, 10 MiB. Tornado: `WebSocketHandler.max_message_size`.
    open var maxMessageSize: Int { application.settings.webSocketMaxMessageSize }

    /// The time between two pings to the client; nil: none are sent. Default: the setting `webSocketPingInterval`.
    ///
    /// Tornado: `WebSocketHandler.ping_interval`.
    open var pingInterval: Duration? { application.settings.webSocketPingInterval }

    /// How long the client may take for the pong before its connection is closed; nil: as long as the interval. Default: the
    /// setting `webSocketPingTimeout`. Tornado: `WebSocketHandler.ping_timeout`.
    open var pingTimeout: Duration? { application.settings.webSocketPingTimeout }

    /// The topics of `subscribe` and `publish`. Default: `WebSocketTopics.shared`.
    open var topics: WebSocketTopics { .shared }

    /// Whether messages are given to `onMessageStream` piece by piece, instead of `onMessage` as a whole. Default false.
    open var streamsMessages: Bool { false }

    /// Gets the pieces of a message, with `streamsMessages`. The message may be of any size, and `maxMessageSize` does not
    /// apply. While nobody waits for the next piece, flow control slows the client down. Pieces that are unread when this
    /// returns are dropped.
    open func onMessageStream(_ message: WebSocketMessageStream) async throws {
        throw WebSocketError(
            description: "\(type(of: self)) has streamsMessages, and does not override onMessageStream")
    }

    /// Whether `request` may be used after `open` has returned, and with it everything that reads the request: header fields,
    /// cookies, query arguments. Default true.
    ///
    /// A class that returns false saves about half of the memory for each idle connection. Its handlers keep what they need of
    /// the request in variables of their own; where they use `request` later, the program ends with a message. The groups of
    /// the route's pattern (`pathArguments`), `logger` and `loop` can be used in any case.
    open class var keepsRequest: Bool { true }

    // MARK: What is known of the connection

    /// The subprotocol that was chosen; nil: none. Tornado: `WebSocketHandler.selected_subprotocol`.
    public final var selectedSubprotocol: String? { socketExtras?.subprotocol }

    /// The code with which the client has closed the connection; nil: it has not closed it, or has given no code.
    /// Tornado: `close_code`.
    public final var closeCode: WebSocketCloseCode? { socketExtras?.peerClose?.code ?? socket?.rare?.peerClose?.code }

    /// The reason that the client has given; nil: none. Tornado: `close_reason`.
    public final var closeReason: String? {
        let reason = socketExtras?.peerClose?.reason ?? socket?.rare?.peerClose?.reason
        return reason?.isEmpty == false ? reason : nil
    }

    /// Whether messages can be sent.
    public final var isOpen: Bool { socket?.phase == .open }

    // MARK: The request

    /// Responds to the handshake. Tornado: `WebSocketHandler.get`.
    public final override func get() async throws { try upgrade() }

    /// A handshake is a GET, so that HEAD is refused with 405.
    public final override func head() async throws { throw HTTPError(.methodNotAllowed) }

    @_spi(TwisterServer) public final override class var servesHead: Bool { false }
}

/// State that few WebSockets have.
final class SocketExtras {
    var subprotocol: String?
    /// How the peer has closed, once the connection is closed.
    var peerClose: CloseFrame?
}

extension WebSocketHandler {
    final var madeSocketExtras: SocketExtras {
        if let socketExtras { return socketExtras }
        let made = SocketExtras()
        socketExtras = made
        return made
    }
}

extension WebSocketHandler: SocketOwner {
    final func handle(_ event: SocketEvent) async throws {
        switch event {
        case .opened:
            // The functions that made the handshake, and held the head, have returned by now.
            request.connection.shrink()
            try await open()
            if !Self.keepsRequest { releaseRequest(within: 4) }
        case .message(let message):
            // Middleware may have held the exchange for longer.
            if !Self.keepsRequest, !isRequestReleased { releaseRequest() }
            try await onMessage(message)
        case .stream(let message): try await onMessageStream(message)
        case .ping(let data): try await onPing(data)
        case .pong(let data): try await onPong(data)
        case .closed:
            if let frame = socket?.rare?.peerClose { madeSocketExtras.peerClose = frame }
            socket = nil
            await onClose()
        }
    }

    /// Releases the exchange as soon as the connection no longer holds it, which leaves HTTP in the same turn.
    private func releaseRequest(within turns: Int) {
        releaseRequest()
        guard !isRequestReleased, turns > 0 else { return }
        loop.addLocalCallback { [self] in releaseRequest(within: turns - 1) }
    }

    final func handlingFailed(_ error: any Error) -> CloseFrame {
        let error = ClientValue.refusal(of: error) ?? error
        logException(error)
        return (error as? HTTPError).map { CloseFrame($0) } ?? CloseFrame(code: .internalError)
    }

    final func shutdownBegan() { onShutdown() }
}
