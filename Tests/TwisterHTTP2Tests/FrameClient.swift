import CTwisterNghttp2
import TwisterTestSupport

/// A client of HTTP/2 that sends exactly the frames that a test wants sent, well-formed or not.
final class FrameClient {
    struct Frame {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]

        var isEnd: Bool { (type == FrameType.data || type == FrameType.headers) && flags & 1 != 0 }
        /// The error code of RST_STREAM and GOAWAY.
        var error: UInt32 {
            let bytes = type == FrameType.goAway ? payload.dropFirst(4).prefix(4) : payload.prefix(4)
            return bytes.reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    enum FrameType {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let priority: UInt8 = 2
        static let reset: UInt8 = 3
        static let settings: UInt8 = 4
        static let pushPromise: UInt8 = 5
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
        static let continuation: UInt8 = 9
        static let priorityUpdate: UInt8 = 16
    }

    enum Code {
        static let noError: UInt32 = 0
        static let protocolError: UInt32 = 1
        static let internalError: UInt32 = 2
        static let flowControl: UInt32 = 3
        static let streamClosed: UInt32 = 5
        static let frameSize: UInt32 = 6
        static let refusedStream: UInt32 = 7
        static let cancel: UInt32 = 8
        static let compression: UInt32 = 9
        static let enhanceYourCalm: UInt32 = 11
    }

    /// What came on one stream, up to its end.
    struct Response {
        var informational: [[(String, String)]] = []
        var fields: [(String, String)] = []
        var body: [UInt8] = []
        var trailers: [(String, String)] = []
        /// The code of RST_STREAM; nil: the stream ended in order.
        var reset: UInt32?

        var status: Int? { field(":status").flatMap { Int($0) } }
        var text: String { String(decoding: body, as: UTF8.self) }
        func field(_ name: String) -> String? { fields.first { $0.0 == name }?.1 }
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    let socket: TestClient
    private var unread: [UInt8] = []
    /// The begun header block.
    private var block: [UInt8] = []
    /// Whether the stream ends with it.
    private var isLastBlock = false
    private var inflater: OpaquePointer?
    private var responses: [UInt32: Response] = [:]
    private var ended: Set<UInt32> = []
    /// The frame that ended the connection.
    private(set) var goAway: Frame?
    /// Whether windows are opened again for each DATA frame.
    var opensWindows = true
    private(set) var isClosed = false
    /// Frames that came and belong to no response.
    private(set) var others: [Frame] = []

    /// Connects and sends the preface with these settings.
    convenience init(port: UInt16, settings: [(UInt16, UInt32)] = [], receiveBuffer: CInt? = nil) throws {
        let first = Self.frame(FrameType.settings, payload: Self.settings(settings))
        try self.init(port: port, first: first, receiveBuffer: receiveBuffer)
    }

    /// Connects and sends the preface, and behind it this frame.
    init(port: UInt16, first: [UInt8], receiveBuffer: CInt? = nil) throws {
        socket = try TestClient(port: port, timeout: 20, receiveBuffer: receiveBuffer, isTranslated: false)
        nghttp2_hd_inflate_new(&inflater)
        try socket.send(Self.preface + first)
    }

    deinit { nghttp2_hd_inflate_del(inflater) }

    // MARK: Sending

    static func settings(_ settings: [(UInt16, UInt32)]) -> [UInt8] {
        settings.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + number($0.1) }
    }

    static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []) -> [UInt8] {
        let count = UInt32(payload.count)
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags] + number(stream) + payload
    }

    func send(_ bytes: [UInt8]) throws { try socket.send(bytes) }

    func send(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []) throws {
        try socket.send(Self.frame(type, flags: flags, stream: stream, payload: payload))
    }

    /// Literal fields without indexing and without Huffman codes (RFC 7541, 6.2.2): whatever the octets are.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + string($0.0) + string($0.1) }
    }

    static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    static func request(_ method: String, _ path: String, _ fields: [(String, String)] = []) -> [(String, String)] {
        [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost")] + fields
    }

    /// Sends a header block, in frames of at most 16,384 octets.
    func headers(_ stream: UInt32, _ fields: [(String, String)], end: Bool = true) throws {
        var rest = Self.block(fields)[...]
        var type = FrameType.headers
        repeat {
            let part = Array(rest.prefix(16_384))
            rest = rest.dropFirst(16_384)
            let flags: UInt8 = (rest.isEmpty ? 4 : 0) | (end && type == FrameType.headers ? 1 : 0)
            try send(type, flags: flags, stream: stream, payload: part)
            type = FrameType.continuation
        } while !rest.isEmpty
    }

    func data(_ stream: UInt32, _ bytes: [UInt8], end: Bool = false) throws {
        try send(FrameType.data, flags: end ? 1 : 0, stream: stream, payload: bytes)
    }

    func openWindow(_ stream: UInt32, _ size: UInt32) throws {
        try send(FrameType.windowUpdate, stream: stream, payload: Self.number(size))
    }

    // MARK: Receiving

    /// The next frame; nil: the server has closed.
    func receive() throws -> Frame? {
        while true {
            if unread.count >= 9 {
                let count = Int(unread[0]) << 16 | Int(unread[1]) << 8 | Int(unread[2])
                if unread.count >= 9 + count {
                    let stream = unread[5..<9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
                    let frame = Frame(
                        type: unread[3], flags: unread[4], stream: stream, payload: Array(unread[9..<(9 + count)]))
                    unread.removeFirst(9 + count)
                    return frame
                }
            }
            guard let bytes = try socket.receive() else {
                isClosed = true
                return nil
            }
            unread += bytes
        }
    }

    /// Receives and sorts one frame. Returns false where the server has closed.
    func step() throws -> Bool {
        guard let frame = try receive() else { return false }
        switch frame.type {
        case FrameType.settings where frame.flags & 1 == 0:
            try send(FrameType.settings, flags: 1)
            others.append(frame)
        case FrameType.headers, FrameType.continuation: try gather(frame)
        case FrameType.data:
            responses[frame.stream, default: Response()].body += frame.payload
            if opensWindows, !frame.payload.isEmpty {
                // In one piece: the kernel would keep a second one back until the server's has acknowledged the first.
                let payload = Self.number(UInt32(frame.payload.count))
                let streams = frame.isEnd ? [0] : [0, frame.stream]
                try send(streams.flatMap { Self.frame(FrameType.windowUpdate, stream: $0, payload: payload) })
            }
        case FrameType.reset:
            responses[frame.stream, default: Response()].reset = frame.error
            ended.insert(frame.stream)
        case FrameType.goAway:
            goAway = frame
            others.append(frame)
        default: others.append(frame)
        }
        if frame.isEnd, frame.type == FrameType.data { ended.insert(frame.stream) }
        return true
    }

    /// Takes a header block once all of its frames are there.
    private func gather(_ frame: Frame) throws {
        block += frame.payload
        if frame.isEnd { isLastBlock = true }
        guard frame.flags & 4 != 0 else { return }
        let (whole, isLast) = (block, isLastBlock)
        (block, isLastBlock) = ([], false)
        try take(whole, frame)
        if isLast { ended.insert(frame.stream) }
    }

    private func take(_ block: [UInt8], _ frame: Frame) throws {
        let fields = try inflate(block)
        var response = responses[frame.stream] ?? Response()
        if fields.first?.0 == ":status" {
            if fields[0].1.hasPrefix("1") { response.informational.append(fields) } else { response.fields = fields }
        } else {
            response.trailers = fields
        }
        responses[frame.stream] = response
    }

    private func inflate(_ block: [UInt8]) throws -> [(String, String)] {
        var fields: [(String, String)] = []
        var position = 0
        try block.withUnsafeBufferPointer { block in
            while true {
                var field = nghttp2_nv()
                var flags: CInt = 0
                let base = block.baseAddress.map { $0 + position }
                let count = nghttp2_hd_inflate_hd2(inflater, &field, &flags, base, block.count - position, 1)
                guard count >= 0 else { throw TestFailure("the header block is malformed: \(count)") }
                position += count
                if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                    fields.append((Self.text(field.name, field.namelen), Self.text(field.value, field.valuelen)))
                }
                if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
                if count == 0, position == block.count { break }
            }
        }
        nghttp2_hd_inflate_end_headers(inflater)
        return fields
    }

    private static func text(_ start: UnsafeMutablePointer<UInt8>?, _ count: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// The response on a stream, once it has ended.
    func response(_ stream: UInt32) throws -> Response {
        while !ended.contains(stream) {
            guard try step() else { throw TestFailure("closed before the end of stream \(stream)") }
        }
        return responses[stream] ?? Response()
    }

    /// Whether the server has ended or reset the stream.
    func hasEnded(_ stream: UInt32) -> Bool { ended.contains(stream) }

    /// What has come of a response by now.
    func partial(_ stream: UInt32) -> Response { responses[stream] ?? Response() }

    /// Waits until `condition` holds.
    func receive(until condition: () -> Bool) throws {
        while !condition() {
            guard try step() else { throw TestFailure("the server has closed") }
        }
    }

    func ask(_ stream: UInt32, _ method: String, _ path: String, _ fields: [(String, String)] = []) throws -> Response {
        try headers(stream, Self.request(method, path, fields))
        return try response(stream)
    }

    /// Waits for a PING's acknowledgement: everything before was dealt with.
    func ping() throws {
        let count = others.count { $0.type == FrameType.ping && $0.flags & 1 == 1 }
        try send(FrameType.ping, payload: [1, 2, 3, 4, 5, 6, 7, 8])
        try receive { others.count { $0.type == FrameType.ping && $0.flags & 1 == 1 } > count }
    }

    /// The error code with which the server ends the connection; nil: it closes without GOAWAY.
    func connectionError() throws -> UInt32? {
        while try step() {}
        return goAway?.error
    }
}
