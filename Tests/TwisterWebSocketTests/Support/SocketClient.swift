import TwisterTestSupport

@testable import TwisterWebSocket

/// A WebSocket client that says exactly what a test wants said, frame by frame. Every read has a time limit.
final class SocketClient {
    let client: TestClient
    let response: TestClient.Response
    private var received: [UInt8] = []

    struct Frame: Equatable {
        var opcode: Opcode
        var payload: [UInt8]
        var isFinal = true
        var isCompressed = false
    }

    /// Makes the handshake.
    ///
    /// - Parameter fields: lines of the request's head, each with its CR LF.
    init(_ port: UInt16, _ path: String = "/", fields: String = "", receiveBuffer: CInt? = nil) throws {
        client = try TestClient(port: port, receiveBuffer: receiveBuffer)
        try client.send(Self.request(path, fields))
        response = try client.receiveResponse()
    }

    static func request(_ path: String, _ fields: String = "") -> String {
        """
        GET \(path) HTTP/1.1\r
        Host: a\r
        Upgrade: websocket\r
        Connection: keep-alive, Upgrade\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        Sec-WebSocket-Version: 13\r
        \(fields)\r

        """
    }

    // MARK: Sending

    static func frame(
        _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0, isMasked: Bool = true
    ) -> [UInt8] {
        var bytes: [UInt8] = [opcode | (isFinal ? 0x80 : 0) | reserved]
        let maskBit: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case ...125: bytes.append(UInt8(payload.count) | maskBit)
        case ...0xFFFF:
            bytes.append(126 | maskBit)
            bytes += [UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(127 | maskBit)
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        guard isMasked else { return bytes + payload }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        bytes += mask
        bytes += payload.enumerated().map { $1 ^ mask[$0 & 3] }
        return bytes
    }

    func send(_ bytes: [UInt8]) throws { try client.send(bytes) }

    func send(_ opcode: Opcode, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0) throws {
        try send(Self.frame(opcode.rawValue, payload, isFinal: isFinal, reserved: reserved))
    }

    func send(_ text: String) throws { try send(.text, Array(text.utf8)) }

    func sendClose(_ code: UInt16? = nil, _ reason: String = "") throws {
        try send(.close, code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + Array(reason.utf8) } ?? [])
    }

    // MARK: Receiving

    /// The next frame; nil at the end of the connection.
    func receive() throws -> Frame? {
        while true {
            if let frame = try takeFrame() { return frame }
            guard let more = try client.receive() else {
                guard received.isEmpty else { throw TestFailure("the connection ended within a frame") }
                return nil
            }
            received += more
        }
    }

    private func takeFrame() throws -> Frame? {
        let parsed = received.withUnsafeBytes { FrameHeader.parse($0) }
        switch parsed {
        case .needMore: return nil
        case .invalid(let violation): throw TestFailure("the server sends a malformed frame: \(violation)")
        case .header(let header, let size):
            guard header.mask == nil else { throw TestFailure("the server masks") }
            guard received.count >= size + header.length else { return nil }
            let payload = Array(received[size..<size + header.length])
            received.removeFirst(size + header.length)
            return Frame(
                opcode: header.opcode, payload: payload, isFinal: header.isFinal, isCompressed: header.isCompressed)
        }
    }

    func receiveText() throws -> String? {
        guard let frame = try receive() else { return nil }
        guard frame.opcode == .text else { throw TestFailure("not a text: \(frame)") }
        return String(decoding: frame.payload, as: UTF8.self)
    }

    /// The code of the close frame that comes next, and then the end of the connection; nil: it has none.
    func receiveClose() throws -> UInt16? { try receiveCloseFrame().code?.rawValue }

    /// The close frame that comes next, and then the end of the connection.
    func receiveCloseFrame() throws -> CloseFrame {
        guard let frame = try receive() else { throw TestFailure("no close frame") }
        guard frame.opcode == .close else { throw TestFailure("not a close frame: \(frame)") }
        guard try receive() == nil else { throw TestFailure("frames behind the close frame") }
        return try frame.payload.withUnsafeBytes { try CloseFrame.parse($0).get() }
    }
}
