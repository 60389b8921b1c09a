/// An IPv4 or IPv6 address, as a number.
///
/// An IPv4 address that is written or carried as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
public struct IPAddress: Hashable, Sendable {
    /// The 128 bits. An IPv4 address is in the last 32, behind the prefix of RFC 4291, 2.5.5.2.
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    private static var mappedPrefix: UInt64 { 0xFFFF_0000_0000 }

    package init(v4 bits: UInt32) { self.init(high: 0, low: Self.mappedPrefix | UInt64(bits)) }

    /// Reads 4 or 16 octets in network order. Returns nil for any other number of octets.
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

    /// Reads an address in the usual notation, without port, brackets and zone. Returns nil for any other text.
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
            guard let bits = IPLiteral.parseIPv4(text) else { return nil }
            self.init(v4: bits)
        }
    }

    /// Whether it is an IPv4 address.
    public var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The 32 bits of an IPv4 address; nil for an IPv6 address.
    package var ipv4Bits: UInt32? { isIPv4 ? UInt32(truncatingIfNeeded: low) : nil }

    // MARK: Text

    private static func parseV6(_ text: UnsafeRawBufferPointer) -> IPAddress? {
        guard IPLiteral.isIPv6Address(text) else { return nil }
        // The notation is valid, so only the numbers around the gap are to be filled in.
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
                guard let bits = IPLiteral.parseIPv4(group) else { return nil }
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
    /// The usual notation, which for IPv6 is that of RFC 5952.
    public var description: String {
        if isIPv4 { return [24, 16, 8, 0].map { String(low >> $0 & 0xFF) }.joined(separator: ".") }
        let groups = [48, 32, 16, 0].map { high >> $0 & 0xFFFF } + [48, 32, 16, 0].map { low >> $0 & 0xFFFF }
        // The first of the longest runs of zeros is left out if it is longer than one.
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

extension IPAddress {
    /// The address with all but its first `bits` bits cleared.
    func masked(_ bits: Int) -> IPAddress {
        // A shift by 64 gives 0, which is the right mask.
        IPAddress(
            high: high & ~(UInt64.max >> UInt64(min(max(bits, 0), 64))),
            low: low & ~(UInt64.max >> UInt64(max(bits - 64, 0))))
    }

    /// The network of the address: the first bits of an IPv4 address's 32 bits, or of an IPv6 address's 128 bits.
    package func masked(ipv4 bitsOfIPv4: Int, ipv6 bitsOfIPv6: Int) -> IPAddress {
        masked(isIPv4 ? 96 + min(max(bitsOfIPv4, 0), 32) : min(max(bitsOfIPv6, 0), 128))
    }
}
