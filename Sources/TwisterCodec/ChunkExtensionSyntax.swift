/// Checks chunk extensions octet by octet: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112
/// 7.1.1). Their content is ignored. They are checked because a server that accepts any octets between the size and the line
/// end may disagree with another server about where the line ends.
struct ChunkExtensionSyntax: Sendable {
    private enum Phase: UInt8 {
        /// White space before a semicolon, outside of any extension.
        case beforeSemicolon
        case beforeName, name, afterName
        case beforeValue, value, quoted, quotedPair, afterValue
    }

    private var phase = Phase.beforeSemicolon

    /// Whether the line may end here, which is behind a name or a value.
    var mayEnd: Bool {
        phase == .name || phase == .value || phase == .afterValue
    }

    /// Whether the octet is allowed here.
    mutating func accepts(_ byte: UInt8) -> Bool {
        let isSpace = CharacterClass.isWhitespace(byte)
        switch phase {
        case .beforeSemicolon:
            return isSpace || move(byte == ASCII.semicolon, to: .beforeName)
        case .beforeName:
            return isSpace || move(isToken(byte), to: .name)
        case .name:
            return isToken(byte) || move(isSpace, to: .afterName) || acceptsDelimiter(byte)
        case .afterName:
            return isSpace || acceptsDelimiter(byte)
        case .beforeValue:
            return isSpace || move(byte == ASCII.quote, to: .quoted) || move(isToken(byte), to: .value)
        case .value:
            return isToken(byte) || acceptsAfterValue(byte, isSpace)
        case .quoted:
            return move(byte == ASCII.quote, to: .afterValue) || move(byte == ASCII.backslash, to: .quotedPair)
                || isText(byte)
        case .quotedPair:
            return move(isText(byte), to: .quoted)
        case .afterValue:
            return acceptsAfterValue(byte, isSpace)
        }
    }

    private mutating func acceptsDelimiter(_ byte: UInt8) -> Bool {
        move(byte == ASCII.equals, to: .beforeValue) || move(byte == ASCII.semicolon, to: .beforeName)
    }

    private mutating func acceptsAfterValue(_ byte: UInt8, _ isSpace: Bool) -> Bool {
        move(isSpace, to: .beforeSemicolon) || move(byte == ASCII.semicolon, to: .beforeName)
    }

    private mutating func move(_ condition: Bool, to next: Phase) -> Bool {
        if condition { phase = next }
        return condition
    }

    private func isToken(_ byte: UInt8) -> Bool { CharacterClass.contains(byte, CharacterClass.token) }

    private func isText(_ byte: UInt8) -> Bool {
        byte == ASCII.horizontalTab || byte >= ASCII.space && byte != ASCII.delete
    }
}
