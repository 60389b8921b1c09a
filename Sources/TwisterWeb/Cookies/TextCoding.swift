/// Base64 (RFC 4648, 4 and 5), strict: one text for each sequence of octets, so that no octet of a text can change without
/// the text being refused or meaning something else.
struct Base64 {
    private let alphabet: StaticString
    private let isPadded: Bool

    /// RFC 4648, 4, with padding.
    static let standard = Base64(
        alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", isPadded: true)
    /// RFC 4648, 5, without padding: no character of it has to be quoted in a cookie.
    static let url = Base64(
        alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", isPadded: false)

    func encode(_ octets: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((octets.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var count = 0
        for octet in octets {
            bits = bits << 8 | UInt32(octet)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(character(bits >> count))
            }
        }
        if count > 0 { text.append(character(bits << (6 - count))) }
        while isPadded, text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return text
    }

    /// The octets. It is nil for any text that `encode` would not have made.
    func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var digits = text
        if isPadded {
            guard text.count % 4 == 0 else { return nil }
            for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
        }
        guard digits.count % 4 != 1 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(digits.count / 4 * 3 + 2)
        var bits: UInt32 = 0
        var count = 0
        for digit in digits {
            guard let value = value(digit) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                octets.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        // Bits that belong to no octet are zero.
        guard bits & (1 << count - 1) == 0 else { return nil }
        return octets
    }

    private func character(_ bits: UInt32) -> UInt8 { alphabet.utf8Start[Int(bits & 63)] }

    private func value(_ digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case character(62): 62
        case character(63): 63
        default: nil
        }
    }
}

/// Two hexadecimal digits for each octet.
enum Hexadecimal {
    static func encode(_ octets: some Sequence<UInt8>) -> [UInt8] {
        octets.flatMap { [digit($0 >> 4), digit($0 & 15)] }
    }

    /// The octets. It is nil where a character is no digit, or one is missing.
    ///
    /// - Parameter isStrict: Letters in upper case are refused, so that a text has no second spelling.
    static func decode(_ text: ArraySlice<UInt8>, isStrict: Bool) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 2)
        var high: UInt8?
        for character in text {
            guard let value = value(character, isStrict: isStrict) else { return nil }
            if let first = high {
                octets.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return octets
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(_ digit: UInt8, isStrict: Bool) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F") where !isStrict: digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Whole numbers in decimal digits, without a sign and without leading zeros: one text for each number.
enum CanonicalNumber {
    /// The number. It is nil for any other text, and for more than 18 digits.
    static func parse(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...18).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0") else {
            return nil
        }
        var number = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number
    }
}
