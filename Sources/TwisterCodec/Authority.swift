/// A checked `uri-host [ ":" port ]` (RFC 9110 7.2, RFC 3986 3.2.2): a registered name, an IPv4 address or an IP literal in
/// brackets, and a port up to 65535. User information, lists and white space are not allowed.
package struct Authority: Equatable, Sendable {
    /// The number of octets of the host, brackets included.
    package let hostCount: Int
    /// The port, nil where none is given. "example.com:" gives none.
    package let port: UInt16?

    package var hasHost: Bool { hostCount > 0 }

    package init?(_ octets: UnsafeRawBufferPointer) {
        guard let base = octets.baseAddress, let first = octets.first else {
            self.hostCount = 0
            self.port = nil
            return
        }
        var end: Int
        if first == ASCII.leftBracket {
            guard let bracket = octets.firstIndex(of: ASCII.rightBracket) else { return nil }
            guard IPLiteral.isValid(UnsafeRawBufferPointer(rebasing: octets[1..<bracket])) else { return nil }
            end = bracket + 1
        } else {
            guard let nameEnd = Self.endOfRegisteredName(base, octets.count) else { return nil }
            end = nameEnd
        }
        hostCount = end
        guard end < octets.count else {
            port = nil
            return
        }
        guard octets[end] == ASCII.colon else { return nil }
        end += 1
        if end == octets.count {
            port = nil
        } else {
            guard let number = Self.port(base + end, octets.count - end) else { return nil }
            port = number
        }
    }

    /// Where the name ends: at the colon or at the end of the text. It is nil where a percent sign is not followed by two
    /// hexadecimal digits.
    @inline(__always)
    private static func endOfRegisteredName(_ base: UnsafeRawPointer, _ count: Int) -> Int? {
        var index = 0
        while true {
            index = ByteScanner.endOfRegisteredName(base, from: index, to: count)
            guard index < count, base.load(fromByteOffset: index, as: UInt8.self) == ASCII.percent else { return index }
            guard count &- index > 2,
                CharacterClass.hexValue(base.load(fromByteOffset: index &+ 1, as: UInt8.self)) != nil,
                CharacterClass.hexValue(base.load(fromByteOffset: index &+ 2, as: UInt8.self)) != nil
            else { return nil }
            index &+= 3
        }
    }

    @inline(__always)
    private static func port(_ digits: UnsafeRawPointer, _ count: Int) -> UInt16? {
        var value: UInt32 = 0
        for index in 0..<count {
            let byte = digits.load(fromByteOffset: index, as: UInt8.self)
            guard CharacterClass.isDigit(byte) else { return nil }
            value = value &* 10 &+ UInt32(byte &- ASCII.zero)
            guard value <= 65_535 else { return nil }
        }
        return UInt16(truncatingIfNeeded: value)
    }
}
