/// A regular expression as a tree: what `PatternParser` reads, and what both the trie's lines and `RouteAutomaton` are
/// made of.
indirect enum PatternNode: Hashable, Sendable {
    /// One byte of the set.
    case bytes(ByteSet)
    /// One node after the other; empty: nothing.
    case sequence([PatternNode])
    /// The first of the nodes with which the rest matches, too.
    case choice([PatternNode])
    /// Capturing group number n, from 0.
    case group(Int, PatternNode)
    case repetition(PatternNode, Repetition)
    case assertion(Assertion)

    /// How often a node is repeated.
    struct Repetition: Hashable, Sendable {
        var minimum: Int
        /// Nil for any number.
        var maximum: Int?
        /// Whether fewer repetitions are tried before more of them.
        var isLazy = false
    }

    /// A condition on a position, which reads no bytes.
    enum Assertion: Hashable, Sendable {
        /// `^`, `\A`
        case start
        /// `$`, `\Z`, `\z`. There is no exception for a line feed at the end, since no path contains one.
        case end
        /// `\b`
        case wordBoundary
        /// `\B`
        case noWordBoundary
    }
}

extension PatternNode {
    /// Whether the node may match without reading a byte.
    var matchesEmpty: Bool {
        switch self {
        case .bytes: false
        case .sequence(let nodes): nodes.allSatisfy(\.matchesEmpty)
        case .choice(let nodes): nodes.contains(where: \.matchesEmpty)
        case .group(_, let content): content.matchesEmpty
        case .repetition(let content, let repetition): repetition.minimum == 0 || content.matchesEmpty
        case .assertion: true
        }
    }

    /// Whether the node contains a capturing group.
    var hasGroups: Bool {
        switch self {
        case .bytes, .assertion: false
        case .sequence(let nodes), .choice(let nodes): nodes.contains(where: \.hasGroups)
        case .group: true
        case .repetition(let content, _): content.hasGroups
        }
    }

    /// The only text that the node matches, if it is plainly one.
    var literal: [UInt8]? {
        switch self {
        case .bytes(let set):
            let members = set.members
            return members.count == 1 ? members : nil
        case .sequence(let nodes):
            var text: [UInt8] = []
            for node in nodes {
                guard let part = node.literal else { return nil }
                text += part
            }
            return text
        case .choice, .group, .repetition, .assertion: return nil
        }
    }

    /// Bytes with which every match begins.
    var literalPrefix: [UInt8] { prefix.bytes }

    /// Bytes with which every match begins, and whether they are all that the node matches.
    private var prefix: (bytes: [UInt8], isComplete: Bool) {
        switch self {
        case .bytes:
            return literal.map { ($0, true) } ?? ([], false)
        case .sequence(let nodes):
            var bytes: [UInt8] = []
            for node in nodes {
                let next = node.prefix
                bytes += next.bytes
                guard next.isComplete else { return (bytes, false) }
            }
            return (bytes, true)
        case .group(_, let content): return content.prefix
        case .repetition(let content, let repetition):
            return repetition.minimum > 0 ? (content.prefix.bytes, false) : ([], false)
        case .assertion: return ([], true)
        case .choice: return ([], false)
        }
    }
}
