import Logging
import TwisterHTTP
import TwisterIO
import TwisterWeb

/// Sending.
extension WebSocketHandler {
    /// Sends a message, and waits while the client has more than 64 KiB to take, while a long message is being compressed,
    /// and while another one is sent in pieces.
    ///
    /// - Throws: `WebSocketClosedError` once the connection is closed or closing; `CancellationError` where the task is cancelled
    ///   while it waits. The message is sent nevertheless, unless it still waited for another message.
    ///
    /// Tornado: `WebSocketHandler.write_message`.
    public final func writeMessage(_ message: WebSocketMessage) async throws {
        try await openSocket().send(message)
    }

    /// Sends text. Throws as `writeMessage` for a message. Tornado: `WebSocketHandler.write_message`.
    public final func writeMessage(_ text: String) async throws { try await writeMessage(.text(text)) }

    /// Sends bytes. Throws as `writeMessage` for a message. Tornado: `write_message(message, binary=True)`.
    public final func writeMessage(_ bytes: [UInt8]) async throws { try await writeMessage(.binary(bytes)) }

    /// Sends a value as JSON in a text message, by the encoder of the setting `jsonEncoder`. Throws `EncodingError`, and as
    /// `writeMessage` for a message. Tornado: `write_message(dict)`.
    public final func writeMessage(json value: some Encodable) async throws {
        let json = try application.settings.encodeJSON(value)
        try await writeMessage(.text(String(decoding: json, as: UTF8.self)))
    }

    /// Sends a ping. `onPong` is called with its data when the pong has come.
    ///
    /// - Parameter data: at most 125 bytes.
    /// - Throws: `WebSocketClosedError`; `WebSocketError` where there is too much data.
    ///
    /// Tornado: `WebSocketHandler.ping`.
    public final func ping(_ data: [UInt8] = []) throws { try openSocket().ping(data) }

    /// Begins to close the connection: the client gets a close frame, and has 5 s to send its own. Ignored once the connection
    /// is closed.
    ///
    /// - Parameters:
    ///   - code: why the connection is closed; nil: none is sent, but for 1000 with a reason, which needs a code
    ///     (RFC 6455, 5.5.1). A code that must not be sent (such as 1006) becomes 1011, and the log says so.
    ///   - reason: at most 123 bytes in UTF-8; the rest is cut.
    ///
    /// Tornado: `WebSocketHandler.close`.
    public final func close(_ code: WebSocketCloseCode? = nil, _ reason: String? = nil) {
        checkThread("WebSocketHandler.close")
        guard let socket else { return }
        var code = code
        if let wrong = code, !wrong.mayBeSent {
            logger.error("close(\(wrong)): the code must not be sent; it becomes 1011")
            code = .internalError
        }
        // A reason needs a code (RFC 6455, 5.5.1).
        if code == nil, reason != nil { code = .normal }
        socket.close(CloseFrame(code: code, reason: reason ?? ""))
    }

    /// Whether small messages go out at once (`TCP_NODELAY`). On by default. Tornado: `WebSocketHandler.set_nodelay`.
    ///
    /// - Throws: `IOError`, `WebSocketClosedError`.
    public final func setNodelay(_ isOn: Bool) throws { try openSocket().stream.setNoDelay(isOn) }

    final func openSocket() throws -> WebSocketConnection {
        checkThread("WebSocketHandler")
        guard let socket else {
            let peer = socketExtras?.peerClose
            throw WebSocketClosedError(code: peer?.code, reason: peer?.reason)
        }
        return socket
    }
}

extension WebSocketConnection {
    func ping(_ data: [UInt8]) throws {
        guard phase == .open else { throw closedError }
        guard data.count <= 125 else {
            throw WebSocketError(description: "a ping has at most 125 bytes, not \(data.count)")
        }
        sendControl(.ping, data)
    }
}
