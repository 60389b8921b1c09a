/// Something wrong with an application's routes that a request would not reveal.
public struct RouteProblem: Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with a route.
    public enum Kind: Hashable, Sendable {
        /// The same pattern stands earlier: this one is never reached.
        case duplicate
        /// An earlier pattern matches every path that this one matches.
        case unreachable
        /// No path begins as this pattern does.
        case notAPath
        /// An earlier route has the same name; paths are made from the last one.
        case duplicateName
    }

    /// What is wrong with this one.
    public let kind: Kind
    /// The route's place in order of registration, from 0.
    public let route: Int
    /// The earlier route that is in the way, if one is.
    public let earlierRoute: Int?
    /// The problem in words.
    public let description: String
}
