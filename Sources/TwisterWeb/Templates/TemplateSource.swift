/// The text of a template, split into plain text and tags.
///
/// The compiled form of the mustache package is closed to others, so that what has to be known of a template before it is
/// rendered is read from its text: which templates it includes, and which values it names.
struct TemplateSource {
    enum Kind: Equatable {
        case variable, section, inverted, end, partial, parent, block, pragma, other
    }

    struct Tag {
        var kind: Kind
        /// The name without blanks; a partial's leading `*` stays.
        var name: String
        /// From 1.
        var line: Int
        /// The tag as it is written, with its delimiters.
        var text: Substring
        /// Whether the tag is rendered only if a value has been found for a section around it.
        var isConditional: Bool

        /// The value that is looked up: without transforms and without its members.
        var root: String {
            let inner = name.split(separator: "(").last ?? ""
            return String(inner.prefix { $0 != ")" && $0 != "." })
        }
    }

    enum Piece {
        case text(Substring)
        case tag(Tag)
    }

    private(set) var pieces: [Piece] = []

    var tags: [Tag] {
        pieces.compactMap { piece in
            if case .tag(let tag) = piece { tag } else { nil }
        }
    }

    /// Splits the text. Where a tag is not closed, the rest is plain text: the compiler reports it.
    ///
    /// - Throws: `TemplateError` for delimiters that are not two characters long, which the compiler cannot read, and for
    ///   an empty section, which has no meaning.
    init(_ text: String, file: String) throws(TemplateError) {
        var rest = text[...]
        var delimiters = (start: "{{", end: "}}")
        var line = 1
        var open: [Kind] = []
        while let start = rest.range(of: delimiters.start) {
            let content = rest[start.upperBound...]
            guard let end = Self.end(of: content, delimiter: delimiters.end) else { break }
            let plain = rest[..<start.lowerBound]
            if !plain.isEmpty { pieces.append(.text(plain)) }
            line += plain.lineEnds
            let kind = Self.kind(of: content.first)
            let body = content[..<end.lowerBound]
            let name = kind == .variable && body.first?.isLetter == true ? String(body) : String(body.dropFirst())
            if kind == .end, !open.isEmpty { open.removeLast() }
            let tag = Tag(
                kind: kind, name: name.filter { !$0.isWhitespace && $0 != "}" }, line: line,
                text: rest[start.lowerBound..<end.upperBound], isConditional: open.contains(.section))
            if case .tag(let last)? = pieces.last, kind == .end, last.kind == .section, last.name == tag.name {
                throw TemplateError(file: file, line: line, reason: "the section \(tag.name) is empty")
            }
            pieces.append(.tag(tag))
            if [.section, .inverted, .block, .parent].contains(kind) { open.append(kind) }
            if content.first == "=" {
                let parts = body.dropFirst().prefix { $0 != "=" }.split(whereSeparator: \.isWhitespace)
                guard parts.count == 2, parts.allSatisfy({ $0.count == 2 }) else {
                    throw TemplateError(file: file, line: line, reason: "a delimiter must be two characters long")
                }
                delimiters = (String(parts[0]), String(parts[1]))
            }
            line += tag.text.lineEnds
            rest = rest[end.upperBound...]
        }
        if !rest.isEmpty { pieces.append(.text(rest)) }
    }

    private static func kind(of sigil: Character?) -> Kind {
        switch sigil {
        case "#": .section
        case "^": .inverted
        case "/": .end
        case ">": .partial
        case "<": .parent
        case "$": .block
        case "%": .pragma
        case "!", "=": .other
        default: .variable
        }
    }

    /// Where the tag ends whose content begins here.
    private static func end(of content: Substring, delimiter: String) -> Range<String.Index>? {
        content.range(of: content.first == "{" ? "}" + delimiter : delimiter)
    }
}

extension StringProtocol {
    /// The first place of a text in this one, compared by octets.
    func range(of text: String) -> Range<Index>? {
        guard let first = text.utf8.first else { return nil }
        var rest = utf8[...]
        while let start = rest.firstIndex(of: first) {
            let tail = utf8[start...]
            if tail.starts(with: text.utf8) { return start..<utf8.index(start, offsetBy: text.utf8.count) }
            rest = utf8[utf8.index(after: start)...]
        }
        return nil
    }

    fileprivate var lineEnds: Int { utf8.count { $0 == UInt8(ascii: "\n") } }
}
