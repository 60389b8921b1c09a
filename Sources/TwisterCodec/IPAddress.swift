/// An IPv4 or IPv6 address, as a number.
///
/// An IPv4 address that is written or carried as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
public struct IPAddress: Hashable, Sendable {
    /// The 128 bits; an IPv4 address stands in the last 32, behind 96 that say so (RFC 4291, 2.5.5.2).
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    private static var mappedPrefix: UInt64 { 0xFFFF_0000_0000 }

    package init(v4 bits: UInt32) { self.init(high: 0, low: Self.mappedPrefix | UInt64(bits)) }

    /// 4 or 16 octets in network order; nil for any other number of them.
    package init?(octets: UnsafeRawBufferPointer) {
        switch octets.count {
        case 4: self.init(v4: octets.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self.init(
                high: octets[..<8].reduce(0) { $0 << 8 | UInt64($1) },
                low: octets[8...].reduce(0) { $0 << 8 | UInt64($1) })
        default: return nil
        }
    }

    /// An address in the usual notation, without port, brackets and zone; nil for anything else.
    public init?(_ text: String) {
        guard let address = text.withOctets({ IPAddress(text: $0) }) else { return nil }
        self = address
    }

    package init?(text: UnsafeRawBufferPointer) {
        guard text.count <= 45 else { return nil }
        if text.contains(ASCII.colon) {
            guard let address = Self.parseV6(text) else { return nil }
            self = address
        } else {
            guard let bits = Self.parseV4(text) else { return nil }
            self.init(v4: bits)
        }
    }

    /// Whether it is an IPv4 address.
    public var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    // MARK: Text

    /// Four decimal numbers without leading zeros.
    private static func parseV4(_ text: UnsafeRawBufferPointer) -> UInt32? {
        var bits: UInt32 = 0
        var parts = 0
        var start = 0
        while start <= text.count {
            let end = text[start...].firstIndex(of: ASCII.period) ?? text.count
            let digits = UnsafeRawBufferPointer(rebasing: text[start..<end])
            guard parts < 4, (1...3).contains(digits.count), let number = DecimalNumber.parse(digits), number <= 255,
                digits.count == 1 || digits[0] != ASCII.zero
            else { return nil }
            bits = bits << 8 | UInt32(number)
            parts += 1
            start = end + 1
        }
        return parts == 4 ? bits : nil
    }

    private static func parseV6(_ text: UnsafeRawBufferPointer) -> IPAddress? {
        guard IPLiteral.isIPv6Address(text) else { return nil }
        // The notation is sound, so that what is left is to fill in the numbers around the gap.
        var groups: [UInt16] = []
        var gap: Int?
        var index = 0
        while index < text.count {
            if text[index] == ASCII.colon {
                if index + 1 < text.count, text[index + 1] == ASCII.colon {
                    gap = groups.count
                    index += 1
                }
                index += 1
                continue
            }
            let end = text[index...].firstIndex(of: ASCII.colon) ?? text.count
            let group = UnsafeRawBufferPointer(rebasing: text[index..<end])
            if group.contains(ASCII.period) {
                guard let bits = parseV4(group) else { return nil }
                groups += [UInt16(truncatingIfNeeded: bits >> 16), UInt16(truncatingIfNeeded: bits)]
            } else {
                groups.append(group.reduce(0) { $0 << 4 | UInt16(CharacterClass.hexValue($1) ?? 0) })
            }
            index = end
        }
        guard groups.count <= 8 else { return nil }
        if let gap { groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap) }
        guard groups.count == 8 else { return nil }
        return IPAddress(
            high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
            low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
    }
}

extension IPAddress: CustomStringConvertible {
    /// The usual notation; that of RFC 5952 for IPv6.
    public var description: String {
        if isIPv4 { return [24, 16, 8, 0].map { String(low >> $0 & 0xFF) }.joined(separator: ".") }
        let groups = [48, 32, 16, 0].map { high >> $0 & 0xFFFF } + [48, 32, 16, 0].map { low >> $0 & 0xFFFF }
        // The first of the longest runs of zeros is left out, where it is longer than one.
        var longest = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(1, longest.count) { longest = start..<end }
            start = end + 1
        }
        let text = groups.map { String($0, radix: 16) }
        if longest.isEmpty { return text.joined(separator: ":") }
        return text[..<longest.lowerBound].joined(separator: ":") + "::"
            + text[longest.upperBound...].joined(separator: ":")
    }
}
