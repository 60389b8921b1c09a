import HTTPTypes
import Testing
import TwisterHTTP
import TwisterHTTP2
import TwisterIO
import TwisterTestSupport
import TwisterWeb
import TwisterWebSocket

/// Sends each message back, compressed where the client can do that.
final class TunnelEcho: WebSocketHandler {
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression() }
    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(message) }
}

private final class Introduced: WebSocketHandler {
    override func selectSubprotocol(_ subprotocols: [String]) -> String? {
        ["chat.v2", "chat.v1"].first { subprotocols.contains($0) }
    }
    override func open() async throws {
        let name = request.cookies["name"] ?? "-"
        try await writeMessage(
            "\(request.method) \(request.version) \(request.uri) \(request.host) \(name) \(selectedSubprotocol ?? "none")"
        )
    }
}

private final class Refusing: WebSocketHandler {
    override func prepare() async throws { throw HTTPError(.unauthorized) }
}

private final class Plain: RequestHandler {
    override func get() async throws { write("plain") }
    override func post() async throws { write("posted") }
}

private final class Streaming: RequestHandler {
    override func get() async throws {
        for _ in 0..<100 {
            write(String(repeating: "x", count: 10_000))
            try await flush()
        }
    }
}

/// Writes for long, and waits for nothing but its client.
private final class Talker: RequestHandlerWith<Notes> {
    override func get() async throws {
        do {
            for _ in 0..<1_000_000 {
                write("more")
                try await flush()
            }
            state.note("wrote everything")
        } catch {
            state.note("over")
            throw error
        }
    }
}

@Suite("HTTP/2: the handshake of WebSockets (RFC 8441)")
struct WebSocketHandshakeTests {
    private func routes() throws -> Application {
        try Application([
            URLSpec("/", TunnelEcho.self), URLSpec("/introduced/(.*)", Introduced.self),
            URLSpec("/refusing", Refusing.self), URLSpec("/plain", Plain.self), URLSpec("/streaming", Streaming.self),
            URLSpec(.get, "/closure") { _ in "text" },
        ])
    }

    private func response(
        _ client: FrameClient, _ stream: UInt32, _ path: String = "/", _ fields: [(String, String)] = []
    ) throws -> FrameClient.Response {
        try client.headers(stream, TunnelClient.request(path, fields), end: false)
        try client.receive { client.hasEnded(stream) || client.partial(stream).status == 200 }
        return client.partial(stream)
    }

    @Test("N-37: the server announces extended CONNECT", arguments: testedBackends)
    func announced(backend: IOBackend) async throws {
        try await withHTTP2(backend) { port in
            let client = try FrameClient(port: port)
            try client.ping()
            let settings = client.others.first { $0.type == FrameClient.FrameType.settings }?.payload ?? []
            let entries = stride(from: 0, to: settings.count, by: 6).map { Array(settings[$0..<($0 + 6)]) }
            #expect(entries.contains([0, 8, 0, 0, 0, 1]))
        }
    }

    @Test("N-37: extended CONNECT is a GET for the handler, and is accepted with 200", arguments: testedBackends)
    func accepted(backend: IOBackend) async throws {
        try await withHTTP2(backend, routes()) { port in
            let fields = [
                ("sec-websocket-protocol", "chat.v1, chat.v2"), ("cookie", "name=ada"), ("origin", "http://a"),
            ]
            let socket = try TunnelClient(port: port, "/introduced/x?y=1", fields)
            #expect(try socket.receiveText() == "GET HTTP/2.0 /introduced/x?y=1 a ada chat.v2")
            #expect(socket.response.field("sec-websocket-protocol") == "chat.v2")
            for name in ["upgrade", "connection", "sec-websocket-accept", "content-length", "content-type"] {
                #expect(socket.response.field(name) == nil, "\(name)")
            }
        }
    }

    @Test("N-37: what the client sends before it is accepted is read then", arguments: testedBackends)
    func early(backend: IOBackend) async throws {
        try await withHTTP2(backend, routes()) { port in
            let client = try FrameClient(port: port)
            let head = FrameClient.frame(1, flags: 4, stream: 1, payload: FrameClient.block(TunnelClient.request()))
            let data = FrameClient.frame(0, stream: 1, payload: TunnelClient.frame(1, Array("early".utf8)))
            try client.send(head + data)
            try client.receive { client.partial(1).body.count == 7 }
            #expect(client.partial(1).body == [0x81, 5] + Array("early".utf8))
            // The same with the end of the stream: the message is dealt with, and then the server ends the stream, too.
            let end = FrameClient.frame(0, flags: 1, stream: 3)
            let second = FrameClient.frame(1, flags: 4, stream: 3, payload: FrameClient.block(TunnelClient.request()))
            try client.send(second + FrameClient.frame(0, stream: 3, payload: TunnelClient.frame(1, [65])) + end)
            let response = try client.response(3)
            #expect(response.status == 200 && response.reset == nil)
            #expect(response.body == [0x81, 1, 65])
        }
    }

    @Test("N-37: handshakes that are refused get a response, and the connection goes on", arguments: testedBackends)
    func refused(backend: IOBackend) async throws {
        try await withHTTP2(backend, routes()) { port in
            let client = try FrameClient(port: port)
            func status(_ stream: UInt32, _ path: String, _ fields: [(String, String)] = []) throws -> Int? {
                let response = try response(client, stream, path, fields)
                // The client's side of the stream is still open, and nobody reads it.
                try client.receive { client.partial(stream).reset != nil }
                #expect(client.partial(stream).reset == FrameClient.Code.noError, "\(path)")
                return response.status
            }
            #expect(try status(1, "/", [("origin", "http://b")]) == 403)
            #expect(try status(3, "/refusing") == 401)
            #expect(try status(5, "/missing") == 404)
            #expect(try status(7, "/", [("sec-websocket-extensions", "a b")]) == 400)
            let version = TunnelClient.request().map { $0.0 == "sec-websocket-version" ? ($0.0, "14") : $0 }
            try client.headers(9, version, end: false)
            #expect(try client.response(9).status == 400)
            #expect(client.partial(9).field("sec-websocket-version") == "7, 8, 13")
            try client.headers(11, version.filter { $0.0 != "sec-websocket-version" }, end: false)
            #expect(try client.response(11).status == 400)
            // Another protocol than websocket (RFC 9220, 3).
            try client.headers(13, version.map { $0.0 == ":protocol" ? ($0.0, "connect-udp") : $0 }, end: false)
            #expect(try client.response(13).status == 501)
            #expect(try client.ask(15, "GET", "/plain").text == "plain")
            // The handshake of HTTP/1.1 cannot be made over HTTP/2, whose requests have no Upgrade.
            #expect(try client.ask(17, "GET", "/").status == 400)
        }
    }

    @Test("N-37: a handler that is no WebSocket's never says that one is open", arguments: testedBackends)
    func otherHandlers(backend: IOBackend) async throws {
        try await withHTTP2(backend, routes()) { port in
            let client = try FrameClient(port: port)
            for (index, path) in ["/plain", "/closure", "/streaming"].enumerated() {
                let stream = UInt32(index * 2 + 1)
                try client.headers(stream, TunnelClient.request(path), end: false)
                let response = try client.response(stream)
                #expect(response.status == 405, "\(path)")
                #expect(response.field("allow") == "GET, HEAD")
                #expect(response.body.isEmpty)
            }
            #expect(try client.ask(9, "POST", "/plain").text == "posted")
        }
        // The same without the web framework.
        try await withHTTP2(backend) { port in
            let client = try FrameClient(port: port)
            try client.headers(1, TunnelClient.request("/version"), end: false)
            #expect(try client.response(1).status == 405)
        }
    }

    @Test("N-37: such a handler that writes without an end leaves the loop to others", arguments: testedBackends)
    func endlessHandler(backend: IOBackend) async throws {
        let notes = Notes()
        let application = try Application([
            URLSpec("/", Talker.self, notes), URLSpec(.get, "/hello") { _ in "hello" },
        ])
        try await withHTTP2(backend, application) { port in
            let client = try FrameClient(port: port)
            try client.headers(1, TunnelClient.request(), end: false)
            try client.receive { client.partial(1).status == 405 }
            #expect(try client.ask(3, "GET", "/hello").text == "hello")
            #expect(notes.all.isEmpty)
            try client.send(FrameClient.FrameType.reset, stream: 1, payload: FrameClient.number(8))
            try await notes.wait(for: 1)
            #expect(notes.all == ["over"])
        }
    }

    @Test("N-37: malformed requests are errors of their streams (RFC 8441, 4)", arguments: testedBackends)
    func malformed(backend: IOBackend) async throws {
        let good = TunnelClient.request()
        func without(_ name: String) -> [(String, String)] { good.filter { $0.0 != name } }
        let rows: [(String, [(String, String)])] = [
            ("GET", good.map { $0.0 == ":method" ? ($0.0, "GET") : $0 }), ("no scheme", without(":scheme")),
            ("no path", without(":path")), ("no authority", without(":authority")),
            ("an empty path", good.map { $0.0 == ":path" ? ($0.0, "") : $0 }),
            ("twice", [(":protocol", "websocket")] + good),
            ("late", without(":protocol") + [(":protocol", "websocket")]),
            ("upgrade", good + [("upgrade", "websocket")]), ("connection", good + [("connection", "upgrade")]),
            ("CONNECT with scheme and path", without(":protocol")),
        ]
        try await withHTTP2(backend, routes()) { port in
            let client = try FrameClient(port: port)
            var stream: UInt32 = 1
            for (name, fields) in rows {
                try client.headers(stream, fields, end: false)
                #expect(try client.response(stream).reset == FrameClient.Code.protocolError, "\(name)")
                #expect(client.partial(stream).status == nil, "\(name)")
                stream += 2
            }
            try client.headers(stream, good, end: true)
            #expect(try client.response(stream).reset == FrameClient.Code.protocolError, "END_STREAM")
            // Trailers, where there is no body (RFC 9113, 8.5).
            let socket = try TunnelClient(client, stream + 2)
            try socket.accepted()
            try client.headers(stream + 2, [("x", "y")], end: true)
            #expect(try client.response(stream + 2).reset == FrameClient.Code.protocolError, "trailers")
            #expect(try client.ask(stream + 4, "GET", "/plain").text == "plain")
            // CONNECT alone is what it was before.
            let plain = [(":method", "CONNECT"), (":authority", "a:1")]
            try client.headers(stream + 6, plain)
            #expect(try client.response(stream + 6).status == 405)
            // The connection goes on.
            #expect(try client.ask(stream + 8, "GET", "/plain").text == "plain")
        }
    }

    @Test("N-37: a client that ends with its handshake leaves no connection behind", arguments: testedBackends)
    func endsAtOnce(backend: IOBackend) async throws {
        try await withHTTP2(backend, routes()) { port in
            // The end comes before the request is begun, while it is begun, or after.
            for _ in 0..<100 {
                let client = try TestClient(port: port, timeout: 20, isTranslated: false)
                let block = FrameClient.block(TunnelClient.request())
                try client.send(
                    FrameClient.preface + FrameClient.frame(FrameClient.FrameType.settings)
                        + FrameClient.frame(FrameClient.FrameType.headers, flags: 4, stream: 1, payload: block))
                client.shutDown()
                while try client.receive() != nil {}
            }
        }
    }

    @Test("N-37: WebSockets count as streams", arguments: testedBackends)
    func flood(backend: IOBackend) async throws {
        var limits = HTTP2Configuration()
        limits.maxConcurrentStreams = 5
        try await withHTTP2(backend, routes(), limits: limits) { port in
            let client = try FrameClient(port: port)
            let sockets = try (0..<5).map { try TunnelClient(client, UInt32($0 * 2 + 1)) }
            try client.headers(11, TunnelClient.request(), end: false)
            #expect(try client.response(11).reset == FrameClient.Code.refusedStream)
            for socket in sockets { try socket.accepted() }
            try sockets[2].sendClose(1000)
            #expect(try sockets[2].receiveClose() == 1000)
            try sockets[2].end()
            try client.ping()
            let next = try TunnelClient(client, 13)
            try next.accepted()
            for socket in [sockets[0], sockets[4], next] {
                try socket.send("on")
                #expect(try socket.receiveText() == "on")
            }
            // The client knows the limit by now.
            try client.headers(15, TunnelClient.request(), end: false)
            #expect(try client.connectionError() == FrameClient.Code.protocolError)
        }
    }
}
