@testable import TwisterWeb

/// A backtracking matcher of pattern trees, written to be plainly right: it tries what a backtracking engine tries, in the
/// same order. It needs exponential time at worst, and gives up after a number of steps.
struct NaiveRegex {
    struct TooManySteps: Error {}

    private let text: [UInt8]
    private var groups: [Int: Range<Int>] = [:]
    private var steps = 0

    /// The groups of the match of the whole text, nil if there is none.
    static func match(_ root: PatternNode, groupCount: Int, _ text: [UInt8]) throws -> [Range<Int>?]? {
        var regex = NaiveRegex(text: text)
        let matches = try regex.match(root, 0) { regex, end in end == regex.text.count }
        return matches ? (0..<groupCount).map { regex.groups[$0] } : nil
    }

    private init(text: [UInt8]) { self.text = text }

    private typealias Rest = (inout NaiveRegex, Int) throws -> Bool

    private mutating func match(_ node: PatternNode, _ start: Int, _ rest: Rest) throws -> Bool {
        steps += 1
        guard steps < 20_000 else { throw TooManySteps() }
        switch node {
        case .bytes(let set):
            return try start < text.count && set.contains(text[start]) && rest(&self, start + 1)
        case .sequence(let nodes):
            return try match(nodes[...], start, rest)
        case .choice(let nodes):
            for node in nodes where try match(node, start, rest) { return true }
            return false
        case .group(let number, let content):
            let before = groups[number]
            return try match(content, start) { regex, end in
                let own = regex.groups[number]
                regex.groups[number] = start..<end
                if try rest(&regex, end) { return true }
                regex.groups[number] = own ?? before
                return false
            }
        case .repetition(let content, let repetition):
            return try match(content, repetition, done: 0, start, rest)
        case .assertion(let assertion):
            return try holds(assertion, start) && rest(&self, start)
        }
    }

    private mutating func match(_ nodes: ArraySlice<PatternNode>, _ start: Int, _ rest: Rest) throws -> Bool {
        guard let first = nodes.first else { return try rest(&self, start) }
        return try match(first, start) { regex, end in try regex.match(nodes.dropFirst(), end, rest) }
    }

    private mutating func match(
        _ content: PatternNode, _ repetition: PatternNode.Repetition, done: Int, _ start: Int, _ rest: Rest
    ) throws -> Bool {
        func once(_ regex: inout NaiveRegex) throws -> Bool {
            try regex.match(content, start) { regex, end in
                // After an optional repetition that read nothing there is no other one.
                let isLast = end == start && done >= repetition.minimum
                return isLast
                    ? try rest(&regex, end) : try regex.match(content, repetition, done: done + 1, end, rest)
            }
        }
        if done < repetition.minimum { return try once(&self) }
        if let maximum = repetition.maximum, done >= maximum { return try rest(&self, start) }
        if repetition.isLazy {
            if try rest(&self, start) { return true }
            return try once(&self)
        }
        if try once(&self) { return true }
        return try rest(&self, start)
    }

    private func holds(_ assertion: PatternNode.Assertion, _ position: Int) -> Bool {
        func isWord(_ index: Int) -> Bool { text.indices.contains(index) && ByteSet.word.contains(text[index]) }
        return switch assertion {
        case .start: position == 0
        case .end: position == text.count
        case .wordBoundary: isWord(position - 1) != isWord(position)
        case .noWordBoundary: isWord(position - 1) == isWord(position)
        }
    }
}
