import TwisterCodec
import TwisterIO

/// The client's side of the handshake (RFC 6455, 4.1).
struct ClientHandshake {
    let host: String
    let port: UInt16
    /// Whether the connection has TLS: `wss`.
    let isSecure: Bool
    /// The request's head.
    let request: String
    private let key = AcceptKey.new()
    private let options: WebSocketClientOptions

    /// What the server has agreed to.
    struct Agreement {
        var subprotocol: String?
        var deflate: DeflateParameters?
    }

    /// - Throws: `WebSocketError` for a URL that is none, and for fields that would break the head.
    init(_ url: String, _ options: WebSocketClientOptions) throws {
        self.options = options
        isSecure = url.lowercased().hasPrefix("wss://")
        guard isSecure || url.lowercased().hasPrefix("ws://"), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw WebSocketError(description: "no URL of a WebSocket: \(url.debugDescription)")
        }
        let rest = url.dropFirst(isSecure ? 6 : 5).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        var target = String(rest.dropFirst(authority.count))
        if !target.hasPrefix("/") { target = "/" + target }
        (host, port) = try Self.hostAndPort(authority, url, usual: isSecure ? 443 : 80)
        var head = "GET \(target) HTTP/1.1\r\nHost: \(authority)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n"
        if !options.subprotocols.isEmpty {
            head += try Self.line("Sec-WebSocket-Protocol", options.subprotocols.joined(separator: ", "))
        }
        if let compression = options.compression {
            head += try Self.line("Sec-WebSocket-Extensions", DeflateParameters.offer(compression))
        }
        for (name, value) in options.headers { head += try Self.line(name, value) }
        request = head + "\r\n"
    }

    private static func hostAndPort(_ authority: Substring, _ url: String, usual: UInt16) throws -> (String, UInt16) {
        let invalid = WebSocketError(description: "no URL of a WebSocket: \(url.debugDescription)")
        guard !authority.isEmpty, !authority.contains("@") else { throw invalid }
        // The colons of an IPv6 address stand in brackets.
        let afterHost = authority.hasPrefix("[") ? authority.firstIndex(of: "]") : authority.startIndex
        guard let afterHost else { throw invalid }
        let colon = authority[afterHost...].firstIndex(of: ":")
        var host = String(authority[..<(colon ?? authority.endIndex)])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { throw invalid }
        guard let colon else { return (host, usual) }
        guard let port = UInt16(authority[authority.index(after: colon)...]) else { throw invalid }
        return (host, port)
    }

    private static func line(_ name: String, _ value: String) throws -> String {
        let isName = !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
        guard isName, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw WebSocketError(description: "a field that would break the request: \(name.debugDescription)")
        }
        return "\(name): \(value)\r\n"
    }

    /// Checks the server's response.
    ///
    /// - Throws: `WebSocketError` where the handshake is not accepted, or not as it was offered.
    func check(_ head: [UInt8]) throws -> Agreement {
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let statusLine = lines.first ?? ""
        guard statusLine.hasPrefix("HTTP/1.1 ") else { throw refusal("the response is not HTTP/1.1") }
        guard statusLine.dropFirst(9).hasPrefix("101") else {
            throw refusal("the server responds with \(statusLine.dropFirst(9))")
        }
        func values(_ name: String) -> [String] {
            lines.dropFirst().compactMap { line in
                guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else { return nil }
                return WebSocketHandler.trimmed(line[line.index(after: colon)...])
            }
        }
        guard values("upgrade").map({ $0.lowercased() }) == ["websocket"] else {
            throw refusal("the response does not upgrade")
        }
        let options = values("connection").flatMap { $0.split(separator: ",") }
        guard options.contains(where: { WebSocketHandler.trimmed($0).lowercased() == "upgrade" }) else {
            throw refusal("the response does not upgrade")
        }
        guard values("sec-websocket-accept") == [AcceptKey.response(to: key)] else {
            throw refusal("the response is to another key")
        }
        return Agreement(
            subprotocol: try subprotocol(values("sec-websocket-protocol")),
            deflate: try deflate(values("sec-websocket-extensions")))
    }

    private func subprotocol(_ values: [String]) throws -> String? {
        guard let chosen = values.first else { return nil }
        guard values.count == 1, options.subprotocols.contains(chosen) else {
            throw refusal("the server chooses a subprotocol that was not offered")
        }
        return chosen
    }

    private func deflate(_ values: [String]) throws -> DeflateParameters? {
        guard !values.isEmpty else { return nil }
        guard let list = ExtensionList(values.joined(separator: ",")), list.extensions.count == 1,
            let accepted = list.extensions.first, accepted.name == DeflateParameters.name,
            let compression = options.compression,
            let parameters = DeflateParameters(response: accepted.parameters, compression)
        else { throw refusal("the server accepts an extension that was not offered so") }
        return parameters
    }

    private func refusal(_ reason: String) -> WebSocketError {
        WebSocketError(description: "the handshake is not accepted: \(reason)")
    }
}
