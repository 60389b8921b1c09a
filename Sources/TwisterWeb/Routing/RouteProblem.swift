/// A problem of an application's routes that no request would show.
public struct RouteProblem: Hashable, Sendable, CustomStringConvertible {
    /// The kinds of problems.
    public enum Kind: Hashable, Sendable {
        /// An earlier route has the same pattern: this route is never reached.
        case duplicate
        /// An earlier pattern matches every path that this one matches.
        case unreachable
        /// No path begins as this pattern does.
        case notAPath
        /// An earlier route has the same name; paths are made from the last one.
        case duplicateName
        /// The pattern has a parameter in another framework's syntax, such as `:id`, `{id}` or `<id>`, which is only literal
        /// text here.
        case foreignSyntax
        /// The prefix of a group ends with a slash and the pattern in the group begins with one: the path has both.
        case doubledSlash
    }

    /// The kind of this problem.
    public let kind: Kind
    /// The route's place in order of registration, from 0.
    public let route: Int
    /// The earlier route that matches instead, or has the same name; nil if there is none.
    public let earlierRoute: Int?
    /// The problem in words.
    public let description: String
}

/// A fact about an application's routes that is no problem, but may be worth knowing.
public struct RouteNote: Hashable, Sendable, CustomStringConvertible {
    /// The kinds of notes.
    public enum Kind: Hashable, Sendable {
        /// The pattern is not matched together with the others, but by an automaton of its own, which is tried for each path
        /// that begins as the pattern does. A table with many such routes is slower.
        case notInTrie
    }

    /// The kind of this note.
    public let kind: Kind
    /// The route's place in order of registration, from 0.
    public let route: Int
    /// The note in words, with the reason.
    public let description: String
}
