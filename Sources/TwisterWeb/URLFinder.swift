/// Finds the URLs in a text that has been escaped for HTML: what Tornado's regular expression for `linkify` matches, in
/// linear time.
///
/// A URL begins at a word boundary with a name, a colon and one to three slashes, or with `www.`. It goes on with runs that
/// do not end with punctuation, and with parts in parentheses. `&` stands in it only as `&amp;` and `&quot;`.
struct URLFinder {
    struct Match {
        /// Where the URL is.
        var range: Range<Int>
        /// The length of the name before the colon; 0 for `www.`.
        var protocolLength: Int
        /// The number of slashes after the colon.
        var slashes: Int
    }

    private let text: [Unicode.Scalar]
    private var position = 0
    /// The end of the name last read: the positions before it need not read it again, which keeps the time linear.
    private var nameEnd = 0

    init(_ text: [Unicode.Scalar]) { self.text = text }

    /// The next URL after the last one.
    mutating func next() -> Match? {
        while position < text.count {
            if isBoundary(position), let match = match(at: position) {
                position = match.range.upperBound
                return match
            }
            position += 1
        }
        return nil
    }

    private mutating func match(at start: Int) -> Match? {
        if start >= nameEnd {
            nameEnd = start
            while nameEnd < text.count, isWord(text[nameEnd]) || text[nameEnd] == "-" { nameEnd += 1 }
            let slashes = text[min(nameEnd + 1, text.count)...].prefix(3).prefix { $0 == "/" }.count
            if nameEnd > start, nameEnd < text.count, text[nameEnd] == ":", slashes > 0 {
                // A slash may also belong to the rest: `http:///` is a URL.
                for count in (1...slashes).reversed() {
                    guard let end = endOfBody(from: nameEnd + 1 + count) else { continue }
                    return Match(range: start..<end, protocolLength: nameEnd - start, slashes: count)
                }
            }
        }
        guard text[start...].starts(with: "www.".unicodeScalars), let end = endOfBody(from: start + 4) else {
            return nil
        }
        return Match(range: start..<end, protocolLength: 0, slashes: 0)
    }

    /// The end of the runs and parentheses that begin at a position; nil if there are none.
    private func endOfBody(from start: Int) -> Int? {
        var end = start
        while let next = endOfRun(from: end) ?? endOfParentheses(from: end) { end = next }
        return end > start ? end : nil
    }

    /// The end of the longest run that does not end with punctuation.
    private func endOfRun(from start: Int) -> Int? {
        var position = start
        var end: Int?
        while let next = endOfUnit(at: position) {
            if next == position + 1, !isPunctuation(text[position]) { end = next }
            position = next
        }
        return end
    }

    private func endOfParentheses(from start: Int) -> Int? {
        guard start < text.count, text[start] == "(" else { return nil }
        var position = start + 1
        while let next = endOfUnit(at: position) { position = next }
        return position < text.count && text[position] == ")" ? position + 1 : nil
    }

    /// The end of one character, or of one `&amp;` or `&quot;`, that may stand in a URL.
    private func endOfUnit(at position: Int) -> Int? {
        guard position < text.count else { return nil }
        switch text[position] {
        case "&":
            if text[position...].starts(with: "&amp;".unicodeScalars) { return position + 5 }
            return text[position...].starts(with: "&quot;".unicodeScalars) ? position + 6 : nil
        case "(", ")": return nil
        default: return isSpace(text[position]) ? nil : position + 1
        }
    }

    private func isBoundary(_ position: Int) -> Bool {
        isWord(text[position]) != (position > 0 && isWord(text[position - 1]))
    }

    private func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x1C...0x20: true
        case ..<0x80: false
        default: scalar.properties.isWhitespace
        }
    }

    /// Whether a run may not end with the character: ASCII punctuation but for `-`, `/`, `\` and `_`.
    private func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "!"...",", ".", ":"..."@", "[", "]", "^", "`", "{"..."~": true
        default: false
        }
    }

    private func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": return true
        case _ where scalar.isASCII: return false
        default: break
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber:
            return true
        default: return false
        }
    }
}
