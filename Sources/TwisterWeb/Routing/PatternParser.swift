import TwisterCodec

/// Reads a regular expression: the part of Python's language that can be matched in time linear in the path.
///
/// Literals, `.`, classes, the escapes of `PatternParser+Bytes.swift`, groups (named or not, capturing or not), choices,
/// greedy and lazy quantifiers, `^ $ \A \Z \z \b \B`, comments, and `(?i)` at the start. A brace that begins no
/// quantifier is a literal, as in Python. Everything else is refused with a reason.
struct PatternParser {
    /// What a pattern's text means.
    struct Result {
        var root: PatternNode
        /// How many groups capture.
        var groupCount: Int
        /// The groups' names, if they are named; empty if they are positional.
        var groupNames: [String]
    }

    /// Why a pattern is refused.
    struct Problem: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// Which letters a letter of the pattern stands for.
    enum LetterCase {
        case exact
        /// Both cases: `(?i)`.
        case either
        /// The lower case, because the subject has been lowercased.
        case lowercased
    }

    /// Groups within groups beyond this are refused: each takes stack.
    static let deepestNesting = 100
    /// Counts of a quantifier beyond this are refused; they could not be compiled anyway.
    static let largestCount = 2_000

    let text: [UInt8]
    var position = 0
    private(set) var letterCase: LetterCase
    private var depth = 0
    private var groupCount = 0
    private var groupNames: [String] = []

    private init(_ text: String, _ letterCase: LetterCase) {
        self.text = Array(text.utf8)
        self.letterCase = letterCase
    }

    static func parse(_ text: String, letterCase: LetterCase = .exact) throws(Problem) -> Result {
        var parser = PatternParser(text, letterCase)
        if parser.skip("(?i)"), letterCase == .exact { parser.letterCase = .either }
        let root = try parser.choice()
        guard parser.peek == nil else { throw Problem("a ) closes no group") }
        return Result(root: root, groupCount: parser.groupCount, groupNames: try parser.checkedNames())
    }

    /// Tornado passes a handler either arguments or keyword arguments.
    private func checkedNames() throws(Problem) -> [String] {
        guard groupNames.isEmpty || groupNames.count == groupCount else {
            throw Problem("named and positional groups are mixed; name all of them or none")
        }
        guard Set(groupNames).count == groupNames.count else { throw Problem("two groups have the same name") }
        return groupNames
    }

    // MARK: Bytes of the text

    var peek: UInt8? { position < text.count ? text[position] : nil }

    mutating func take() -> UInt8? {
        guard let byte = peek else { return nil }
        position += 1
        return byte
    }

    /// Skips the token if it comes next.
    mutating func skip(_ token: StaticString) -> Bool {
        let matches = token.withUTF8Buffer { text[position...].starts(with: $0) }
        if matches { position += token.utf8CodeUnitCount }
        return matches
    }

    // MARK: Structure

    private mutating func choice() throws(Problem) -> PatternNode {
        var alternatives = [try sequence()]
        while skip("|") { alternatives.append(try sequence()) }
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    /// Nodes up to what ends a sequence: `)`, `|` or the end.
    private mutating func sequence() throws(Problem) -> PatternNode {
        var nodes: [PatternNode] = []
        while let byte = peek, byte != UInt8(ascii: ")"), byte != UInt8(ascii: "|") {
            if try skipComment() { continue }
            let node = try atom()
            // "^*" is a mistake. "(?:^)*" is odd, but has a meaning.
            let isAnchor = if case .assertion = node { byte != UInt8(ascii: "(") } else { false }
            nodes.append(try quantified(node, isAnchor: isAnchor))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func atom() throws(Problem) -> PatternNode {
        guard let byte = take() else { throw Problem("the pattern ends too early") }
        switch byte {
        case UInt8(ascii: "("): return try group()
        case UInt8(ascii: "."): return .bytes(.anyButNewline)
        case UInt8(ascii: "["): return .bytes(try characterClass())
        case UInt8(ascii: "\\"): return try escape()
        case UInt8(ascii: "^"): return .assertion(.start)
        case UInt8(ascii: "$"): return .assertion(.end)
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
            throw Problem("there is nothing that \(Character(Unicode.Scalar(byte))) could repeat")
        case UInt8(ascii: "{"):
            position -= 1
            guard try counts() == nil else { throw Problem("there is nothing that a {} could repeat") }
            position += 1
            return literal(byte)
        default:
            return byte < 0x80 ? literal(byte) : encodedCharacter()
        }
    }

    func literal(_ byte: UInt8) -> PatternNode { .bytes(folded(ByteSet([byte]))) }

    /// Reads on behind the first byte of a character beyond ASCII. Paths are percent-encoded before they are matched, so
    /// it stands for its percent-encoding.
    mutating func encodedCharacter() -> PatternNode {
        let start = position - 1
        while let byte = peek, byte & 0xC0 == 0x80 { position += 1 }
        let encoded = PercentCoding.escape(text[start..<position]) { _ in false }
        return .sequence(encoded.map(literal))
    }

    // MARK: Groups

    private mutating func group() throws(Problem) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepestNesting else {
            throw Problem("groups are nested more than \(Self.deepestNesting) deep")
        }
        let captures = skip("?") ? try extendedGroup() : true
        let number = groupCount
        if captures { groupCount += 1 }
        let content = try choice()
        guard skip(")") else { throw Problem("a group is not closed") }
        return captures ? .group(number, content) : content
    }

    /// Reads what stands behind `(?`; true if the group captures.
    private mutating func extendedGroup() throws(Problem) -> Bool {
        if skip(":") { return false }
        if skip("=") || skip("!") { throw Problem("lookahead cannot be matched in linear time") }
        if skip("<=") || skip("<!") { throw Problem("lookbehind cannot be matched in linear time") }
        if skip("P=") { throw Problem("backreferences cannot be matched in linear time") }
        if skip(">") { throw Problem("atomic groups are not supported") }
        if skip("(") { throw Problem("conditionals are not supported") }
        if skip("P<") || skip("<") {
            groupNames.append(try groupName())
            return true
        }
        throw Problem("of inline flags only (?i) is supported, and only at the start of the pattern")
    }

    private mutating func groupName() throws(Problem) -> String {
        let start = position
        while let byte = peek, byte.isASCIILetterOrDigit || byte == UInt8(ascii: "_") || byte >= 0x80 { position += 1 }
        let name = text[start..<position]
        guard let first = name.first, !ByteSet.digits.contains(first), skip(">") else {
            throw Problem("a group has a bad name")
        }
        return String(decoding: name, as: UTF8.self)
    }

    private mutating func skipComment() throws(Problem) -> Bool {
        guard skip("(?#") else { return false }
        while let byte = take() { if byte == UInt8(ascii: ")") { return true } }
        throw Problem("a comment is not closed")
    }

    // MARK: Quantifiers

    private mutating func quantified(_ node: PatternNode, isAnchor: Bool) throws(Problem) -> PatternNode {
        while try skipComment() {}
        guard var repetition = try quantifier() else { return node }
        guard !isAnchor else { throw Problem("an anchor cannot be repeated") }
        if skip("+") { throw Problem("possessive quantifiers are not supported") }
        repetition.isLazy = skip("?")
        if try quantifier() != nil { throw Problem("a quantifier follows another one") }
        return .repetition(node, repetition)
    }

    private mutating func quantifier() throws(Problem) -> PatternNode.Repetition? {
        if skip("*") { return .init(minimum: 0, maximum: nil) }
        if skip("+") { return .init(minimum: 1, maximum: nil) }
        if skip("?") { return .init(minimum: 0, maximum: 1) }
        return peek == UInt8(ascii: "{") ? try counts() : nil
    }

    /// Reads `{m}`, `{m,}`, `{,n}` or `{m,n}`. A brace that begins none of these is a literal: the result is then nil, and
    /// nothing has been read.
    private mutating func counts() throws(Problem) -> PatternNode.Repetition? {
        let start = position
        position += 1
        let minimum = try number()
        let hasComma = skip(",")
        let maximum = hasComma ? try number() : minimum
        guard minimum != nil || hasComma, skip("}") else {
            position = start
            return nil
        }
        if let minimum, let maximum, minimum > maximum {
            throw Problem("{\(minimum),\(maximum)} has its counts in the wrong order")
        }
        return .init(minimum: minimum ?? 0, maximum: maximum)
    }

    private mutating func number() throws(Problem) -> Int? {
        var value: Int?
        while let byte = peek, ByteSet.digits.contains(byte) {
            let next = (value ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
            guard next <= Self.largestCount else { throw Problem("a count is larger than \(Self.largestCount)") }
            value = next
            position += 1
        }
        return value
    }
}
