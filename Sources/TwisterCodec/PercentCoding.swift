/// Percent-encoding (RFC 3986 2.1) and its variant for forms.
package enum PercentCoding {
    /// The octets of a path or of a piece of one, decoded; nil when a "%" is not followed by two hexadecimal digits.
    package static func decode(_ octets: UnsafeRawBufferPointer) -> [UInt8]? {
        guard octets.contains(ASCII.percent) else { return Array(octets) }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(octets.count)
        var index = 0
        while index < octets.count {
            if octets[index] == ASCII.percent {
                guard let byte = escapedByte(octets, index) else { return nil }
                decoded.append(byte)
                index += 3
            } else {
                decoded.append(octets[index])
                index += 1
            }
        }
        return decoded
    }

    /// A path or a piece of one as text; nil for a malformed "%" or when the decoded octets are no UTF-8.
    package static func decodePath(_ octets: UnsafeRawBufferPointer) -> String? {
        guard octets.contains(ASCII.percent) else { return String(validating: octets, as: UTF8.self) }
        guard let decoded = decode(octets) else { return nil }
        return String(validating: decoded, as: UTF8.self)
    }

    /// A name or a value of a query or a form (WHATWG URL 5.1): "+" is a space, a malformed "%" stands for itself,
    /// octets that are no UTF-8 become U+FFFD.
    package static func decodeForm(_ octets: UnsafeRawBufferPointer) -> String {
        guard octets.contains(where: { $0 == ASCII.percent || $0 == ASCII.plus }) else {
            return String(decoding: octets, as: UTF8.self)
        }
        // Decoded text is never longer than its source.
        return withUnsafeTemporaryAllocation(byteCount: octets.count, alignment: 1) { buffer in
            var index = 0
            var count = 0
            while index < octets.count {
                let byte = octets[index]
                if byte == ASCII.percent, let escaped = escapedByte(octets, index) {
                    buffer[count] = escaped
                    index += 3
                } else {
                    buffer[count] = byte == ASCII.plus ? ASCII.space : byte
                    index += 1
                }
                count += 1
            }
            return String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// Text for a piece of a path or a query: everything but RFC 3986 `unreserved` is escaped.
    package static func encode(_ text: String) -> String {
        let digits: StaticString = "0123456789ABCDEF"
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if CharacterClass.isLetter(byte) || CharacterClass.isDigit(byte) || isUnreservedMark(byte) {
                encoded.append(byte)
            } else {
                encoded.append(ASCII.percent)
                encoded.append(digits.utf8Start[Int(byte >> 4)])
                encoded.append(digits.utf8Start[Int(byte & 15)])
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static func isUnreservedMark(_ byte: UInt8) -> Bool {
        byte == 0x2D || byte == ASCII.period || byte == 0x5F || byte == 0x7E
    }

    @inline(__always)
    private static func escapedByte(_ octets: UnsafeRawBufferPointer, _ index: Int) -> UInt8? {
        guard octets.count - index > 2, let high = CharacterClass.hexValue(octets[index + 1]),
            let low = CharacterClass.hexValue(octets[index + 2])
        else { return nil }
        return high << 4 | low
    }
}
