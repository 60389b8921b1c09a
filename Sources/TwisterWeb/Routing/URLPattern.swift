import TwisterCodec

/// A pattern of paths: the text of a regular expression that has to match the whole path.
///
/// Patterns are anchored at both ends, whether or not they are written with `^` and `$`. They match the path as it was
/// sent, and what their groups capture is percent-decoded. A character beyond ASCII is the same as its percent-encoding, in
/// the pattern and in the path: `/grüße` matches a path in raw UTF-8 and `/gr%C3%BC%C3%9Fe`. The groups are either all
/// positional, `/user/([0-9]+)`, or all named, `/user/(?<id>[0-9]+)` (Python's spelling `(?P<id>…)` is the same).
///
/// The syntax is that of Python's `re`: literals, classes, groups, choices, greedy and lazy quantifiers, the anchors
/// `^ $ \A \Z \b \B`, comments, and `(?i)` at the start; `\d`, `\w` and `\s` are ASCII. Backreferences, lookaround, atomic
/// groups, possessive quantifiers and conditionals are refused, because they cannot be matched in linear time or are
/// not needed. So every match takes time linear in the path's length.
///
/// Literals, character classes with a quantifier, groups of those, and choices between literals such as
/// `\.(json|xml)` are matched by a trie, whose cost does not depend on how many patterns there are. Other patterns are
/// tried one after the other, each by an automaton of its own.
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
        /// By an automaton of its own, with the reason why the trie cannot.
        case automaton(RouteAutomaton, reason: String)
    }

    let matcher: Matcher
    /// The parts from which a path is made, or the reason why none can be made.
    let template: ReverseTemplate

    /// Throws `URLPatternError` if the text is no regular expression of the supported syntax, mixes named and
    /// positional groups, or contains a character that no path can contain, and if it repeats so much that matching it would
    /// take more than 2,000 steps for each byte of a path.
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
        do throws(PatternParser.Problem) {
            let parsed = try PatternParser.parse(text, letterCase: ignoresCase ? .lowercased : .exact)
            self.text = text
            groupNames = parsed.groupNames
            groupCount = parsed.groupCount
            matcher = try Self.matcher(for: parsed)
            template = ReverseTemplate(parsed.root)
        } catch {
            throw URLPatternError(pattern: text, reason: error.reason)
        }
    }

    private static func matcher(for parsed: PatternParser.Result) throws(PatternParser.Problem) -> Matcher {
        let reason: String
        do throws(NotInTrie) {
            let elements = try [PatternElement](parsed.root)
            if let lines = LinearPattern.variants(of: elements) { return .simple(elements, lines: lines) }
            reason = "the order of its choices matters, or there are too many"
        } catch {
            reason = error.reason
        }
        return .automaton(try RouteAutomaton(parsed.root, groupCount: parsed.groupCount), reason: reason)
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
        case .automaton(let automaton, _):
            automaton.match(path)
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
