/// A field value with parameters, such as `form-data; name="a"; filename=b` (RFC 9110 5.6.6).
struct FieldParameters {
    /// The text before the first semicolon, in lower case.
    let value: String
    private var parameters: [(name: String, value: [UInt8])] = []

    /// The most parameters of a value. Each is compared with those before it, so there must not be many.
    private static var most: Int { 16 }

    /// The octets before the first semicolon, without white space around them.
    static func value(of octets: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        TokenList.trimmed(UnsafeRawBufferPointer(rebasing: octets.prefix { $0 != ASCII.semicolon }))
    }

    /// Returns nil for a value that is malformed, names a parameter twice, or has more than 16 parameters.
    ///
    /// As in Tornado, values without quotes may have spaces, and a parameter without "=" is ignored.
    ///
    /// - Parameter backslashMayEnd: whether a quoted string may end with a backslash: one before a quote that ends the
    ///   parameter is then a character of its own. Default false.
    init?(_ octets: UnsafeRawBufferPointer, backslashMayEnd: Bool = false) {
        let end = octets.firstIndex(of: ASCII.semicolon) ?? octets.count
        value = ClientText.repaired(Self.value(of: octets)).lowercased()
        var position = end
        while position < octets.count {
            position += 1
            guard let octetsOfName = Self.readName(octets, &position) else { continue }
            let name = ClientText.repaired(octetsOfName).lowercased()
            guard TokenList.isToken(octetsOfName), parameters.count < Self.most, self[name] == nil,
                let value = Self.readValue(octets, &position, backslashMayEnd)
            else { return nil }
            parameters.append((name, value))
        }
    }

    /// The octets of the parameter `name`, which is in lower case.
    subscript(name: String) -> [UInt8]? { parameters.first { $0.name == name }?.value }

    /// The names of the parameters, in lower case.
    var names: some Sequence<String> { parameters.lazy.map(\.name) }

    /// Reads up to and past "=". Returns nil where the parameter ends before, as an empty one at the end of `a; b=c;` does.
    private static func readName(
        _ octets: UnsafeRawBufferPointer, _ position: inout Int
    ) -> UnsafeRawBufferPointer? {
        let start = position
        while position < octets.count, octets[position] != ASCII.semicolon {
            position += 1
            if octets[position - 1] == ASCII.equals {
                return TokenList.trimmed(UnsafeRawBufferPointer(rebasing: octets[start..<(position - 1)]))
            }
        }
        return nil
    }

    /// Reads a quoted string, or everything up to a semicolon: boundaries and names of files often have characters that a
    /// token may not have.
    private static func readValue(
        _ octets: UnsafeRawBufferPointer, _ position: inout Int, _ backslashMayEnd: Bool
    ) -> [UInt8]? {
        skipSpace(octets, &position)
        if position < octets.count, octets[position] == ASCII.quote {
            let value = readQuoted(octets, &position, backslashMayEnd)
            skipSpace(octets, &position)
            return position == octets.count || octets[position] == ASCII.semicolon ? value : nil
        }
        let start = position
        while position < octets.count, octets[position] != ASCII.semicolon { position += 1 }
        return Array(TokenList.trimmed(UnsafeRawBufferPointer(rebasing: octets[start..<position])))
    }

    /// Reads a quoted string. A backslash escapes only a quote or a backslash, because names of files have backslashes, too.
    private static func readQuoted(
        _ octets: UnsafeRawBufferPointer, _ position: inout Int, _ backslashMayEnd: Bool
    ) -> [UInt8]? {
        position += 1
        var value: [UInt8] = []
        while position < octets.count {
            var byte = octets[position]
            position += 1
            if byte == ASCII.quote { return value }
            if byte == ASCII.backslash, position < octets.count,
                octets[position] == ASCII.quote || octets[position] == ASCII.backslash,
                !(backslashMayEnd && endsParameter(octets, quoteAt: position))
            {
                byte = octets[position]
                position += 1
            }
            value.append(byte)
        }
        return nil
    }

    /// Whether there is a quote, and behind it only white space up to a semicolon or the end.
    private static func endsParameter(_ octets: UnsafeRawBufferPointer, quoteAt index: Int) -> Bool {
        guard octets[index] == ASCII.quote else { return false }
        var position = index + 1
        skipSpace(octets, &position)
        return position == octets.count || octets[position] == ASCII.semicolon
    }

    private static func skipSpace(_ octets: UnsafeRawBufferPointer, _ position: inout Int) {
        while position < octets.count, CharacterClass.isWhitespace(octets[position]) {
            position += 1
        }
    }
}
