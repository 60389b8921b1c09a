import HTTPTypes
import Logging
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterWeb

/// The server's side of the handshake (RFC 6455, 4.2; over HTTP/2: RFC 8441, 5). The responses to malformed ones are Tornado's.
extension WebSocketHandler {
    /// Responds to the request, with 101 where it is a handshake that is accepted, and with 200 over HTTP/2.
    final func upgrade() throws {
        if request.connection.opensWebSocket { return try openOverHTTP2() }
        let headers = request.headers
        // A client may list other protocols, too (RFC 9110, 7.8).
        guard headers[.upgrade]?.withOctets({ TokenList.contains($0, "websocket") }) == true else {
            return refuse(.badRequest, "Can \"Upgrade\" only to \"WebSocket\".")
        }
        // Browsers and proxies send other options, too.
        guard headers[.connection]?.withOctets({ TokenList.contains($0, "upgrade") }) == true else {
            return refuse(.badRequest, "\"Connection\" must be \"Upgrade\".")
        }
        guard isOriginAllowed(headers) else { return refuse(.forbidden, "Cross origin websockets not allowed") }
        guard isVersionKnown(headers) else {
            setStatus(426, reason: "Upgrade Required")
            try setHeader(.secWebSocketVersion, Self.versions.joined(separator: ", "))
            try setHeader(.upgrade, "websocket")
            // The sender of `Upgrade` names it there (RFC 9110, 7.8).
            try setHeader(.connection, "Upgrade")
            return finish()
        }
        guard let key = headers[.secWebSocketKey], AcceptKey.isKey(key) else {
            return refuse(.badRequest, "Missing/Invalid WebSocket headers")
        }
        try accept(key)
    }

    /// Responds to extended CONNECT, which says by itself what the fields `Upgrade`, `Connection` and `Sec-WebSocket-Key` say in
    /// HTTP/1.1.
    private func openOverHTTP2() throws {
        let headers = request.headers
        guard isOriginAllowed(headers) else { return refuse(.forbidden, "Cross origin websockets not allowed") }
        guard isVersionKnown(headers) else {
            // 426 needs the field Upgrade (RFC 9110, 15.5.22), which HTTP/2 does not have.
            try setHeader(.secWebSocketVersion, Self.versions.joined(separator: ", "))
            return refuse(.badRequest, "\"Sec-WebSocket-Version\" must be 13.")
        }
        try accept(nil)
    }

    private static var versions: [String] { ["7", "8", "13"] }

    private func isVersionKnown(_ headers: HTTPHeaders) -> Bool {
        headers[.secWebSocketVersion].map { Self.versions.contains(Self.trimmed($0[...])) } ?? false
    }

    private func isOriginAllowed(_ headers: HTTPHeaders) -> Bool {
        (headers[.origin] ?? headers[.secWebSocketOrigin]).map { checkOrigin($0) } ?? true
    }

    private func refuse(_ status: HTTPResponse.Status, _ text: String) {
        setStatus(status)
        finish(text)
        logger.debug("\(text)")
    }

    /// - Parameter key: the client's `Sec-WebSocket-Key`; nil over HTTP/2, which has none.
    private func accept(_ key: String?) throws {
        let compression: MessageCompression?
        switch try agreeOnCompression() {
        case .failure: return refuse(.badRequest, "Missing/Invalid WebSocket headers")
        case .success(let agreed): compression = agreed
        }
        try agreeOnSubprotocol()
        clearHeader(.contentType)
        if let key {
            try setHeader(.upgrade, "websocket")
            try setHeader(.connection, "Upgrade")
            try setHeader(.secWebSocketAccept, AcceptKey.response(to: key))
        }
        let keepAlive = pingInterval.flatMap { interval in
            interval > .zero
                ? KeepAlive(interval: interval, timeout: pingTimeout ?? interval, now: loop.turnTime) : nil
        }
        guard let handed = request.connection.switchProtocol() else {
            guard !isFinished else { return }
            clear()
            return refuse(.badRequest, "WebSockets need HTTP/1.1")
        }
        let socket = WebSocketConnection(
            handed.stream, self, server: handed.host, number: handed.predecessor.number, compression: compression,
            maxMessageSize: maxMessageSize, streamsMessages: streamsMessages)
        self.socket = socket
        socket.takeOver(handed)
        socket.start(keepAlive: keepAlive)
        if handed.host.isShuttingDown { socket.drain() }
    }

    private func agreeOnSubprotocol() throws {
        let offered = TokenList.elements(of: request.headers[.secWebSocketProtocol] ?? "")
        guard let chosen = selectSubprotocol(offered) else { return }
        guard offered.contains(chosen) else {
            throw WebSocketError(
                description: "selectSubprotocol returned \(chosen), which the client does not offer: \(offered)")
        }
        try setHeader(.secWebSocketProtocol, chosen)
        madeSocketExtras.subprotocol = chosen
    }

    private struct MalformedExtensions: Error {}

    private func agreeOnCompression() throws -> Result<MessageCompression?, MalformedExtensions> {
        guard let text = request.headers[.secWebSocketExtensions] else { return .success(nil) }
        guard let offers = ExtensionList(text) else { return .failure(MalformedExtensions()) }
        guard let options = getCompressionOptions(), let agreed = DeflateParameters.accept(offers, options) else {
            return .success(nil)
        }
        try setHeader(.secWebSocketExtensions, agreed.response)
        return .success(MessageCompression(agreed.parameters, options, isServer: true, loop))
    }

    static func trimmed(_ text: Substring) -> String {
        let isBlank = { (octet: UInt8) in octet == UInt8(ascii: " ") || octet == UInt8(ascii: "\t") }
        var octets = text.utf8.drop(while: isBlank)
        while let last = octets.last, isBlank(last) { octets.removeLast() }
        return String(Substring(octets))
    }

    /// Whether the origin's host and port are those of `host`. Octets are compared: of a `String`, a slash and a combining
    /// character behind it are one `Character`, which is not equal to a slash, and some letters beyond ASCII are "k" and "i" in
    /// lower case.
    static func isSameHost(_ origin: String, _ host: String) -> Bool {
        guard origin.utf8.allSatisfy({ $0 < 0x80 }), let colon = origin.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            return false
        }
        let rest = origin.utf8[colon...].dropFirst()
        guard rest.starts(with: "//".utf8) else { return false }
        let authority = rest.dropFirst(2).prefix { !"/?#".utf8.contains($0) }
        return !authority.isEmpty && Substring(authority).lowercased() == host.lowercased()
    }
}

extension HTTPField.Name {
    /// As early versions of the protocol have it.
    static var secWebSocketOrigin: HTTPField.Name { HTTPField.Name("Sec-WebSocket-Origin") ?? .origin }
}
