import TwisterIO

/// An HTTP proxy that a WebSocket client connects through, by `CONNECT` (RFC 9110, 9.3.6).
///
/// Tornado: `proxy_host`, `proxy_port`, `proxy_username` and `proxy_password` of the `HTTPRequest`.
public struct WebSocketProxy: Sendable, Hashable {
    /// A name or a numeric address.
    public var host: String
    /// The port that it listens on.
    public var port: UInt16
    /// The name that the client logs in with; nil: it does not log in. It holds no colon.
    public var username: String?
    /// The password that belongs to the name; nil: an empty one.
    public var password: String?

    /// - Parameters:
    ///   - host: a name or a numeric address.
    ///   - port: the proxy's port.
    ///   - username: nil: the client does not log in.
    ///   - password: nil: an empty one.
    public init(host: String, port: UInt16, username: String? = nil, password: String? = nil) {
        self.host = host
        self.port = port
        self.username = username
        self.password = password
    }

    /// Has the proxy connect the stream to a server.
    ///
    /// - Throws: `WebSocketError` where the proxy does not; `StreamClosedError`.
    func connect(_ stream: IOStream, to host: String, port: UInt16) async throws {
        let target = "\(host.contains(":") ? "[\(host)]" : host):\(port)"
        var head = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
        if let username {
            guard !username.contains(":") else {
                throw WebSocketError(description: "the proxy's username holds a colon")
            }
            let credentials = AcceptKey.base64(Array("\(username):\(password ?? "")".utf8))
            head += "Proxy-Authorization: Basic \(credentials)\r\n"
        }
        try await stream.write(head + "\r\n")
        let response = String(decoding: try await stream.readUntil("\r\n\r\n", maxBytes: 65_536), as: UTF8.self)
        let statusLine = response.prefix { $0 != "\r\n" }
        guard statusLine.hasPrefix("HTTP/1."), statusLine.dropFirst(8).hasPrefix(" 2") else {
            throw WebSocketError(description: "the proxy does not connect to \(target): \(statusLine)")
        }
    }
}
