/// The parts of a pattern from which a path is made.
enum ReverseTemplate: Sendable {
    enum Part: Sendable {
        case literal([UInt8])
        /// The next argument; the set has the bytes that its group accepts, if that is known.
        case argument(ByteSet?)
    }

    case parts([Part])
    case notReversible(reason: String)

    init(_ elements: [PatternElement]) {
        self = Self.parts(of: elements)
    }

    init(regex text: [UInt8]) {
        var reader = RegexReader(text)
        do throws(RegexReader.NotLiteral) {
            self = .parts(try reader.parts())
        } catch {
            self = .notReversible(reason: error.reason)
        }
    }

    private static func parts(of elements: [PatternElement]) -> ReverseTemplate {
        var parts: [Part] = []
        var group: [PatternElement] = []
        var isInGroup = false
        for element in elements {
            switch element {
            case .open:
                guard !isInGroup else { return .notReversible(reason: "it has a group within a group") }
                isInGroup = true
                group = []
            case .close:
                isInGroup = false
                parts.append(.argument(accepted(by: group)))
            case _ where isInGroup:
                group.append(element)
            case .literal(let bytes):
                parts.append(.literal(bytes))
            case .choice(let options):
                parts.append(.literal(options.first ?? []))
            case .loop(let set, let minimum, _):
                // An optional part is left out; another one has to be a known byte.
                if minimum == 0 { continue }
                let members = set.members
                guard members.count == 1 else {
                    return .notReversible(reason: "a part that is no argument matches more than one text")
                }
                parts.append(.literal(Array(repeating: members[0], count: minimum)))
            }
        }
        return .parts(parts)
    }

    private static func accepted(by group: [PatternElement]) -> ByteSet? {
        guard group.count == 1, case .loop(let set, _, _) = group[0] else { return nil }
        return set
    }

    /// The bytes with which every match of a regex begins.
    static func literalPrefix(ofRegex text: [UInt8]) -> [UInt8] {
        var reader = RegexReader(text)
        return reader.literalPrefix()
    }
}

/// Reads the literal parts of a regex that `PatternParser` does not support.
private struct RegexReader {
    struct NotLiteral: Error {
        var reason: String
    }

    private let text: [UInt8]
    private var position = 0

    init(_ text: [UInt8]) { self.text = text }

    private var peek: UInt8? { position < text.count ? text[position] : nil }

    /// Literals outside of groups, and an argument for each capturing group at the top.
    mutating func parts() throws(NotLiteral) -> [ReverseTemplate.Part] {
        var parts: [ReverseTemplate.Part] = []
        if peek == UInt8(ascii: "^") { position += 1 }
        while let byte = peek {
            if byte == UInt8(ascii: "$"), position == text.count - 1 { break }
            if byte == UInt8(ascii: "(") {
                try skipGroup()
                parts.append(.argument(nil))
            } else if let literal = literal() {
                parts.append(.literal([literal]))
            } else {
                throw NotLiteral(reason: "it has special characters outside of its groups")
            }
            if isQuantifier(peek) { throw NotLiteral(reason: "it has a quantifier outside of its groups") }
        }
        return parts
    }

    mutating func literalPrefix() -> [UInt8] {
        // Not every match of "/a|/b" begins with "/a": literals before a bar at the top level do not count.
        if text.contains(UInt8(ascii: "|")), !barsAreInGroups() { return [] }
        var prefix: [UInt8] = []
        position = peek == UInt8(ascii: "^") ? 1 : 0
        while let byte = literal() {
            if isQuantifier(peek) { return prefix }
            prefix.append(byte)
        }
        return prefix
    }

    private func barsAreInGroups() -> Bool {
        var reader = RegexReader(text)
        while let byte = reader.peek {
            switch byte {
            case UInt8(ascii: "|"): return false
            case UInt8(ascii: "("): reader.skipBalanced()
            case UInt8(ascii: "["): reader.position = PatternGroups.endOfClass(text, from: reader.position) + 1
            case UInt8(ascii: "\\"): reader.position += 2
            default: reader.position += 1
            }
        }
        return true
    }

    /// The next byte, if it stands for itself.
    private mutating func literal() -> UInt8? {
        guard let byte = peek else { return nil }
        if byte == UInt8(ascii: "\\") {
            guard position + 1 < text.count, !text[position + 1].isASCIILetterOrDigit else { return nil }
            position += 2
            return text[position - 1]
        }
        guard !".[](){}*+?^$|".utf8.contains(byte) else { return nil }
        position += 1
        return byte
    }

    private func isQuantifier(_ byte: UInt8?) -> Bool {
        guard let byte else { return false }
        return "*+?{".utf8.contains(byte)
    }

    /// Skips a capturing group that contains no other.
    private mutating func skipGroup() throws(NotLiteral) {
        let start = position
        skipBalanced()
        let group = String(decoding: text[start..<min(position, text.count)], as: UTF8.self)
        guard let groups = try? PatternGroups(of: group), groups.count == 1 else {
            throw NotLiteral(reason: "it has a group that is not exactly one argument")
        }
        // "(?:a(b))": the one argument is not the group itself.
        let outer = try? PatternGroups(of: String(group.dropFirst()))
        guard outer?.count == 0 else { throw NotLiteral(reason: "it has a group within a group") }
    }

    private mutating func skipBalanced() {
        var depth = 0
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: "["): position = PatternGroups.endOfClass(text, from: position)
            case UInt8(ascii: "\\"): position += 1
            default: break
            }
            position += 1
            if depth == 0 { return }
        }
    }
}
