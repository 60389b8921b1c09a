import TwisterCompression
import TwisterWebSocket

/// Reads what a server sent on one WebSocket, independently of the server's own parser, and checks that it follows RFC 6455 and
/// RFC 7692.
struct FuzzedSocketReader {
    let kind: FuzzedSocket.Kind
    private(set) var messages: [Message] = []
    /// The code of the close frame; nil: there is none, or it has none.
    private(set) var closeCode: UInt16?

    struct Message: Equatable {
        var isText: Bool
        var octets: [UInt8]
    }

    /// The code of the close frame as it is the same for each way of cutting. A compressed text that is too long, and is no UTF-8
    /// either, is refused for what is found first.
    var wayToClose: UInt16? { closeCode == 1009 ? 1007 : closeCode }

    private let isDeflated: Bool
    private let inflater: MessageInflater
    private var unfinished: (isText: Bool, isCompressed: Bool, octets: [UInt8])?
    private var isClosed = false

    /// Nil where the handshake is not accepted; the response is checked all the same.
    static func read(_ octets: [UInt8]) throws -> FuzzedSocketReader? {
        let end = Array("\r\n\r\n".utf8)
        guard octets.starts(with: "HTTP/1.1 101 ".utf8),
            let place = octets.indices.first(where: { octets[$0...].starts(with: end) })
        else {
            // Requests before the handshake that are not upgraded have responses of their own.
            let text = String(decoding: octets, as: UTF8.self)
            if !text.contains("HTTP/1.1 101 ") { _ = try ResponseReader(octets) }
            return nil
        }
        let head = String(decoding: octets[..<(place + 2)], as: UTF8.self)
        guard
            let kind = FuzzedSocket.Kind.allCases.first(where: { head.contains("\(FuzzedSocket.kindField): \($0)\r\n") }
            )
        else { throw FuzzFinding("a handshake of no handler: \(head)") }
        var reader = try FuzzedSocketReader(kind, isDeflated: head.contains("permessage-deflate"))
        try reader.readFrames(octets[(place + 4)...])
        return reader
    }

    private init(_ kind: FuzzedSocket.Kind, isDeflated: Bool) throws {
        self.kind = kind
        self.isDeflated = isDeflated
        inflater = try MessageInflater()
    }

    private mutating func readFrames(_ octets: ArraySlice<UInt8>) throws {
        var rest = octets
        while !rest.isEmpty {
            try require(!isClosed, "octets behind the close frame: \(rest.prefix(20))")
            guard let (first, payload, size) = try Self.frame(rest) else {
                throw FuzzFinding("the connection ends within a frame: \(rest.prefix(20))")
            }
            rest = rest.dropFirst(size)
            let isFinal = first & 0x80 != 0
            let isCompressed = first & 0x40 != 0
            try require(first & 0x30 == 0, "reserved bits: \(first)")
            try require(!isCompressed || isDeflated, "a compressed frame that was not agreed on")
            switch first & 0x0F {
            case 0, 1, 2: try readData(first & 0x0F, isFinal, isCompressed, payload)
            case 8, 9, 10:
                try require(
                    isFinal && !isCompressed && payload.count <= 125, "a control frame: \(first), \(payload.count)")
                if first & 0x0F == 8 { try readClose(payload) }
            default: throw FuzzFinding("an opcode: \(first)")
            }
        }
    }

    /// The first octet, the payload and the size of the frame at the start; nil where it is not there as a whole.
    private static func frame(_ octets: ArraySlice<UInt8>) throws -> (UInt8, ArraySlice<UInt8>, Int)? {
        guard octets.count >= 2 else { return nil }
        let start = octets.startIndex
        try require(octets[start + 1] & 0x80 == 0, "the server masks")
        let short = Int(octets[start + 1])
        let extra = short == 126 ? 2 : short == 127 ? 8 : 0
        guard octets.count >= 2 + extra else { return nil }
        let length = extra == 0 ? short : octets[(start + 2)..<(start + 2 + extra)].reduce(0) { $0 << 8 | Int($1) }
        try require(extra != 2 || length > 125, "a length that is not the shortest: \(length)")
        try require(extra != 8 || length > 65_535, "a length that is not the shortest: \(length)")
        guard octets.count >= 2 + extra + length else { return nil }
        return (octets[start], octets[(start + 2 + extra)...].prefix(length), 2 + extra + length)
    }

    private mutating func readData(
        _ opcode: UInt8, _ isFinal: Bool, _ isCompressed: Bool, _ payload: ArraySlice<UInt8>
    ) throws {
        try require((opcode == 0) == (unfinished != nil), "the opcode \(opcode) in the wrong place")
        try require(opcode != 0 || !isCompressed, "a compressed continuation")
        var message = unfinished ?? (opcode == 1, isCompressed, [])
        message.octets += payload
        unfinished = isFinal ? nil : message
        guard isFinal else { return }
        if message.isCompressed { message.octets = try inflated(message.octets) }
        if message.isText {
            try require(String(validating: message.octets, as: UTF8.self) != nil, "a text that is not UTF-8")
        }
        messages.append(Message(isText: message.isText, octets: message.octets))
    }

    private func inflated(_ octets: [UInt8]) throws -> [UInt8] {
        var output: [UInt8] = []
        do throws(InflateError) {
            try octets.withUnsafeBytes { buffer in
                Result { () throws(InflateError) in
                    try inflater.inflate(buffer, isLast: true, limit: 1 << 20) {
                        output += $0
                        return true
                    }
                }
            }.get()
        } catch {
            throw FuzzFinding("a message that cannot be inflated: \(error)")
        }
        return output
    }

    private mutating func readClose(_ payload: ArraySlice<UInt8>) throws {
        isClosed = true
        guard !payload.isEmpty else { return }
        try require(payload.count >= 2, "a close frame of one octet")
        let code = UInt16(payload[payload.startIndex]) << 8 | UInt16(payload[payload.startIndex + 1])
        try require(WebSocketCloseCode(rawValue: code).mayBeSent, "the code \(code)")
        try require(String(validating: payload.dropFirst(2), as: UTF8.self) != nil, "a reason that is not UTF-8")
        closeCode = code
    }
}
