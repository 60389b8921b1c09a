/// Follows a client's first message (ClientHello) through its records until the message is complete. A client that stops before
/// costs no more memory than the bytes that it has sent; OpenSSL would allocate the length that the message announces.
struct ClientHelloScan {
    enum Verdict {
        /// More bytes have to come.
        case incomplete
        /// The message is complete, or the bytes are something else, which OpenSSL refuses.
        case ready
        /// The message is refused with this alert (RFC 8446, 6.2).
        case refused(alert: UInt8)
    }

    /// The type of the records of a handshake.
    private static let handshakeRecord: UInt8 = 22
    private static let clientHello: UInt32 = 1
    /// The longest payload of a record, in bytes (RFC 8446, 5.1).
    private static let longestRecord = 16_384
    /// The longest message, in bytes. Today's browsers send 2 KiB, and some more to continue a session with a client
    /// certificate.
    private static let longestMessage = 32_768
    /// The most bytes of the message together with the headers of its records, which may be small.
    private static let mostBytes = 65_536

    private static let unexpectedMessage: UInt8 = 10
    private static let illegalParameter: UInt8 = 47

    /// The place of the first record that was not looked at.
    private var place = 0
    /// The message's type and length, of which `headerCount` bytes are known.
    private var header: UInt32 = 0
    private var headerCount = 0
    private var messageCount = 0

    /// - Parameter bytes: all that has come from the client so far.
    mutating func look(at bytes: UnsafeRawBufferPointer) -> Verdict {
        while place < bytes.count {
            guard bytes[place] == Self.handshakeRecord else { return .ready }
            guard bytes.count >= place + 5 else { break }
            let count = Int(bytes[place + 3]) << 8 + Int(bytes[place + 4])
            // OpenSSL refuses a record that is too long. It would accept some empty records, which are forbidden here
            // (RFC 8446, 5.1).
            guard count <= Self.longestRecord else { return .ready }
            guard count > 0 else { return .refused(alert: Self.unexpectedMessage) }
            guard bytes.count >= place + 5 + count else { break }
            for byte in bytes[(place + 5)..<(place + 5 + count)].prefix(4 - headerCount) {
                header = header << 8 | UInt32(byte)
                headerCount += 1
            }
            place += 5 + count
            messageCount += count
            guard headerCount == 4 else { continue }
            guard header >> 24 == Self.clientHello else { return .ready }
            let length = Int(header & 0xFF_FFFF)
            guard length <= Self.longestMessage else { return .refused(alert: Self.illegalParameter) }
            if messageCount >= 4 + length { return .ready }
        }
        return bytes.count <= Self.mostBytes ? .incomplete : .refused(alert: Self.illegalParameter)
    }
}
