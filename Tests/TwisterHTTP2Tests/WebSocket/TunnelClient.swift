import TwisterTestSupport

/// A WebSocket client on one stream of an HTTP/2 connection (RFC 8441), which says exactly what a test wants said.
final class TunnelClient {
    struct Frame: Equatable {
        var opcode: UInt8
        var payload: [UInt8]
        var isFinal = true
        var isCompressed = false

        static func text(_ text: String) -> Frame { Frame(opcode: Opcode.text, payload: Array(text.utf8)) }
    }

    enum Opcode {
        static let continuation: UInt8 = 0
        static let text: UInt8 = 1
        static let binary: UInt8 = 2
        static let close: UInt8 = 8
        static let ping: UInt8 = 9
        static let pong: UInt8 = 10
    }

    let client: FrameClient
    let stream: UInt32
    /// So many bytes of the stream's DATA belong to frames that were received.
    private var position = 0
    /// So many bytes of DATA were sent in windows that the server has opened.
    private var sent = 0

    /// The server's window of a stream (`bodyBufferSize`).
    private static let streamWindow = 65_536

    /// Asks for a WebSocket on a stream. `accepted` waits for the response.
    init(_ client: FrameClient, _ stream: UInt32, _ path: String = "/", _ fields: [(String, String)] = []) throws {
        self.client = client
        self.stream = stream
        try client.headers(stream, Self.request(path, fields), end: false)
    }

    /// On a connection of its own.
    convenience init(
        port: UInt16, _ path: String = "/", _ fields: [(String, String)] = [], settings: [(UInt16, UInt32)] = []
    ) throws {
        try self.init(FrameClient(port: port, settings: settings), 1, path, fields)
        try accepted()
    }

    static func request(_ path: String = "/", _ fields: [(String, String)] = []) -> [(String, String)] {
        [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path),
            (":authority", "a"), ("sec-websocket-version", "13"),
        ] + fields
    }

    /// The head of the response.
    var response: FrameClient.Response { client.partial(stream) }

    func accepted() throws {
        try client.receive { response.status != nil || response.reset != nil }
        guard response.status == 200 else { throw TestFailure("not accepted: \(response)") }
    }

    // MARK: Sending

    static func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0) -> [UInt8] {
        var bytes: [UInt8] = [opcode | (isFinal ? 0x80 : 0) | reserved]
        switch payload.count {
        case ...125: bytes.append(UInt8(payload.count) | 0x80)
        case ...0xFFFF: bytes += [126 | 0x80, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(127 | 0x80)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }

    /// Sends bytes in DATA frames of at most `piece` bytes, as the server's windows let them out.
    func send(_ bytes: [UInt8], piece: Int = 16_384) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try client.receive { room > 0 }
            let part = rest.prefix(min(piece, room))
            rest = rest.dropFirst(part.count)
            sent += part.count
            try client.data(stream, Array(part))
        }
    }

    /// How much the server lets this stream send.
    var room: Int {
        let opened = client.others.filter { $0.type == FrameClient.FrameType.windowUpdate && $0.stream == stream }
        return Self.streamWindow - sent + opened.reduce(0) { $0 + Int($1.error) }
    }

    func send(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0) throws {
        try send(Self.frame(opcode, payload, isFinal: isFinal, reserved: reserved))
    }

    func send(_ text: String) throws { try send(Opcode.text, Array(text.utf8)) }

    func sendClose(_ code: UInt16? = nil) throws {
        try send(Opcode.close, code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? [])
    }

    /// Ends the client's side of the stream.
    func end() throws { try client.data(stream, [], end: true) }

    func reset(_ code: UInt32 = FrameClient.Code.cancel) throws {
        try client.send(FrameClient.FrameType.reset, stream: stream, payload: FrameClient.number(code))
    }

    // MARK: Receiving

    /// The next frame; nil at the end of the stream.
    func receive() throws -> Frame? {
        while true {
            if let frame = try takeFrame() { return frame }
            if client.hasEnded(stream) {
                guard position == response.body.count else { throw TestFailure("the stream ended within a frame") }
                return nil
            }
            guard try client.step() else { throw TestFailure("the connection has closed") }
        }
    }

    private func takeFrame() throws -> Frame? {
        let bytes = response.body.dropFirst(position)
        guard bytes.count >= 2, let first = bytes.first else { return nil }
        let header = Array(bytes.prefix(10))
        guard header[1] & 0x80 == 0 else { throw TestFailure("the server masks") }
        var (length, size) = (Int(header[1]), 2)
        let extra = length == 126 ? 2 : length == 127 ? 8 : 0
        if extra > 0 {
            size += extra
            guard header.count >= size else { return nil }
            length = header[2..<size].reduce(0) { $0 << 8 | Int($1) }
        }
        guard bytes.count >= size + length else { return nil }
        let payload = Array(bytes.dropFirst(size).prefix(length))
        position += size + length
        return Frame(opcode: first & 15, payload: payload, isFinal: first & 0x80 != 0, isCompressed: first & 0x40 != 0)
    }

    func receiveText() throws -> String? {
        guard let frame = try receive() else { return nil }
        guard frame.opcode == Opcode.text else { throw TestFailure("not a text: \(frame)") }
        return String(decoding: frame.payload, as: UTF8.self)
    }

    /// The code of the close frame that comes next, and then the end of the stream; nil: it has none.
    func receiveClose() throws -> UInt16? {
        guard let frame = try receive() else { throw TestFailure("no close frame") }
        guard frame.opcode == Opcode.close else { throw TestFailure("not a close frame: \(frame)") }
        guard try receive() == nil else { throw TestFailure("frames behind the close frame") }
        guard frame.payload.count >= 2 else { return nil }
        return UInt16(frame.payload[0]) << 8 | UInt16(frame.payload[1])
    }
}
