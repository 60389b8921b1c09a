/// The header of a frame (RFC 6455, 5.2).
struct FrameHeader: Equatable {
    var isFinal: Bool
    /// The first reserved bit: the message is compressed (RFC 7692, 6).
    var isCompressed: Bool
    var opcode: Opcode
    /// The key that the payload is masked with, as its four octets lie in memory; nil: it is not masked.
    var mask: UInt32?
    /// Bytes of the payload.
    var length: Int

    /// The most bytes that a header takes.
    static let mostBytes = 14

    enum ParseResult: Equatable {
        /// The header is incomplete.
        case needMore
        /// The header is that many bytes long.
        case header(FrameHeader, size: Int)
        case invalid(ProtocolViolation)
    }

    /// Reads the header at the start of `bytes`. What the header says by itself is checked: reserved bits but the first,
    /// opcodes, control frames, lengths, which have to be in their shortest form (RFC 6455, 5.2).
    static func parse(_ bytes: UnsafeRawBufferPointer) -> ParseResult {
        guard bytes.count >= 2 else { return .needMore }
        let first = bytes[0]
        let second = bytes[1]
        guard first & 0x30 == 0 else { return .invalid(.reservedBits) }
        guard let opcode = Opcode(rawValue: first & 0x0F) else { return .invalid(.reservedOpcode) }
        let isFinal = first & 0x80 != 0
        let isMasked = second & 0x80 != 0
        let short = Int(second & 0x7F)
        if opcode.isControl {
            guard first & 0x40 == 0 else { return .invalid(.reservedBits) }
            guard isFinal else { return .invalid(.fragmentedControl) }
            guard short <= 125 else { return .invalid(.longControl) }
        }
        var size = 2
        var length = short
        if short == 126 {
            guard bytes.count >= 4 else { return .needMore }
            length = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard length > 125 else { return .invalid(.length) }
            size = 4
        } else if short == 127 {
            guard bytes.count >= 10 else { return .needMore }
            let long = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard let known = Int(exactly: long), known > 0xFFFF else { return .invalid(.length) }
            length = known
            size = 10
        }
        var mask: UInt32?
        if isMasked {
            guard bytes.count >= size + 4 else { return .needMore }
            mask = bytes.loadUnaligned(fromByteOffset: size, as: UInt32.self)
            size += 4
        }
        return .header(
            FrameHeader(
                isFinal: isFinal, isCompressed: first & 0x40 != 0, opcode: opcode, mask: mask, length: length),
            size: size)
    }

    /// Writes the header, at most `mostBytes` bytes, in the shortest form that its length allows. Returns its size.
    func write(to destination: UnsafeMutableRawPointer) -> Int {
        let first = opcode.rawValue | (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0)
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        destination.storeBytes(of: first, as: UInt8.self)
        var size = 2
        if length <= 125 {
            destination.storeBytes(of: UInt8(truncatingIfNeeded: length) | maskBit, toByteOffset: 1, as: UInt8.self)
        } else if length <= 0xFFFF {
            destination.storeBytes(of: 126 | maskBit, toByteOffset: 1, as: UInt8.self)
            destination.storeBytes(of: UInt16(truncatingIfNeeded: length).bigEndian, toByteOffset: 2, as: UInt16.self)
            size = 4
        } else {
            destination.storeBytes(of: 127 | maskBit, toByteOffset: 1, as: UInt8.self)
            destination.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
            size = 10
        }
        if let mask {
            destination.storeBytes(of: mask, toByteOffset: size, as: UInt32.self)
            size += 4
        }
        return size
    }
}

/// The opcode of a frame (RFC 6455, 5.2).
enum Opcode: UInt8 {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue >= 8 }
}

/// How a peer breaks the protocol (RFC 6455, 5 and 7).
enum ProtocolViolation: Error {
    case reservedBits, reservedOpcode, fragmentedControl, longControl, length
    /// A client's frame without a mask, or a server's with one.
    case masking
    /// A continuation although no message has begun, or a new message within another one.
    case continuation
    case closePayload
    case invalidText
    case compressedData
    /// The message is longer than the limit.
    case tooLong
    /// The rest of a frame did not come in time.
    case late

    /// The code that the peer gets.
    var closeCode: WebSocketCloseCode {
        switch self {
        case .reservedBits, .reservedOpcode, .fragmentedControl, .longControl, .length, .masking, .continuation,
            .closePayload:
            .protocolError
        case .invalidText, .compressedData: .invalidPayload
        case .tooLong: .messageTooBig
        case .late: .policyViolation
        }
    }

    /// The reason that the peer gets.
    var reason: String {
        switch self {
        case .reservedBits: "reserved bits are set"
        case .reservedOpcode: "reserved opcode"
        case .fragmentedControl: "fragmented control frame"
        case .longControl: "control frame over 125 bytes"
        case .length: "malformed length"
        case .masking: "wrong masking"
        case .continuation: "unexpected opcode within or without a fragmented message"
        case .closePayload: "malformed close frame"
        case .invalidText: "text is not UTF-8"
        case .compressedData: "malformed compressed data"
        case .tooLong: "message too big"
        case .late: "frame took too long"
        }
    }
}
