/// The WebSocket is closed, or about to be: nothing can be sent any more. Tornado: `websocket.WebSocketClosedError`.
public struct WebSocketClosedError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The code that the peer has closed with; nil where it has sent none.
    public let code: WebSocketCloseCode?
    /// The reason that the peer has given.
    public let reason: String?

    /// - Parameters:
    ///   - code: the peer's code.
    ///   - reason: the peer's reason.
    public init(code: WebSocketCloseCode? = nil, reason: String? = nil) {
        self.code = code
        self.reason = reason
    }

    public var description: String {
        "the WebSocket is closed\(code.map { ", by its peer with \($0)" } ?? "")"
    }
}

/// A call that a WebSocket cannot fulfil. Tornado: `websocket.WebSocketError`.
public struct WebSocketError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}
