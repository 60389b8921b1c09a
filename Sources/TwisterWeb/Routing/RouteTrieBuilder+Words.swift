/// Many words at one place are put into a hash table: byte by byte, more words would need more steps.
extension RouteTrieBuilder {
    /// The number of words from which on a table is faster than bytes.
    private static let fewestWords = 32

    /// A literal from one place of the tree to before the next slash, or to the end of a pattern.
    private struct FoundWord {
        var bytes: [UInt8]
        /// The pattern that ends with the word, and those that go on with a slash.
        var branch: Branch
    }

    /// Makes a table of the words below the branch, if there are enough; returns the rest, which bytes still have to reach.
    mutating func layWords(of branch: Branch, into node: inout RouteTrieLayout.Node, at place: Place) -> Branch {
        var found: [FoundWord] = []
        Self.collectWords(below: branch, behind: [], into: &found)
        guard found.count >= Self.fewestWords, let longest = found.map(\.bytes.count).max(), longest <= UInt16.max
        else { return branch }

        var capacity = 16
        while capacity < 2 * found.count { capacity *= 2 }
        var table = Array(repeating: RouteTrieLayout.Word(), count: capacity)
        var shared: [Shape: UInt32] = [:]
        for word in found {
            let hash = Self.hash(of: word.bytes)
            var index = Int(RouteTrieLayout.Word.slot(of: hash)) & (capacity - 1)
            while table[index].node != 0 { index = (index + 1) & (capacity - 1) }
            table[index].keyOffset = UInt32(labels.count)
            table[index].keyCount = UInt16(word.bytes.count)
            table[index].tag = RouteTrieLayout.Word.tag(of: hash)
            labels += word.bytes
            let lowest = word.branch.lowest
            if place.isBehindLoop {
                table[index].node = lay(word.branch, at: place).node
            } else {
                // A search comes to this table once at most, so that it meets the shared nodes below one word only.
                let shape = Shape(word.branch, base: lowest)
                let known = shared[shape] ?? lay(word.branch, at: Place(isBehindLoop: false, base: lowest)).node
                shared[shape] = known
                table[index].node = known
                table[index].base = lowest - place.base
            }
            node.lowest = min(node.lowest, lowest - place.base)
        }
        node.wordOffset = UInt32(words.count)
        node.wordMask = UInt32(capacity - 1)
        node.wordLongest = UInt32(longest)
        words += table
        return Self.withoutWords(branch)
    }

    private static func hash(of word: [UInt8]) -> UInt64 {
        word.withUnsafeBufferPointer { bytes in
            bytes.baseAddress.flatMap { PathBytes.word($0, from: 0, end: bytes.count, longest: bytes.count)?.hash } ?? 0
        }
    }

    private static func collectWords(below branch: Branch, behind bytes: [UInt8], into found: inout [FoundWord]) {
        for child in branch.children where child.byte != slash {
            let word = bytes + [child.byte]
            let end = Branch()
            end.terminal = child.branch.terminal
            end.children = child.branch.children.filter { $0.byte == slash }
            if end.terminal.route != RouteTrieLayout.none || !end.children.isEmpty {
                found.append(FoundWord(bytes: word, branch: end))
            }
            collectWords(below: child.branch, behind: word, into: &found)
        }
    }

    /// The part of the tree that no whole word reaches: loops within a word, and a slash where a word would begin.
    private static func withoutWords(_ branch: Branch) -> Branch {
        let rest = withoutWholeWords(branch)
        rest.children += branch.children.filter { $0.byte == slash }
        return rest
    }

    private static func withoutWholeWords(_ branch: Branch) -> Branch {
        let rest = Branch()
        for child in branch.children where child.byte != slash {
            let inner = withoutWholeWords(child.branch)
            inner.loops = child.branch.loops
            if !inner.loops.isEmpty || !inner.children.isEmpty { rest.children.append((child.byte, inner)) }
        }
        return rest
    }

    private static var slash: UInt8 { UInt8(ascii: "/") }
}

/// The form of a branch without the number of its first route. Branches of the same shape share their nodes.
private struct Shape: Hashable {
    private struct Child: Hashable {
        var element: PatternElement
        var shape: Shape
    }

    private var terminal: RouteTrieLayout.Terminal
    private var children: [Child]

    init(_ branch: RouteTrieBuilder.Branch, base: UInt32) {
        terminal = branch.terminal.counted(from: base)
        children =
            branch.children.map { Child(element: .literal([$0.byte]), shape: Shape($0.branch, base: base)) }
            + branch.loops.map { Child(element: $0.loop, shape: Shape($0.branch, base: base)) }
    }
}

extension RouteTrieBuilder.Branch {
    /// The lowest route that ends here or below.
    fileprivate var lowest: UInt32 {
        let below = children.map(\.branch) + loops.map(\.branch)
        return below.reduce(terminal.route) { min($0, $1.lowest) }
    }
}
