/// The node that sent a request to a proxy, as the proxy names it (RFC 7239, 6, and X-Forwarded-For): an address, with or
/// without a port, or an identifier that hides it.
package enum ForwardedNode: Equatable, Sendable {
    case address(IPAddress)
    /// `unknown`, an obfuscated identifier (`_name`), or text that is malformed.
    case hidden

    /// Reads `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`, and `2001:db8::1`, which X-Forwarded-For has
    /// without brackets.
    package init(_ text: UnsafeRawBufferPointer) {
        guard let address = Self.address(text) else {
            self = .hidden
            return
        }
        self = .address(address)
    }

    private static func address(_ text: UnsafeRawBufferPointer) -> IPAddress? {
        if text.first == ASCII.leftBracket {
            guard let end = text.firstIndex(of: ASCII.rightBracket), isPort(text[(end + 1)...]) else { return nil }
            let inner = UnsafeRawBufferPointer(rebasing: text[1..<end])
            return inner.contains(ASCII.colon) ? IPAddress(text: inner) : nil
        }
        guard let colon = text.firstIndex(of: ASCII.colon) else { return IPAddress(text: text) }
        // More than one colon: an IPv6 address without brackets.
        if text[(colon + 1)...].contains(ASCII.colon) { return IPAddress(text: text) }
        guard isPort(text[colon...]) else { return nil }
        return IPAddress(text: UnsafeRawBufferPointer(rebasing: text[..<colon]))
    }

    /// Whether the text is empty, or a colon and a port. The port may be obfuscated, too.
    private static func isPort(_ text: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let colon = text.first else { return true }
        let port = text.dropFirst()
        guard colon == ASCII.colon, let first = port.first else { return false }
        if first == UInt8(ascii: "_") {
            return port.allSatisfy { CharacterClass.contains($0, CharacterClass.token) }
        }
        return port.count <= 5 && port.allSatisfy(CharacterClass.isDigit)
    }
}
