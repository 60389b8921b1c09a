/// The parts of a pattern from which a path is made.
enum ReverseTemplate: Sendable {
    enum Part: Sendable {
        case literal([UInt8])
        /// The next argument; the set has the bytes that its group accepts, if that is known.
        case argument(ByteSet?)
    }

    case parts([Part])
    case notReversible(reason: String)

    init(_ root: PatternNode) {
        do throws(NotReversible) {
            self = .parts(try Self.parts(of: root))
        } catch {
            self = .notReversible(reason: error.reason)
        }
    }

    private struct NotReversible: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private static func parts(of node: PatternNode) throws(NotReversible) -> [Part] {
        switch node {
        case .bytes:
            guard let literal = node.literal else { throw several }
            return [.literal(literal)]
        case .sequence(let nodes):
            var parts: [Part] = []
            for node in nodes { parts += try self.parts(of: node) }
            return parts
        case .group(_, let content):
            guard !content.hasGroups else { throw NotReversible("it has a group within a group") }
            return [.argument(accepted(by: content))]
        case .choice(let alternatives):
            guard !node.hasGroups else { throw NotReversible("it has a choice between arguments") }
            // One of several literals is as good as another.
            guard alternatives.allSatisfy({ $0.literal != nil }) else { throw several }
            return [.literal(alternatives.first?.literal ?? [])]
        case .repetition(let content, let repetition):
            guard !content.hasGroups else { throw NotReversible("it repeats an argument, or may leave it out") }
            // An optional part is left out; another one has to be a known text.
            if repetition.minimum == 0 { return [] }
            guard let literal = content.literal else { throw several }
            return [.literal(Array(repeating: literal, count: repetition.minimum).flatMap { $0 })]
        case .assertion:
            // It adds nothing to a path. Whether it holds shows when the path is matched.
            return []
        }
    }

    private static var several: NotReversible {
        NotReversible("a part that is no argument matches more than one text")
    }

    /// The bytes that a group accepts, if it is one class with or without a quantifier.
    private static func accepted(by content: PatternNode) -> ByteSet? {
        switch content {
        case .bytes(let set): content.literal == nil ? set : nil
        case .repetition(.bytes(let set), _): set
        case .sequence, .choice, .group, .repetition, .assertion: nil
        }
    }
}
