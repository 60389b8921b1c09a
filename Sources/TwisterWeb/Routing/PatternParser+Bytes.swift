/// Escapes and character classes. All classes are ASCII only: "\d" must not accept what an integer parser does not.
extension PatternParser {
    /// The set in the letter case that the subject has, or may have.
    func folded(_ set: ByteSet) -> ByteSet {
        switch letterCase {
        case .exact: set
        case .either: set.addingOtherCase
        case .lowercased: set.addingOtherCase.removingUppercase
        }
    }

    // MARK: Escapes

    /// Reads what stands behind a backslash outside of classes.
    mutating func escape() throws(Problem) -> PatternNode {
        switch peek {
        case UInt8(ascii: "b"): return assertion(.wordBoundary)
        case UInt8(ascii: "B"): return assertion(.noWordBoundary)
        case UInt8(ascii: "A"): return assertion(.start)
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): return assertion(.end)
        case .some(0x80...):
            position += 1
            return encodedCharacter()
        default:
            if let set = namedSet() { return .bytes(set) }
            return literal(try escapedByte())
        }
    }

    private mutating func assertion(_ assertion: PatternNode.Assertion) -> PatternNode {
        position += 1
        return .assertion(assertion)
    }

    /// Reads an escape that stands for a class; nil, with nothing read, if it is none.
    private mutating func namedSet() -> ByteSet? {
        let set: ByteSet
        switch peek {
        case UInt8(ascii: "d"): set = .digits
        case UInt8(ascii: "D"): set = ByteSet.digits.inverted
        case UInt8(ascii: "w"): set = .word
        case UInt8(ascii: "W"): set = ByteSet.word.inverted
        case UInt8(ascii: "s"): set = .whitespace
        case UInt8(ascii: "S"): set = ByteSet.whitespace.inverted
        default: return nil
        }
        position += 1
        return set
    }

    /// Reads an escape that stands for one byte.
    private mutating func escapedByte() throws(Problem) -> UInt8 {
        guard let byte = take() else { throw Problem("the pattern ends with a backslash") }
        switch byte {
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "v"): return 0x0B
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "x"): return try hexByte()
        case UInt8(ascii: "1")...UInt8(ascii: "9"), UInt8(ascii: "k"):
            throw Problem("backreferences cannot be matched in linear time")
        case UInt8(ascii: "p"), UInt8(ascii: "P"):
            throw Problem("Unicode properties are not supported: paths are matched byte by byte")
        default:
            guard !byte.isASCIILetterOrDigit else {
                throw Problem("the escape \\\(Character(Unicode.Scalar(byte))) is not known")
            }
            return byte
        }
    }

    private mutating func hexByte() throws(Problem) -> UInt8 {
        var value: UInt8 = 0
        for _ in 0..<2 {
            guard let digit = take().flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw Problem("\\x takes two hexadecimal digits")
            }
            value = value << 4 | UInt8(digit)
        }
        return value
    }

    // MARK: Classes

    /// Reads on behind the opening bracket. A bracket that closes is a literal if it is the first member, as in Python.
    mutating func characterClass() throws(Problem) -> ByteSet {
        let isInverted = skip("^")
        if peek == UInt8(ascii: "[") { throw Problem("classes within classes are not supported: write \\[") }
        var set = ByteSet()
        var isFirst = true
        while isFirst || !skip("]") {
            // Engines differ in whether these are set operations.
            if !isFirst, let byte = peek, "&-~|".utf8.contains(byte), text[(position + 1)...].first == byte {
                throw Problem("set operations in a class are not supported: escape the characters")
            }
            isFirst = false
            let low = try classMember()
            guard case .byte(let lowest) = low, beginsRange else {
                set = set.union(low.set)
                continue
            }
            position += 1
            guard case .byte(let highest) = try classMember(), lowest <= highest else {
                throw Problem("a range of a class has a bad end")
            }
            set = set.union(ByteSet(lowest...highest))
        }
        // Letters are folded first: "[^A]" without regard to case accepts no "a".
        let members = folded(set)
        return isInverted ? members.inverted : members
    }

    /// Whether a hyphen comes next that is not the last member.
    private var beginsRange: Bool {
        peek == UInt8(ascii: "-") && position + 1 < text.count && text[position + 1] != UInt8(ascii: "]")
    }

    private enum ClassMember {
        case byte(UInt8)
        case named(ByteSet)

        var set: ByteSet {
            switch self {
            case .byte(let byte): ByteSet([byte])
            case .named(let set): set
            }
        }
    }

    private mutating func classMember() throws(Problem) -> ClassMember {
        guard let byte = take() else { throw Problem("a class is not closed") }
        guard peek.map({ $0 < 0x80 }) ?? true || byte != UInt8(ascii: "\\"), byte < 0x80 else {
            throw Problem("a character class takes ASCII only: write (?:ä|ö) instead of [äö]")
        }
        guard byte == UInt8(ascii: "\\") else { return .byte(byte) }
        if let set = namedSet() { return .named(set) }
        return .byte(try escapedByte())
    }
}
