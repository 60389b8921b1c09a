import TwisterCrypto

/// The key with which a client begins its handshake, and the server's response to it (RFC 6455, 4.2.2).
enum AcceptKey {
    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// The value of `Sec-WebSocket-Accept`.
    static func response(to key: String) -> String {
        base64(Digest.sha1.hash(Array((key + suffix).utf8)))
    }

    /// A client's new key: 16 random bytes in Base64.
    static func new() -> String { base64((0..<16).map { _ in UInt8.random(in: .min ... .max) }) }

    /// Whether the text is 16 bytes in Base64.
    static func isKey(_ text: String) -> Bool {
        let octets = Array(text.utf8)
        guard octets.count == 24, octets[22] == UInt8(ascii: "="), octets[23] == UInt8(ascii: "=") else { return false }
        return octets[..<22].allSatisfy { alphabet.contains($0) }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The bytes in Base64 (RFC 4648, 4).
    static func base64(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                let isFilled = place <= group.count
                text.append(
                    isFilled ? alphabet[Int(bits >> UInt32(18 - 6 * place)) & 0x3F] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
