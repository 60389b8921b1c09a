/// The escapes in the strings of JSON (RFC 8259, 7).
enum JSONEscapes {
    /// The octets that a string stands for. The string is well-formed; half of a surrogate pair, which no text can have, is
    /// three octets as those of any other number.
    static func decoded(_ octets: UnsafeRawBufferPointer) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(octets.count)
        var index = 0
        while index < octets.count {
            let octet = octets[index]
            index += 1
            guard octet == UInt8(ascii: "\\"), index < octets.count else {
                decoded.append(octet)
                continue
            }
            let escape = octets[index]
            index += 1
            switch escape {
            case UInt8(ascii: "b"): decoded.append(0x08)
            case UInt8(ascii: "f"): decoded.append(0x0C)
            case UInt8(ascii: "n"): decoded.append(0x0A)
            case UInt8(ascii: "r"): decoded.append(0x0D)
            case UInt8(ascii: "t"): decoded.append(0x09)
            case UInt8(ascii: "u"): append(character(octets, &index), to: &decoded)
            default: decoded.append(escape)
            }
        }
        return decoded
    }

    /// The number of the character whose four digits begin at `index`, with that of the second half of a surrogate pair.
    private static func character(_ octets: UnsafeRawBufferPointer, _ index: inout Int) -> UInt32 {
        let first = number(octets, at: index)
        index += 4
        guard 0xD800..<0xDC00 ~= first, index + 6 <= octets.count, octets[index] == UInt8(ascii: "\\"),
            octets[index + 1] == UInt8(ascii: "u")
        else { return first }
        let second = number(octets, at: index + 2)
        guard 0xDC00..<0xE000 ~= second else { return first }
        index += 6
        return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
    }

    private static func number(_ octets: UnsafeRawBufferPointer, at index: Int) -> UInt32 {
        octets[min(index, octets.count)..<min(index + 4, octets.count)].reduce(0) { number, digit in
            number << 4 | UInt32(digit <= UInt8(ascii: "9") ? digit & 0xF : (digit & 0xF) + 9)
        }
    }

    private static func append(_ number: UInt32, to octets: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (number >> shift & 0x3F)) }
        switch number {
        case 0..<0x80: octets.append(UInt8(number))
        case 0x80..<0x800: octets += [UInt8(0xC0 | number >> 6), tail(0)]
        case 0x800..<0x10000: octets += [UInt8(0xE0 | number >> 12), tail(6), tail(0)]
        default: octets += [UInt8(0xF0 | number >> 18), tail(12), tail(6), tail(0)]
        }
    }
}
