/// The text between the brackets of a host (RFC 3986 3.2.2): an IPv6 address, or `v1.anything` for a future version.
enum IPLiteral {
    static func isValid(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let first = text.first else { return false }
        return CharacterClass.lowercased(first) == UInt8(ascii: "v") ? isFutureAddress(text) : isIPv6Address(text)
    }

    /// Whether the text is "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ).
    private static func isFutureAddress(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let dot = text.firstIndex(of: ASCII.period), dot > 1, dot + 1 < text.count else { return false }
        return text[1..<dot].allSatisfy { CharacterClass.hexValue($0) != nil }
            && text[(dot + 1)...].allSatisfy {
                CharacterClass.contains($0, CharacterClass.registeredName) || $0 == ASCII.colon
            }
    }

    /// Whether the text is eight groups of up to four hexadecimal digits, of which one run of zero groups may be written
    /// "::" and the last two groups as an IPv4 address (RFC 4291 2.2).
    static func isIPv6Address(_ text: UnsafeRawBufferPointer) -> Bool {
        var groups = 0
        var hasGap = false
        var index = 0
        if text.count >= 2, text[0] == ASCII.colon, text[1] == ASCII.colon {
            hasGap = true
            index = 2
        }
        while index < text.count {
            let start = index
            while index < text.count, index - start < 5, CharacterClass.hexValue(text[index]) != nil { index += 1 }
            guard index > start, index - start <= 4 else { return false }
            if index < text.count, text[index] == ASCII.period {
                guard parseIPv4(UnsafeRawBufferPointer(rebasing: text[start...])) != nil else { return false }
                groups += 2
                break
            }
            groups += 1
            guard index < text.count else { break }
            guard text[index] == ASCII.colon, index + 1 < text.count else { return false }
            index += 1
            if text[index] == ASCII.colon {
                guard !hasGap else { return false }
                hasGap = true
                index += 1
            }
        }
        // A gap stands for at least one group.
        return hasGap ? groups < 8 : groups == 8
    }

    /// The 32 bits of four decimal numbers without leading zeros, nil for any other text.
    static func parseIPv4(_ text: UnsafeRawBufferPointer) -> UInt32? {
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
}
