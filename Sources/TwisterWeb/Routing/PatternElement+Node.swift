/// A pattern that cannot be one of the trie's lines, with the reason. It is matched by a `RouteAutomaton`.
struct NotInTrie: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

extension [PatternElement] {
    /// A counted repeat beyond this is left to the automaton: the cost of a bounded loop grows with its bound.
    private static let largestRepeat = 255

    /// The elements of a whole pattern: literals, loops over one class, groups around those, and choices between
    /// literals. An anchor at either end is left out, since patterns are anchored there anyway.
    init(_ root: PatternNode) throws(NotInTrie) {
        var nodes: [PatternNode] = if case .sequence(let nodes) = root { nodes } else { [root] }
        if nodes.first == .assertion(.start) { nodes.removeFirst() }
        if nodes.last == .assertion(.end) { nodes.removeLast() }
        self = try Self.elements(of: .sequence(nodes)).joiningLiterals
    }

    private static func elements(of node: PatternNode) throws(NotInTrie) -> [PatternElement] {
        switch node {
        case .bytes(let set):
            return [node.literal.map(PatternElement.literal) ?? .loop(set, minimum: 1, maximum: 1)]
        case .sequence(let nodes):
            var elements: [PatternElement] = []
            for node in nodes { elements += try self.elements(of: node) }
            return elements
        case .group(let number, let content):
            return [.open(number)] + (try elements(of: content)) + [.close(number)]
        case .choice(let alternatives):
            let options = alternatives.compactMap(\.literal)
            guard options.count == alternatives.count else {
                throw NotInTrie("it has a choice between more than literals")
            }
            return [.choice(options)]
        case .repetition(let content, let repetition):
            return [try loop(over: content, repetition)]
        case .assertion:
            throw NotInTrie("it has an anchor or a word boundary within")
        }
    }

    private static func loop(
        over content: PatternNode, _ repetition: PatternNode.Repetition
    ) throws(NotInTrie) -> PatternElement {
        guard case .bytes(let set) = content else { throw NotInTrie("it repeats a group") }
        guard !repetition.isLazy else { throw NotInTrie("it has a lazy quantifier") }
        guard repetition.maximum ?? repetition.minimum <= largestRepeat else {
            throw NotInTrie("it has a count larger than \(largestRepeat)")
        }
        return .loop(set, minimum: repetition.minimum, maximum: repetition.maximum)
    }
}
