import TwisterCodec

/// A trie's memory, valid as long as its `RouteTrie` lives.
///
/// It is immutable, so that any number of threads may search at once without a lock: that is the reason for
/// `@unchecked Sendable`.
struct RouteTrieLayout: @unchecked Sendable {
    /// No route, and no maximum.
    static let none = UInt32.max

    struct Node {
        /// The literal that has to follow before anything else of this node counts.
        var labelOffset: UInt32 = 0
        var labelCount: UInt32 = 0
        /// The pattern that ends behind the label. Routes of nodes that several words share count from the word's `base`.
        var terminal = Terminal()
        /// The lowest route in the whole subtree: the best result that a search can still reach here.
        var lowest: UInt32 = RouteTrieLayout.none
        /// Children by next byte: `jumps[jumpOffset + byte - jumpFirst]`, 0 for no child.
        var jumpOffset: UInt32 = 0
        /// Children by next word: a hash table of this mask and place in `words`; no table if `wordLongest` is 0.
        var wordOffset: UInt32 = 0
        var wordMask: UInt32 = 0
        var wordLongest: UInt32 = 0
        var edgeOffset: UInt32 = 0
        var edgeCount: UInt32 = 0
        var jumpCount: UInt16 = 0
        var jumpFirst: UInt8 = 0
    }

    /// The end of a pattern, or of one of the lines into which a pattern with choices was split: no path matches two of them. It
    /// stands in the node, which many routes share, so that the result of a search is read from memory that is in the cache.
    struct Terminal: Hashable {
        /// `none`: no pattern ends here.
        var route: UInt32 = RouteTrieLayout.none
        var groupOffset: UInt32 = 0
        var groupCount: UInt32 = 0
    }

    /// A slot of a hash table of words. Four of them fill a cache line.
    struct Word {
        var keyOffset: UInt32 = 0
        var keyCount: UInt16 = 0
        /// Bits of the hash that do not decide on the slot: other words in the way are passed without a look at their keys.
        var tag: UInt16 = 0
        /// The node behind the word; 0 in an empty slot, since the root is no node's child.
        var node: UInt32 = 0
        /// A further number that is added to the routes below that node.
        var base: UInt32 = 0
    }

    /// A loop that leads to another node.
    struct Edge {
        /// Which of the tables in `classes`.
        var classIndex: UInt32
        var minimum: UInt32
        /// `none`: any number.
        var maximum: UInt32
        var child: UInt32
        /// Whether the next element cannot begin with a byte that the loop accepts: only the longest run can continue.
        var isDecided: Bool
    }

    let nodes: UnsafePointer<Node>
    let labels: UnsafePointer<UInt8>
    let jumps: UnsafePointer<UInt32>
    let words: UnsafePointer<Word>
    let edges: UnsafePointer<Edge>
    /// One table of 256 flags for each class.
    let classes: UnsafePointer<Bool>
    let groups: UnsafePointer<LinearPattern.GroupBounds>
    let edgeCount: Int
    /// The most loops on a way from the root to a terminal.
    let depth: Int

    /// Whether the node's label stands at `position` in the path, which ends at `end`.
    @inline(__always)
    func labelFits(_ node: UnsafePointer<Node>, _ path: UnsafePointer<UInt8>, at position: Int, end: Int) -> Bool {
        let count = Int(node.pointee.labelCount)
        return end &- position >= count
            && Octets.areEqual(labels + Int(node.pointee.labelOffset), path + position, count: count)
    }

    /// The child of a node by the next byte; 0: none.
    @inline(__always)
    func child(of node: UnsafePointer<Node>, byte: UInt8) -> UInt32 {
        let slot = Int(byte) &- Int(node.pointee.jumpFirst)
        guard slot >= 0, slot < Int(node.pointee.jumpCount) else { return 0 }
        return jumps[Int(node.pointee.jumpOffset) &+ slot]
    }

    /// A word of a node's table, as it was met in a path.
    struct MetWord {
        /// Where it ends in the path.
        var end: Int
        /// The node behind it.
        var node: UInt32
        /// A further number that is added to the routes below that node.
        var base: UInt32
    }

    /// The word of the node's table that stands at `position`.
    @inline(__always)
    func word(of node: UnsafePointer<Node>, _ path: UnsafePointer<UInt8>, at position: Int, end: Int) -> MetWord? {
        let longest = Int(node.pointee.wordLongest)
        guard let word = PathBytes.word(path, from: position, end: end, longest: longest) else { return nil }
        let table = words + Int(node.pointee.wordOffset)
        let count = word.end &- position
        var slot = Word.slot(of: word.hash) & node.pointee.wordMask
        while table[Int(slot)].node != 0 {
            let entry = table + Int(slot)
            if entry.pointee.tag == Word.tag(of: word.hash), Int(entry.pointee.keyCount) == count,
                Octets.areEqual(labels + Int(entry.pointee.keyOffset), path + position, count: count)
            {
                return MetWord(end: word.end, node: entry.pointee.node, base: entry.pointee.base)
            }
            slot = (slot &+ 1) & node.pointee.wordMask
        }
        return nil
    }
}

extension RouteTrieLayout.Word {
    /// Where the search for a word begins, before the mask.
    @inline(__always)
    static func slot(of hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) }

    @inline(__always)
    static func tag(of hash: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: hash) }
}
