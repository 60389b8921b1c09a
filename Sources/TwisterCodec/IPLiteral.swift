/// What may stand between the brackets of a host (RFC 3986 3.2.2): an IPv6 address, or `v1.anything` for a later one.
enum IPLiteral {
    static func isValid(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let first = text.first else { return false }
        return CharacterClass.lowercased(first) == UInt8(ascii: "v") ? isFutureAddress(text) : isIPv6Address(text)
    }

    /// "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
    private static func isFutureAddress(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let dot = text.firstIndex(of: ASCII.period), dot > 1, dot + 1 < text.count else { return false }
        return text[1..<dot].allSatisfy { CharacterClass.hexValue($0) != nil }
            && text[(dot + 1)...].allSatisfy {
                CharacterClass.contains($0, CharacterClass.registeredName) || $0 == ASCII.colon
            }
    }

    /// Eight groups of up to four hexadecimal digits, one run of zero groups written "::", the last two groups
    /// perhaps as an IPv4 address (RFC 4291 2.2).
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
                guard isIPv4Address(UnsafeRawBufferPointer(rebasing: text[start...])) else { return false }
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

    private static func isIPv4Address(_ text: UnsafeRawBufferPointer) -> Bool {
        var parts = 0
        var digits = 0
        var value = 0
        for byte in text {
            if byte == ASCII.period {
                guard digits > 0 else { return false }
                parts += 1
                digits = 0
                value = 0
                guard parts < 4 else { return false }
            } else {
                guard CharacterClass.isDigit(byte), digits == 0 || value > 0 else { return false }
                value = value * 10 + Int(byte - ASCII.zero)
                digits += 1
                guard value <= 255 else { return false }
            }
        }
        return parts == 3 && digits > 0
    }
}
