extension RequestParser {
    /// Reads the field lines and the empty line behind them. Returns false where more octets are needed.
    mutating func parseFields(
        _ base: UnsafeRawPointer, _ count: Int, _ head: HeadFields
    ) throws(ParseError) -> Bool {
        let limit = origin &+ limits.headerBlock
        let end = min(count, limit)
        // A local variable can be kept in a register, a variable of the parser cannot.
        var position = position
        defer { self.position = position }
        while true {
            if phase == .lineStart {
                guard position < end else { break }
                let byte = base.load(fromByteOffset: position, as: UInt8.self)
                if byte == ASCII.carriageReturn {
                    guard position &+ 1 < end else { break }
                    guard base.load(fromByteOffset: position &+ 1, as: UInt8.self) == ASCII.lineFeed else {
                        throw .bareCarriageReturn
                    }
                    position &+= 2
                    return true
                }
                try checkLineStart(byte, head)
                partStart = position
                phase = .fieldName
            }
            if phase == .fieldName {
                position = ByteScanner.endOfToken(base, from: position, to: end)
                guard position < end else { break }
                guard base.load(fromByteOffset: position, as: UInt8.self) == ASCII.colon, position > partStart else {
                    throw Self.nameError(base.load(fromByteOffset: position, as: UInt8.self))
                }
                nameEnd = position
                position &+= 1
                phase = .fieldValue
            }
            position = ByteScanner.endOfFieldText(base, from: position, to: end)
            guard position < end else { break }
            guard base.load(fromByteOffset: position, as: UInt8.self) == ASCII.carriageReturn else {
                throw base.load(fromByteOffset: position, as: UInt8.self) == ASCII.lineFeed
                    ? .bareLineFeed : .controlCharacter
            }
            guard position &+ 1 < end else { break }
            guard base.load(fromByteOffset: position &+ 1, as: UInt8.self) == ASCII.lineFeed else {
                throw .bareCarriageReturn
            }
            Self.addField(base + origin, partStart &- origin, nameEnd &- origin, position &- origin, head)
            position &+= 2
            phase = .lineStart
        }
        if count >= limit { throw .headersTooLarge }
        return false
    }

    @inline(__always)
    private func checkLineStart(_ byte: UInt8, _ head: HeadFields) throws(ParseError) {
        if CharacterClass.isWhitespace(byte) {
            throw head.record.state.fieldCount == 0 ? .whitespaceBeforeFields : .obsoleteFold
        }
        if Int(head.record.state.fieldCount) >= limits.fieldCount { throw .tooManyFields }
    }

    private static func nameError(_ byte: UInt8) -> ParseError {
        switch byte {
        case ASCII.space, ASCII.horizontalTab: .whitespaceBeforeColon
        case ASCII.lineFeed: .bareLineFeed
        default: .malformedFieldName
        }
    }

    /// Adds the field whose name and value end at those places to the head. The function is static because an instance
    /// method would copy the parser, and the copy would have to wait for the variables that were written just before.
    @inline(__always)
    private static func addField(
        _ base: UnsafeRawPointer, _ nameStart: Int, _ nameEnd: Int, _ valueEnd: Int, _ head: HeadFields
    ) {
        var start = nameEnd &+ 1
        var end = valueEnd
        while start < end, CharacterClass.isWhitespace(base.load(fromByteOffset: start, as: UInt8.self)) { start &+= 1 }
        while end > start, CharacterClass.isWhitespace(base.load(fromByteOffset: end &- 1, as: UInt8.self)) {
            end &-= 1
        }
        head.append(
            FieldSlot(name: ByteRange(nameStart, nameEnd), value: ByteRange(start, end)), name: base + nameStart)
    }
}
