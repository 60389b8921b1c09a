import TwisterHTTP
import TwisterIO
import TwisterWeb
import TwisterWebSocket

/// Whole WebSocket connections to a server in this process, over socket pairs. Whatever the client sends, and wherever it is cut,
/// the server sends only well-formed frames, the same messages for each way of cutting, tells each handler once that its
/// connection has ended, and keeps nothing of it.
///
/// An input of the second kind (`FuzzInput.variant`) begins with one octet that chooses the handler, and goes on behind the
/// handshake; the other one makes the handshake itself. Only the thread that creates it may use it.
final class WebSocketTarget {
    private let loop: IOLoop
    private let server: HTTPServer
    private let counts = FuzzedSocketCounts()

    init() throws {
        loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
        var settings = ApplicationSettings()
        settings.webSocketMaxMessageSize = 4096
        let application = try Application(
            FuzzedSocket.Kind.allCases.map { [counts] kind in
                URLSpec("/\(kind)") { FuzzedSocket($0, kind, counts) }
            }, settings: settings)
        server = HTTPServer(loop, delegate: application, configuration: HTTPServer.Configuration())
    }

    deinit { loop.close() }

    func check(_ octets: UnsafeRawBufferPointer) throws {
        guard let input = FuzzInput(octets) else { return }
        let whole = try conversation(input, [Array(input.message)])
        let cut = try conversation(input, input.pieces.map(Array.init))
        guard let whole, let cut else { return }
        // A topic's messages go out in a later turn, in which the connection may have ended: the last ones may be missing.
        let isSame =
            whole.kind == .published
            ? zip(cut.messages, whole.messages).allSatisfy { $0 == $1 } : cut.messages == whole.messages
        try require(isSame, "cut at \(input.cuts): \(cut.messages)\nwhole: \(whole.messages)")
        try require(cut.wayToClose == whole.wayToClose, "cut: \(cut.wayToClose ?? 0), whole: \(whole.wayToClose ?? 0)")
    }

    /// What the server says to the pieces. Nil where the handshake is not accepted.
    private func conversation(_ input: FuzzInput, _ pieces: [[UInt8]]) throws -> FuzzedSocketReader? {
        var pieces = pieces
        if input.variant, let place = pieces.firstIndex(where: { !$0.isEmpty }) {
            let kinds = FuzzedSocket.Kind.allCases
            let kind = kinds[Int(pieces[place].removeFirst()) % kinds.count]
            pieces.insert(Array(Self.handshake(kind).utf8), at: 0)
        }
        let octets = try FuzzConnection.exchange(pieces, with: server, on: loop) { [counts] in
            counts.snapshot.opened <= counts.snapshot.closed
        }
        let opened = counts.snapshot
        try require(opened.opened == opened.closed, "\(opened.opened) handlers were opened, \(opened.closed) closed")
        return try FuzzedSocketReader.read(octets)
    }

    private static func handshake(_ kind: FuzzedSocket.Kind) -> String {
        """
        GET /\(kind) HTTP/1.1\r
        Host: a\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        Sec-WebSocket-Version: 13\r
        Sec-WebSocket-Extensions: permessage-deflate\r
        \r

        """
    }
}
