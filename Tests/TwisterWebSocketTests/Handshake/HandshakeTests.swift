import HTTPTypes
import Testing
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

private final class SubprotocolHandler: WebSocketHandler {
    override func selectSubprotocol(_ subprotocols: [String]) -> String? {
        ["chat.v2", "chat.v1"].first { subprotocols.contains($0) }
    }
    override func open() async throws { try await writeMessage(selectedSubprotocol ?? "none") }
}

private final class WrongSubprotocolHandler: WebSocketHandler {
    override func selectSubprotocol(_ subprotocols: [String]) -> String? { "other" }
}

private final class TrustingHandler: WebSocketHandler {
    override func checkOrigin(_ origin: String) -> Bool {
        origin == "https://trusted.example" || super.checkOrigin(origin)
    }
}

private final class RefusingHandler: WebSocketHandler {
    override func prepare() async throws { throw HTTPError(.unauthorized) }
}

@Suite("Handshake")
struct HandshakeTests {
    private let routes = [
        URLSpec("/", EchoHandler.self), URLSpec("/sub", SubprotocolHandler.self),
        URLSpec("/wrong", WrongSubprotocolHandler.self), URLSpec("/trusted", TrustingHandler.self),
        URLSpec("/refuse", RefusingHandler.self), URLSpec("/deflate", DeflateHandler.self),
    ]

    private func respond(_ port: UInt16, _ request: String) throws -> TestClient.Response {
        let client = try TestClient(port: port)
        try client.send(request)
        return try client.receiveResponse(toHead: request.hasPrefix("HEAD"))
    }

    @Test("WS-14: a handshake is accepted, with what the client sent behind it")
    func accepted() async throws {
        try await onBothBackends(routes) { port in
            let client = try TestClient(port: port)
            try client.send(Array(SocketClient.request("/").utf8) + SocketClient.frame(1, Array("early".utf8)))
            let response = try client.receiveResponse()
            #expect(response.status == 101)
            #expect(response.field("Upgrade") == "websocket")
            #expect(response.field("Connection") == "Upgrade")
            #expect(response.field("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            #expect(response.field("Content-Type") == nil)
            #expect(try client.receive() == [0x81, 5] + Array("early".utf8))
        }
    }

    @Test("WS-14: a client may list other protocols beside the WebSocket")
    func severalProtocols() async throws {
        try await onBothBackends(routes) { port in
            for list in ["h2c, websocket", "WebSocket,TLS/1.0", ", websocket"] {
                let request = SocketClient.request("/").replacing("Upgrade: websocket", with: "Upgrade: \(list)")
                let response = try respond(port, request)
                #expect(response.status == 101 && response.field("Upgrade") == "websocket", "\(list)")
            }
            for list in ["websocket/13", "h2c", "web socket"] {
                let request = SocketClient.request("/").replacing("Upgrade: websocket", with: "Upgrade: \(list)")
                #expect(try respond(port, request).status == 400, "\(list)")
            }
        }
    }

    @Test("WS-14: malformed handshakes get Tornado's responses, and the connection goes on")
    func refused() async throws {
        try await onBothBackends(routes) { port in
            let good = SocketClient.request("/")
            func without(_ field: String) -> String {
                good.split(separator: "\r\n", omittingEmptySubsequences: false)
                    .filter { !$0.hasPrefix(field + ":") }.joined(separator: "\r\n")
            }
            let plain = try respond(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(plain.status == 400)
            #expect(plain.text == "Can \"Upgrade\" only to \"WebSocket\".")
            #expect(try respond(port, without("Upgrade")).status == 400)
            #expect(try respond(port, without("Connection")).text == "\"Connection\" must be \"Upgrade\".")
            #expect(try respond(port, without("Sec-WebSocket-Key")).text == "Missing/Invalid WebSocket headers")
            let version = try respond(port, without("Sec-WebSocket-Version"))
            #expect(version.status == 426)
            #expect(version.field("Sec-WebSocket-Version") == "7, 8, 13")
            #expect(version.field("Upgrade") == "websocket" && version.field("Connection") == "Upgrade")
            #expect(try respond(port, good.replacing("Version: 13", with: "Version: 14")).status == 426)
            #expect(try respond(port, good.replacing("HTTP/1.1", with: "HTTP/1.0")).status == 400)
            let head = try respond(port, good.replacing("GET", with: "HEAD"))
            #expect(head.status == 405 && head.field("Allow") == "GET, OPTIONS")
            // `Allow` says the same in every response.
            for method in ["POST", "OPTIONS"] {
                let other = try respond(port, good.replacing("GET", with: method))
                #expect(other.status == (method == "POST" ? 405 : 204) && other.field("Allow") == "GET, OPTIONS")
            }
            #expect(try SocketClient(port, "/refuse").response.status == 401)
            let malformed = try SocketClient(port, "/deflate", fields: "Sec-WebSocket-Extensions: a b\r\n")
            #expect(malformed.response.status == 400)
        }
    }

    @Test("WS-7: only pages of this host, or that checkOrigin lets pass, may connect")
    func origins() async throws {
        try await onBothBackends(routes) { port in
            func status(_ path: String, _ origin: String) throws -> Int {
                try SocketClient(port, path, fields: "Origin: \(origin)\r\n").response.status
            }
            #expect(try status("/", "http://a") == 101)
            #expect(try status("/", "http://A") == 101)
            #expect(try status("/", "http://b") == 403)
            #expect(try status("/", "http://a:81") == 403)
            #expect(try status("/", "null") == 403)
            #expect(try status("/", "http://a@b") == 403)
            // The Kelvin sign is "k" in lower case.
            #expect(!WebSocketHandler.isSameHost("http://\u{212A}", "k"))
            #expect(try status("/trusted", "https://trusted.example") == 101)
            #expect(try status("/trusted", "https://other.example") == 403)
            let old = try SocketClient(port, "/", fields: "Sec-WebSocket-Origin: http://b\r\n")
            #expect(old.response.status == 403)
        }
    }

    @Test("WS-8: a subprotocol is chosen from those that the client offers")
    func subprotocols() async throws {
        try await onBothBackends(routes) { port in
            let both = try SocketClient(port, "/sub", fields: "Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n")
            #expect(both.response.field("Sec-WebSocket-Protocol") == "chat.v2")
            #expect(try both.receiveText() == "chat.v2")
            // A combining character does not hide a comma.
            let marked = try SocketClient(
                port, "/sub", fields: "Sec-WebSocket-Protocol: a\u{600},chat.v1,\u{301}b\r\n")
            #expect(marked.response.field("Sec-WebSocket-Protocol") == "chat.v1")
            let none = try SocketClient(port, "/sub")
            #expect(none.response.field("Sec-WebSocket-Protocol") == nil)
            #expect(try none.receiveText() == "none")
            let wrong = try SocketClient(port, "/wrong", fields: "Sec-WebSocket-Protocol: chat\r\n")
            #expect(wrong.response.status == 500)
        }
    }
}
