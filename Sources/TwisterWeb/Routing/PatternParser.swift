/// Reads the part of the regex language that the trie can match: literals, escapes, character classes with a
/// quantifier, groups (named or not) around those, and choices between literals.
///
/// Everything else is `Unsupported`, which is not an error: Swift's `Regex` then matches the pattern.
struct PatternParser {
    struct Unsupported: Error {}

    /// A counted repeat beyond this is left to `Regex`: the cost of a bounded loop grows with its bound.
    static let largestRepeat = 255

    private let text: [UInt8]
    private var position = 0
    private var groupCount = 0

    private init(_ text: [UInt8]) { self.text = text }

    /// The pattern's elements, or nil if it is not simple.
    static func parse(_ text: [UInt8]) -> [PatternElement]? {
        var parser = PatternParser(text)
        return (try? parser.pattern())?.joiningLiterals
    }

    private var peek: UInt8? { position < text.count ? text[position] : nil }

    private mutating func take() throws(Unsupported) -> UInt8 {
        guard let byte = peek else { throw Unsupported() }
        position += 1
        return byte
    }

    private mutating func skip(_ byte: Character) -> Bool {
        guard let ascii = byte.asciiValue, peek == ascii else { return false }
        position += 1
        return true
    }

    // MARK: Structure

    private mutating func pattern() throws(Unsupported) -> [PatternElement] {
        _ = skip("^")
        let elements = try sequence()
        if skip("$"), peek == nil { return elements }
        guard peek == nil else { throw Unsupported() }
        return elements
    }

    /// Elements up to what ends a sequence: `)`, `|`, `$` or the end.
    private mutating func sequence() throws(Unsupported) -> [PatternElement] {
        var elements: [PatternElement] = []
        while let byte = peek {
            switch byte {
            case UInt8(ascii: ")"), UInt8(ascii: "|"), UInt8(ascii: "$"):
                return elements
            case UInt8(ascii: "("):
                elements.append(contentsOf: try group())
            default:
                elements.append(try quantified(try atom()))
            }
        }
        return elements
    }

    private mutating func group() throws(Unsupported) -> [PatternElement] {
        position += 1
        let captures = try groupKind()
        let number = groupCount
        if captures { groupCount += 1 }
        var alternatives = [try sequence()]
        while skip("|") { alternatives.append(try sequence()) }
        guard skip(")"), try quantifier() == nil else { throw Unsupported() }

        let content = alternatives.count == 1 ? alternatives[0] : [try choice(alternatives)]
        return captures ? [.open(number)] + content + [.close(number)] : content
    }

    /// Reads what stands behind the opening parenthesis; true if the group captures.
    private mutating func groupKind() throws(Unsupported) -> Bool {
        guard skip("?") else { return true }
        if skip(":") { return false }
        _ = skip("P")
        guard skip("<"), let first = peek, first.isASCIILetterOrDigit || first == UInt8(ascii: "_") else {
            throw Unsupported()
        }
        while try take() != UInt8(ascii: ">") {}
        return true
    }

    private func choice(_ alternatives: [[PatternElement]]) throws(Unsupported) -> PatternElement {
        var options: [[UInt8]] = []
        for alternative in alternatives {
            var option: [UInt8] = []
            for element in alternative {
                guard case .literal(let bytes) = element else { throw Unsupported() }
                option += bytes
            }
            options.append(option)
        }
        return .choice(options)
    }

    // MARK: Atoms

    private mutating func atom() throws(Unsupported) -> ByteSet {
        let byte = try take()
        switch byte {
        case UInt8(ascii: "."): return .anyButNewline
        case UInt8(ascii: "["): return try characterClass()
        case UInt8(ascii: "\\"): return try escape()
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"), UInt8(ascii: "}"),
            UInt8(ascii: "]"), UInt8(ascii: "^"):
            throw Unsupported()
        default: return ByteSet([byte])
        }
    }

    private mutating func escape() throws(Unsupported) -> ByteSet {
        let byte = try take()
        switch byte {
        case UInt8(ascii: "d"): return .digits
        case UInt8(ascii: "D"): return ByteSet.digits.inverted
        case UInt8(ascii: "w"): return .word
        case UInt8(ascii: "W"): return ByteSet.word.inverted
        case UInt8(ascii: "s"): return .whitespace
        case UInt8(ascii: "S"): return ByteSet.whitespace.inverted
        default:
            // An escaped letter or digit has a meaning (\b, \1, \x41): only escaped punctuation is a literal.
            guard !byte.isASCIILetterOrDigit else { throw Unsupported() }
            return ByteSet([byte])
        }
    }

    private mutating func characterClass() throws(Unsupported) -> ByteSet {
        let isInverted = skip("^")
        var set = ByteSet()
        while !skip("]") {
            let member = try classMember()
            guard let low = member.single, peek == UInt8(ascii: "-"), position + 1 < text.count,
                text[position + 1] != UInt8(ascii: "]")
            else {
                set = set.union(member.set)
                continue
            }
            position += 1
            guard let high = try classMember().single, low <= high else { throw Unsupported() }
            set = set.union(ByteSet(low...high))
        }
        // An empty class is written nowhere but in "[]…]", which engines read differently.
        guard !set.isEmpty else { throw Unsupported() }
        return isInverted ? set.inverted : set
    }

    /// One member of a class: the set that it adds and, where it may be the end of a range, the byte.
    private mutating func classMember() throws(Unsupported) -> (set: ByteSet, single: UInt8?) {
        let byte = try take()
        // Nested classes and set operations ("&&", "--", "~~") are left to `Regex`.
        if byte == UInt8(ascii: "[") { throw Unsupported() }
        if byte == peek, "&-~".utf8.contains(byte) { throw Unsupported() }
        guard byte == UInt8(ascii: "\\") else { return (ByteSet([byte]), byte) }
        let escaped = peek
        let set = try escape()
        return (set, escaped?.isASCIILetterOrDigit == false ? escaped : nil)
    }

    // MARK: Quantifiers

    private mutating func quantified(_ set: ByteSet) throws(Unsupported) -> PatternElement {
        if let (minimum, maximum) = try quantifier() {
            return .loop(set, minimum: minimum, maximum: maximum)
        }
        let members = set.members
        return members.count == 1 ? .literal(members) : .loop(set, minimum: 1, maximum: 1)
    }

    private mutating func quantifier() throws(Unsupported) -> (minimum: Int, maximum: Int?)? {
        let range: (minimum: Int, maximum: Int?)
        if skip("*") {
            range = (0, nil)
        } else if skip("+") {
            range = (1, nil)
        } else if skip("?") {
            range = (0, 1)
        } else if skip("{") {
            range = try countedRepeat()
        } else {
            return nil
        }
        // "+?" is lazy, "++" possessive, "+{2}" nonsense.
        if let next = peek, "?+*{".utf8.contains(next) { throw Unsupported() }
        return range
    }

    private mutating func countedRepeat() throws(Unsupported) -> (minimum: Int, maximum: Int?) {
        let minimum = try number()
        if skip("}") { return (minimum, minimum) }
        guard skip(",") else { throw Unsupported() }
        if skip("}") { return (minimum, nil) }
        let maximum = try number()
        guard skip("}"), minimum <= maximum else { throw Unsupported() }
        return (minimum, maximum)
    }

    private mutating func number() throws(Unsupported) -> Int {
        var value = 0
        var digits = 0
        while let byte = peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte, digits < 3 {
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            digits += 1
            position += 1
        }
        guard digits > 0, value <= Self.largestRepeat else { throw Unsupported() }
        return value
    }
}
