/// Parses a pattern's text to a tree, by recursive descent.
struct BytePatternParser {
    struct Problem: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    private let text: [UInt8]
    private var position = 0
    private var depth = 0

    init(_ text: String) { self.text = Array(text.utf8) }

    mutating func parse() throws(Problem) -> BytePatternNode {
        let node = try alternatives()
        guard position == text.count else { throw Problem("unmatched )") }
        return node
    }

    private var current: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skip(_ byte: Character) -> Bool {
        guard let current, current == byte.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func alternatives() throws(Problem) -> BytePatternNode {
        var nodes = [try sequence()]
        while skip("|") { nodes.append(try sequence()) }
        return nodes.count == 1 ? nodes[0] : .alternatives(nodes)
    }

    private mutating func sequence() throws(Problem) -> BytePatternNode {
        var nodes: [BytePatternNode] = []
        while let byte = current, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            nodes.append(try repetitions(of: try atom()))
        }
        return .sequence(nodes)
    }

    private mutating func atom() throws(Problem) -> BytePatternNode {
        guard let byte = current else { throw Problem("it ends too early") }
        position += 1
        switch byte {
        case UInt8(ascii: "."):
            return .byte(ByteClass(0x0A...0x0A).inverted)
        case UInt8(ascii: "["): return .byte(try byteClass())
        case UInt8(ascii: "("): return try group()
        case UInt8(ascii: "\\"): return .byte(try escape())
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
            throw Problem("nothing to repeat")
        case UInt8(ascii: "^"), UInt8(ascii: "$"): throw Problem("anchors have no meaning in a stream")
        default: return .byte(ByteClass(byte...byte))
        }
    }

    private mutating func group() throws(Problem) -> BytePatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 64 else { throw Problem("groups are too deep") }
        if skip("?"), !skip(":") { throw Problem("only (?: ) of the extended groups is known") }
        let node = try alternatives()
        guard skip(")") else { throw Problem("a group is not closed") }
        return node
    }

    private mutating func repetitions(of atom: BytePatternNode) throws(Problem) -> BytePatternNode {
        var node = atom
        while let byte = current {
            switch byte {
            case UInt8(ascii: "*"): node = .repetition(node, least: 0, most: nil)
            case UInt8(ascii: "+"): node = .repetition(node, least: 1, most: nil)
            case UInt8(ascii: "?"): node = .repetition(node, least: 0, most: 1)
            case UInt8(ascii: "{"):
                let (least, most) = try counts()
                node = .repetition(node, least: least, most: most)
            default: return node
            }
            position += 1
            // The earliest match ends at the same place, whether the repetition is greedy or lazy.
            _ = skip("?")
        }
        return node
    }

    /// Parses `{m}`, `{m,}` or `{m,n}`; leaves the position on the closing brace.
    private mutating func counts() throws(Problem) -> (least: Int, most: Int?) {
        position += 1
        guard let least = number() else { throw Problem("{ requires a number") }
        var most: Int? = least
        if skip(",") { most = number() }
        guard current == UInt8(ascii: "}") else { throw Problem("{ is not closed") }
        if let most, most < least { throw Problem("{\(least),\(most)} has its numbers in the wrong order") }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let byte = current, byte >= 0x30, byte <= 0x39 {
            value = min((value ?? 0) * 10 + Int(byte - 0x30), 100_000)
            position += 1
        }
        return value
    }

    // MARK: Classes

    private mutating func byteClass() throws(Problem) -> ByteClass {
        let isInverted = skip("^")
        var set = ByteClass()
        var isFirst = true
        while isFirst || current != UInt8(ascii: "]") {
            isFirst = false
            let (low, members) = try classMember()
            guard let low, current == UInt8(ascii: "-"), position + 1 < text.count,
                text[position + 1] != UInt8(ascii: "]")
            else {
                set.formUnion(members)
                continue
            }
            position += 1
            guard let high = try classMember().byte, high >= low else { throw Problem("a bad range in [ ]") }
            set.formUnion(ByteClass(low...high))
        }
        position += 1
        return isInverted ? set.inverted : set
    }

    /// Parses one member: a byte, which may begin a range, or a class such as `\d`.
    private mutating func classMember() throws(Problem) -> (byte: UInt8?, set: ByteClass) {
        guard let byte = current else { throw Problem("[ is not closed") }
        position += 1
        guard byte == UInt8(ascii: "\\") else { return (byte, ByteClass(byte...byte)) }
        if let single = try singleEscape() { return (single, ByteClass(single...single)) }
        return (nil, try classEscape())
    }

    private mutating func escape() throws(Problem) -> ByteClass {
        if let single = try singleEscape() { return ByteClass(single...single) }
        return try classEscape()
    }

    /// Parses an escape that stands for one byte. Returns nil, without moving on, if it stands for several.
    private mutating func singleEscape() throws(Problem) -> UInt8? {
        guard let byte = current else { throw Problem("it ends with a \\") }
        let value: UInt8
        switch byte {
        case UInt8(ascii: "r"): value = 0x0D
        case UInt8(ascii: "n"): value = 0x0A
        case UInt8(ascii: "t"): value = 0x09
        case UInt8(ascii: "f"): value = 0x0C
        case UInt8(ascii: "v"): value = 0x0B
        case UInt8(ascii: "0"): value = 0
        case UInt8(ascii: "x"):
            let digits = text.dropFirst(position + 1).prefix(2)
            guard digits.count == 2, let hex = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else {
                throw Problem("\\x requires two hexadecimal digits")
            }
            position += 2
            value = hex
        case 0x61...0x7A, 0x41...0x5A, 0x31...0x39: return nil
        default: value = byte
        }
        position += 1
        return value
    }

    private mutating func classEscape() throws(Problem) -> ByteClass {
        guard let byte = current else { throw Problem("it ends with a \\") }
        var set = ByteClass()
        switch byte | 0x20 {
        case UInt8(ascii: "d"): set = ByteClass(0x30...0x39)
        case UInt8(ascii: "s"):
            set = ByteClass(0x09...0x0D)
            set.insert(0x20)
        case UInt8(ascii: "w"):
            set = ByteClass(0x30...0x39)
            set.formUnion(ByteClass(0x41...0x5A))
            set.formUnion(ByteClass(0x61...0x7A))
            set.insert(0x5F)
        default: throw Problem("unknown escape \\\(Character(Unicode.Scalar(byte)))")
        }
        position += 1
        return byte & 0x20 == 0 ? set.inverted : set
    }
}
