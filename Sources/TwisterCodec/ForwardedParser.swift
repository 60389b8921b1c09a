/// Reads the elements of a `Forwarded` field (RFC 7239) one after the other. Each describes the node from which one proxy
/// received the request. The octets have to outlive the parser.
package struct ForwardedParser {
    /// One proxy's element of the field. Quotes and escapes are already removed from its values.
    package struct Element: Equatable {
        package var node: ForwardedNode?
        package var proto: String?
        package var host: String?
    }

    private let octets: UnsafeRawBufferPointer
    private var position = 0
    /// Whether the field is malformed. Nothing behind the malformed part is read.
    package private(set) var isMalformed = false

    package init(_ octets: UnsafeRawBufferPointer) {
        self.octets = octets
    }

    /// The next element. It is nil at the end, and where the field is malformed. Empty elements are skipped.
    package mutating func next() -> Element? {
        while true {
            skipSpace()
            guard position < octets.count, octets[position] == ASCII.comma else { break }
            position += 1
        }
        guard position < octets.count, !isMalformed else { return nil }
        var element = Element()
        while true {
            guard readPair(into: &element) else {
                isMalformed = true
                return nil
            }
            skipSpace()
            guard position < octets.count else { return element }
            let delimiter = octets[position]
            position += 1
            if delimiter == ASCII.comma { return element }
            guard delimiter == ASCII.semicolon else {
                isMalformed = true
                return nil
            }
            skipSpace()
        }
    }

    /// Reads `token "=" ( token / quoted-string )`, or nothing between two semicolons. Each parameter is allowed once.
    private mutating func readPair(into element: inout Element) -> Bool {
        let start = position
        while position < octets.count, CharacterClass.contains(octets[position], CharacterClass.token) { position += 1 }
        let name = UnsafeRawBufferPointer(rebasing: octets[start..<position])
        if name.isEmpty {
            return position == octets.count || octets[position] == ASCII.semicolon || octets[position] == ASCII.comma
        }
        guard position < octets.count, octets[position] == ASCII.equals else { return false }
        position += 1
        guard let value = readValue() else { return false }
        if TokenList.equals(name, "for") {
            guard element.node == nil else { return false }
            element.node = value.withUnsafeBytes { ForwardedNode($0) }
        } else if TokenList.equals(name, "proto") {
            guard element.proto == nil else { return false }
            element.proto = ClientText.repaired(value).lowercased()
        } else if TokenList.equals(name, "host") {
            guard element.host == nil else { return false }
            element.host = ClientText.repaired(value)
        }
        return true
    }

    /// Reads a value. IPv6 addresses and ports have to be quoted, but often are not, and their meaning is clear without
    /// quotes.
    private mutating func readValue() -> [UInt8]? {
        guard position < octets.count else { return nil }
        if octets[position] == ASCII.quote { return readQuoted() }
        let start = position
        while position < octets.count, Self.isValueCharacter(octets[position]) { position += 1 }
        return position > start ? Array(octets[start..<position]) : nil
    }

    private mutating func readQuoted() -> [UInt8]? {
        position += 1
        var value: [UInt8] = []
        while position < octets.count {
            let byte = octets[position]
            position += 1
            switch byte {
            case ASCII.quote: return value
            case ASCII.backslash:
                guard position < octets.count else { return nil }
                value.append(octets[position])
                position += 1
            default: value.append(byte)
            }
        }
        return nil
    }

    private static func isValueCharacter(_ byte: UInt8) -> Bool {
        CharacterClass.contains(byte, CharacterClass.token) || byte == ASCII.colon || byte == ASCII.leftBracket
            || byte == ASCII.rightBracket
    }

    private mutating func skipSpace() {
        while position < octets.count, CharacterClass.isWhitespace(octets[position]) {
            position += 1
        }
    }
}
