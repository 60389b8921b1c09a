import TwisterCodec

/// A pattern of paths: the text of a regular expression that has to match the whole path.
///
/// Patterns are anchored at both ends, whether or not they are written with `^` and `$`. They match the path as it was
/// sent, and what their groups capture is percent-decoded. A character beyond ASCII is the same as its percent-encoding, in
/// the pattern and in the path: `/grüße` matches a path in raw UTF-8 and `/gr%C3%BC%C3%9Fe`. The groups are either all
/// positional, `/user/([0-9]+)`, or all named, `/user/(?<id>[0-9]+)` (Python's spelling `(?P<id>…)` is the same).
///
/// Literals, character classes with a quantifier, groups of those, and choices between literals such as
/// `\.(json|xml)` are matched by a trie, whose cost does not depend on how many patterns there are. Any other regular
/// expression is matched by `Regex`, one after the other; such a pattern can be slow with a path that was made for this purpose.
///
/// Tornado: `PathMatches`.
public struct URLPattern: Sendable {
    /// The pattern as it was written.
    public let text: String
    /// The names of the groups, in order; empty if they are positional.
    public let groupNames: [String]
    /// How many arguments a match has.
    public let groupCount: Int

    /// How the pattern is matched.
    enum Matcher: Sendable {
        /// By the trie, as these lines; the elements are what they were made of.
        case simple([PatternElement], lines: [LinearPattern])
        case regex(FallbackRegex)
    }

    let matcher: Matcher
    /// The parts from which a path is made, or the reason why none can be made.
    let template: ReverseTemplate

    /// Throws `URLPatternError` if the text is no regular expression, mixes named and positional groups, or contains
    /// a character that no path can contain.
    ///
    /// Tornado: `PathMatches`.
    public init(_ text: String) throws(URLPatternError) {
        try self.init(text, ignoresCase: false)
    }

    /// With `ignoresCase` the pattern is for subjects that have been lowercased.
    init(_ text: String, ignoresCase: Bool) throws(URLPatternError) {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && ($0 < 0x80 || !ignoresCase) }) else {
            throw URLPatternError(
                pattern: text, reason: ignoresCase ? "hosts are visible ASCII" : "no path holds a control character")
        }
        let groups = try PatternGroups(of: text)
        let encoded = try Self.encodingNonASCII(text)
        self.text = text
        groupNames = groups.names
        groupCount = groups.count

        let bytes = Array(encoded.utf8)
        if let elements = PatternParser.parse(bytes) {
            let folded = ignoresCase ? elements.map(\.foldedToLowercase) : elements
            if let lines = LinearPattern.variants(of: folded) {
                matcher = .simple(folded, lines: lines)
                template = ReverseTemplate(folded)
                return
            }
        }
        template = ReverseTemplate(regex: bytes)
        let prefix = ignoresCase ? [] : ReverseTemplate.literalPrefix(ofRegex: bytes)
        do throws(URLPatternError) {
            matcher = .regex(try FallbackRegex(encoded, literalPrefix: prefix, ignoresCase: ignoresCase))
        } catch {
            throw URLPatternError(pattern: text, reason: error.reason)
        }
    }

    /// The pattern with characters beyond ASCII percent-encoded, as paths are before they are matched.
    private static func encodingNonASCII(_ text: String) throws(URLPatternError) -> String {
        guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
        var encoded = ""
        let scalars = Array(text.unicodeScalars)
        var isInClass = false
        var index = 0
        while index < scalars.count {
            let isEscaped = scalars[index] == "\\" && index + 1 < scalars.count
            if isEscaped { index += 1 }
            let scalar = scalars[index]
            index += 1
            if scalar.isASCII {
                if isEscaped { encoded.append("\\") } else { isInClass = scalar == "[" || isInClass && scalar != "]" }
                encoded.unicodeScalars.append(scalar)
                continue
            }
            guard !isInClass else {
                throw URLPatternError(
                    pattern: text, reason: "a character class takes ASCII only: write (?:ä|ö) instead of [äö]")
            }
            let octets = PercentCoding.encode(String(scalar))
            let isRepeated = index < scalars.count && "*+?{".unicodeScalars.contains(scalars[index])
            encoded += isRepeated ? "(?:\(octets))" : octets
        }
        return encoded
    }

    /// Whether the trie matches this pattern, so that its cost does not depend on other patterns.
    public var isSimple: Bool {
        if case .simple = matcher { true } else { false }
    }

    /// The arguments of a match of the whole path, or nil if the pattern does not match it.
    ///
    /// - Parameter path: The path as it was sent, without the query.
    /// - Throws: `PathArgumentError` if what a group captured is not properly percent-encoded UTF-8.
    ///
    /// Tornado: `PathMatches.match`.
    public func match(_ path: String) throws(PathArgumentError) -> PathArguments? {
        let bytes = path.withOctets(PercentCoding.encodeNonASCII)
        guard let captures = bytes.withUnsafeBytes(captures(in:)) else { return nil }
        return try PathArguments(captures, names: groupNames, path: bytes)
    }

    /// The groups of a match of the whole path, by a matcher that is made for this one call.
    func captures(in path: UnsafeRawBufferPointer) -> RouteCaptures? {
        switch matcher {
        case .simple(_, let lines):
            RouteTrie(lines.map { (0, $0) }).search(path)?.captures
        case .regex(let regex):
            regex.mayMatch(path) ? regex.match(RegexSubject(path)) : nil
        }
    }
}

/// A pattern that cannot be used. It is thrown when the pattern is created, so that a bad route is found before its first
/// request.
public struct URLPatternError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The pattern as it was written.
    public let pattern: String
    /// The problem of the pattern.
    public let reason: String

    package init(pattern: String, reason: String) {
        self.pattern = pattern
        self.reason = reason
    }

    public var description: String { "bad pattern \"\(pattern)\": \(reason)" }
}
