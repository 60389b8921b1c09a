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
    init?(_ octets: UnsafeRawBufferPointer) {
        let end = octets.firstIndex(of: ASCII.semicolon) ?? octets.count
        value = String(decoding: Self.value(of: octets), as: UTF8.self).lowercased()
        var position = end
        while position < octets.count {
            position += 1
            Self.skipSpace(octets, &position)
            // An empty parameter, as at the end of `a; b=c;`.
            if position == octets.count || octets[position] == ASCII.semicolon { continue }
            guard parameters.count < Self.most, let name = Self.readName(octets, &position), self[name] == nil,
                let value = Self.readValue(octets, &position)
            else { return nil }
            parameters.append((name, value))
            Self.skipSpace(octets, &position)
            guard position == octets.count || octets[position] == ASCII.semicolon else { return nil }
        }
    }

    /// The octets of the parameter `name`, which is in lower case.
    subscript(name: String) -> [UInt8]? { parameters.first { $0.name == name }?.value }

    private static func readName(_ octets: UnsafeRawBufferPointer, _ position: inout Int) -> String? {
        let start = position
        while position < octets.count, CharacterClass.contains(octets[position], CharacterClass.token) { position += 1 }
        guard position > start, position < octets.count, octets[position] == ASCII.equals else { return nil }
        defer { position += 1 }
        return String(decoding: octets[start..<position], as: UTF8.self).lowercased()
    }

    /// Reads a quoted string, or everything up to a semicolon or white space: boundaries often have characters that a token
    /// may not have.
    private static func readValue(_ octets: UnsafeRawBufferPointer, _ position: inout Int) -> [UInt8]? {
        if position < octets.count, octets[position] == ASCII.quote { return readQuoted(octets, &position) }
        let start = position
        while position < octets.count, octets[position] > ASCII.space, octets[position] != ASCII.semicolon {
            guard octets[position] != ASCII.quote, octets[position] != ASCII.comma else { return nil }
            position += 1
        }
        return position > start ? Array(octets[start..<position]) : nil
    }

    /// Reads a quoted string. A backslash escapes only a quote or a backslash, because names of files have backslashes, too.
    private static func readQuoted(_ octets: UnsafeRawBufferPointer, _ position: inout Int) -> [UInt8]? {
        position += 1
        var value: [UInt8] = []
        while position < octets.count {
            var byte = octets[position]
            position += 1
            if byte == ASCII.quote { return value }
            if byte == ASCII.backslash, position < octets.count,
                octets[position] == ASCII.quote || octets[position] == ASCII.backslash
            {
                byte = octets[position]
                position += 1
            }
            value.append(byte)
        }
        return nil
    }

    private static func skipSpace(_ octets: UnsafeRawBufferPointer, _ position: inout Int) {
        while position < octets.count, CharacterClass.isWhitespace(octets[position]) {
            position += 1
        }
    }
}
