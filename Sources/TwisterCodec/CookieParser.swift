/// Reads the pairs of a `Cookie` field (RFC 6265, 4.2.1) one after the other, in time linear in the field's length. Pairs
/// that are not well-formed are skipped, those among them whose name is not ASCII. The octets have to outlive the parser.
package struct CookieParser: IteratorProtocol {
    private let octets: UnsafeRawBufferPointer
    private let limit: Int
    private var position = 0
    private var count = 0
    /// Whether the field has more pairs than the limit. The parser does not read these, so a caller that finds this true
    /// refuses the request.
    package private(set) var isTruncated = false

    /// The default for the most pairs that are read. A browser sends at most 180 to one site.
    package static var usualLimit: Int { 1_000 }

    package init(_ octets: UnsafeRawBufferPointer, limit: Int = usualLimit) {
        self.octets = octets
        self.limit = limit
    }

    /// The next pair, with its value without quotes.
    package mutating func next() -> (name: String, value: String)? {
        guard let pair = nextRaw() else { return nil }
        return (String(decoding: pair.name, as: UTF8.self), Self.unquoted(pair.value))
    }

    /// The next pair as it was sent, without white space around name and value.
    package mutating func nextRaw() -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
        while position < octets.count {
            let start = position
            let end = octets[start...].firstIndex(of: ASCII.semicolon) ?? octets.count
            position = end + 1
            guard let equals = octets[start..<end].firstIndex(of: ASCII.equals) else { continue }
            let name = trimmed(start, equals)
            guard !name.isEmpty, name.allSatisfy({ $0 < 0x80 }) else { continue }
            guard count < limit else {
                isTruncated = true
                position = octets.count
                return nil
            }
            count += 1
            return (name, trimmed(equals + 1, end))
        }
        return nil
    }

    /// Whether the field has at most `limit` pairs. Nothing is decoded, and nothing is allocated.
    package static func fits(_ octets: UnsafeRawBufferPointer, limit: Int = usualLimit) -> Bool {
        var parser = CookieParser(octets, limit: limit)
        while parser.nextRaw() != nil {}
        return !parser.isTruncated
    }

    private func trimmed(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        TokenList.trimmed(UnsafeRawBufferPointer(rebasing: octets[start..<end]))
    }

    /// The value without quotes around it, and with the escapes that Python's servers write decoded: `\"`, `\\` and `\073`.
    /// Three octal digits are the number of a character of Latin-1, as in Python, so `\351` is "\u{e9}". A value without
    /// quotes does not change.
    package static func unquoted(_ value: UnsafeRawBufferPointer) -> String {
        guard value.count >= 2, value.first == ASCII.quote, value.last == ASCII.quote else {
            return ClientText.repaired(value)
        }
        let inner = UnsafeRawBufferPointer(rebasing: value[1..<(value.count - 1)])
        var plain: [UInt8] = []
        plain.reserveCapacity(inner.count)
        var index = 0
        while index < inner.count {
            let byte = inner[index]
            index += 1
            guard byte == ASCII.backslash, index < inner.count else {
                plain.append(byte)
                continue
            }
            if let octal = octal(inner, index) {
                plain += String(Unicode.Scalar(octal)).utf8
                index += 3
            } else {
                plain.append(inner[index])
                index += 1
            }
        }
        return ClientText.repaired(plain)
    }

    /// The number that three octal digits denote.
    private static func octal(_ octets: UnsafeRawBufferPointer, _ start: Int) -> UInt8? {
        guard octets.count - start >= 3, (0x30...0x33).contains(octets[start]) else { return nil }
        var value = 0
        for digit in octets[start..<(start + 3)] {
            guard (0x30...0x37).contains(digit) else { return nil }
            value = value << 3 | Int(digit & 7)
        }
        return UInt8(truncatingIfNeeded: value)
    }
}
