/// Many words at one place are put into a hash table: byte by byte, more words would need more steps.
extension RouteTrieBuilder {
    /// The number of words from which on a table is faster than bytes.
    private static let fewestWords = 32

    /// A literal from one place of the tree to behind the next slash, or to the end of a pattern.
    private struct FoundWord {
        var bytes: [UInt8]
        var branch: Branch
    }

    /// Makes a table of the words below the branch, if there are enough; returns the rest, which bytes still have to reach.
    mutating func layWords(of branch: Branch, into node: inout RouteTrieLayout.Node) -> Branch {
        var found: [FoundWord] = []
        Self.collectWords(below: branch, behind: [], into: &found)
        guard found.count >= Self.fewestWords, let longest = found.map(\.bytes.count).max() else { return branch }

        var capacity = 16
        while capacity < 2 * found.count { capacity *= 2 }
        var table = Array(repeating: RouteTrieLayout.Word(), count: capacity)
        for word in found {
            let slot = slot(for: word, longest: longest)
            var index = Int(slot.hash) & (capacity - 1)
            while table[index].keyCount != 0 { index = (index + 1) & (capacity - 1) }
            table[index] = slot
            let isLine = word.bytes.last != UInt8(ascii: "/")
            node.lowest = min(node.lowest, isLine ? slot.target : nodes[Int(slot.target)].lowest)
        }
        node.wordOffset = UInt32(words.count)
        node.wordMask = UInt32(capacity - 1)
        node.wordLongest = UInt32(longest)
        words += table
        return Self.withoutWords(branch) ?? Branch()
    }

    private mutating func slot(for word: FoundWord, longest: Int) -> RouteTrieLayout.Word {
        var slot = RouteTrieLayout.Word()
        slot.keyOffset = UInt32(labels.count)
        slot.keyCount = UInt32(word.bytes.count)
        slot.hash = word.bytes.withUnsafeBufferPointer { bytes in
            bytes.baseAddress.flatMap { PathBytes.word($0, from: 0, end: bytes.count, longest: longest)?.hash } ?? 0
        }
        labels += word.bytes
        slot.target = word.bytes.last == UInt8(ascii: "/") ? lay(word.branch).node : word.branch.terminal
        return slot
    }

    private static func collectWords(below branch: Branch, behind bytes: [UInt8], into found: inout [FoundWord]) {
        for child in branch.children {
            let word = bytes + [child.byte]
            if child.byte == UInt8(ascii: "/") {
                found.append(FoundWord(bytes: word, branch: child.branch))
                continue
            }
            if child.branch.terminal != RouteTrieLayout.none {
                found.append(FoundWord(bytes: word, branch: child.branch))
            }
            collectWords(below: child.branch, behind: word, into: &found)
        }
    }

    /// The part of the tree that no whole word reaches: loops within a word. Nil if there are none.
    private static func withoutWords(_ branch: Branch) -> Branch? {
        let rest = Branch()
        for child in branch.children where child.byte != UInt8(ascii: "/") {
            let inner = withoutWords(child.branch) ?? Branch()
            inner.loops = child.branch.loops
            if !inner.loops.isEmpty || !inner.children.isEmpty { rest.children.append((child.byte, inner)) }
        }
        return rest.children.isEmpty ? nil : rest
    }
}
