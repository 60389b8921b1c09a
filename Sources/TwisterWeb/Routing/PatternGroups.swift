/// The capture groups of a pattern, in order.
///
/// They are found by a scan of the text, because `Regex` shows them only together with a match.
struct PatternGroups: Sendable {
    /// How many groups capture.
    let count: Int
    /// The groups' names, if they are named; empty if they are positional.
    let names: [String]

    /// Throws if named and positional groups are mixed: Tornado passes either arguments or keyword arguments.
    init(of pattern: String) throws(URLPatternError) {
        let text = Array(pattern.utf8)
        var names: [String] = []
        var count = 0
        var position = 0
        while position < text.count {
            defer { position += 1 }
            switch text[position] {
            case UInt8(ascii: "\\"):
                position += 1
            case UInt8(ascii: "["):
                position = Self.endOfClass(text, from: position)
            case UInt8(ascii: "("):
                guard let name = Self.group(text, at: position) else { continue }
                count += 1
                if !name.isEmpty { names.append(name) }
            default:
                break
            }
        }
        guard names.isEmpty || names.count == count else {
            throw URLPatternError(
                pattern: pattern, reason: "named and positional groups are mixed; name all of them or none")
        }
        guard Set(names).count == names.count else {
            throw URLPatternError(pattern: pattern, reason: "two groups have the same name")
        }
        self.count = count
        self.names = names
    }

    /// The index of the bracket that closes the class which opens at `start`.
    static func endOfClass(_ text: [UInt8], from start: Int) -> Int {
        var position = start + 1
        while position < text.count, text[position] != UInt8(ascii: "]") {
            position += text[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return position
    }

    /// The name of the group that opens at `start`, "" if it has none, nil if it does not capture.
    private static func group(_ text: [UInt8], at start: Int) -> String? {
        var position = start + 1
        guard position < text.count, text[position] == UInt8(ascii: "?") else { return "" }
        position += 1
        if position < text.count, text[position] == UInt8(ascii: "P") { position += 1 }
        guard position + 1 < text.count, text[position] == UInt8(ascii: "<"),
            text[position + 1] != UInt8(ascii: "="), text[position + 1] != UInt8(ascii: "!")
        else { return nil }
        let name = text[(position + 1)...].prefix { $0 != UInt8(ascii: ">") }
        return String(decoding: name, as: UTF8.self)
    }
}
