/// A part of a pattern that looks like a parameter in another framework's syntax: `:id`, `{id}` or `<id>`. Patterns are
/// regular expressions, in which it is only literal text.
struct ForeignParameter {
    /// The part as it was written.
    let text: String

    /// The first such part, outside of classes. One with an escape in front of it is meant literally.
    static func first(in pattern: String) -> ForeignParameter? {
        let text = Array(pattern.utf8)
        var position = 0
        while position < text.count {
            if let end = end(in: text, from: position) {
                return ForeignParameter(text: String(decoding: text[position..<end], as: UTF8.self))
            }
            switch text[position] {
            case UInt8(ascii: "\\"): position += 2
            case UInt8(ascii: "["): position = endOfClass(in: text, from: position)
            default: position += 1
            }
        }
        return nil
    }

    /// Where the parameter that begins at `start` ends; nil if none begins there.
    private static func end(in text: [UInt8], from start: Int) -> Int? {
        let previous = start > 0 ? text[start - 1] : 0
        let rest = text[(start + 1)...]
        // A name does not begin with a digit: "{2}" is a quantifier.
        guard let first = rest.first, isWord(first), !ByteSet.digits.contains(first) else { return nil }
        switch text[start] {
        case UInt8(ascii: ":"):
            return previous == UInt8(ascii: "/") ? rest.firstIndex { !isWord($0) } ?? rest.endIndex : nil
        case UInt8(ascii: "{"):
            return closing(UInt8(ascii: "}"), in: rest)
        case UInt8(ascii: "<"):
            // "(?<id>" and "(?P<id>" are named groups.
            return "?P".utf8.contains(previous) ? nil : closing(UInt8(ascii: ">"), in: rest)
        default:
            return nil
        }
    }

    /// The index behind the closing byte, if it stands in the same segment of the path.
    private static func closing(_ byte: UInt8, in rest: ArraySlice<UInt8>) -> Int? {
        guard let end = rest.firstIndex(where: { $0 == byte || $0 == UInt8(ascii: "/") }), rest[end] == byte else {
            return nil
        }
        return end + 1
    }

    private static func isWord(_ byte: UInt8) -> Bool { ByteSet.word.contains(byte) }

    /// The index behind the class that begins at `start`.
    private static func endOfClass(in text: [UInt8], from start: Int) -> Int {
        var position = start + 1
        if position < text.count, text[position] == UInt8(ascii: "^") { position += 1 }
        // A bracket that comes first is a member.
        if position < text.count, text[position] == UInt8(ascii: "]") { position += 1 }
        while position < text.count, text[position] != UInt8(ascii: "]") {
            position += text[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return position + 1
    }
}
