import TwisterCodec

/// One search of a path in a trie.
///
/// Depth first, longest run first, so the first arrival at a terminal is the match that the regex would find. Searches
/// begin without any bookkeeping. One that uses up its steps is begun anew with a memo: then no loop leads twice
/// to the same place in the path, and the steps are bounded by (loops reached) x (length of the path).
struct RouteTrieSearch: ~Copyable {
    /// The results that a search with a memo keeps of one loop.
    ///
    /// One number is enough, because a loop is always entered at descending positions: the loops before it try their longest
    /// run first, and the literals between them have a fixed length. So everything that can be reached from a position has
    /// been tried before the loop is entered at a smaller one.
    private struct Explored {
        /// The lowest end of the loop that was visited; ends from here on need no second visit.
        var lowestEnd = Int.max
        /// The last run: where it was entered, and where it ended.
        var runStart = Int.max
        var runEnd = 0
    }

    /// Where a search begins: everything before was decided by literals.
    struct Start {
        var node: UnsafePointer<RouteTrieLayout.Node>
        /// The number that is added to the routes of the node and of the nodes below it.
        var base: UInt32
        /// The place in the path where the node's label is to stand.
        var position: Int
    }

    /// Not retained: the router that searches keeps it. A strong reference costs 40 instructions for each search, two of them
    /// atomic operations on memory that all loops share.
    private unowned(unsafe) let owner: RouteTrie
    private var trie: RouteTrieLayout { owner.layout }
    private let path: UnsafePointer<UInt8>
    private let end: Int
    /// Where each loop on the way to the current node ended, and the same for the best match so far.
    private let trail: UnsafeMutablePointer<Int32>
    let bestTrail: UnsafeMutablePointer<Int32>

    /// The lowest route that matched; routes from here on are of no interest.
    private(set) var best = RouteTrieLayout.none
    /// The node where its pattern ends.
    private(set) var bestNode: UnsafePointer<RouteTrieLayout.Node>
    /// Steps until the search is given up.
    private var steps: Int
    /// By edge; nil in the first attempt.
    private var memo: [Explored]?

    /// `trails` has room for twice `trie.depth` numbers.
    init(
        _ trie: RouteTrie, path: UnsafePointer<UInt8>, count: Int,
        trails: UnsafeMutablePointer<Int32>, steps: Int
    ) {
        owner = trie
        self.path = path
        self.end = count
        self.trail = trails
        self.bestTrail = trails + trie.layout.depth
        self.steps = steps
        bestNode = trie.layout.nodes
    }

    /// Searches everything that can be reached from a place in the trie and in the path. Afterwards `best` is the route that won,
    /// and `bestTrail` says where its loops ended.
    mutating func run(from start: Start) {
        walk(from: start.node, base: start.base, at: start.position, depth: 0)
        guard steps < 0 else { return }
        best = RouteTrieLayout.none
        steps = Int.max
        memo = Array(repeating: Explored(), count: trie.edgeCount)
        walk(from: start.node, base: start.base, at: start.position, depth: 0)
    }

    /// - Parameter firstBase: the number that is added to the routes of the node and of the nodes below it.
    private mutating func walk(
        from start: UnsafePointer<RouteTrieLayout.Node>, base firstBase: UInt32, at place: Int, depth: Int
    ) {
        var (node, base, position) = (start, firstBase, place)
        while true {
            guard base &+ node.pointee.lowest < best, trie.labelFits(node, path, at: position, end: end) else { return }
            position += Int(node.pointee.labelCount)
            guard position < end else {
                arrive(at: node, base: base, depth: depth)
                if node.pointee.edgeCount > 0 { tryLoops(of: node, base: base, at: position, depth: depth) }
                return
            }
            let child = trie.child(of: node, byte: path[position])
            // Literals are tried first: they cost less, and a route that they find rules out loops that lead to later ones only.
            if node.pointee.wordLongest > 0 {
                let word = trie.word(of: node, path, at: position, end: end)
                if child == 0, node.pointee.edgeCount == 0 {
                    // In the usual case no function is called.
                    guard let word else { return }
                    (node, base, position) = (trie.nodes + Int(word.node), base &+ word.base, word.end)
                    continue
                }
                if let word {
                    walk(from: trie.nodes + Int(word.node), base: base &+ word.base, at: word.end, depth: depth)
                }
            }
            if node.pointee.edgeCount > 0 {
                if child != 0 { walk(from: trie.nodes + Int(child), base: base, at: position + 1, depth: depth) }
                tryLoops(of: node, base: base, at: position, depth: depth)
                return
            }
            guard child != 0 else { return }
            node = trie.nodes + Int(child)
            position += 1
        }
    }

    /// The path ends behind the node's label.
    private mutating func arrive(at node: UnsafePointer<RouteTrieLayout.Node>, base: UInt32, depth: Int) {
        let route = node.pointee.terminal.route
        guard route != RouteTrieLayout.none, base &+ route < best else { return }
        best = base &+ route
        bestNode = node
        bestTrail.update(from: trail, count: depth)
    }

    // MARK: Loops

    private mutating func tryLoops(
        of node: UnsafePointer<RouteTrieLayout.Node>, base: UInt32, at position: Int, depth: Int
    ) {
        let first = Int(node.pointee.edgeOffset)
        for edge in first..<first + Int(node.pointee.edgeCount) {
            guard steps >= 0 else { return }
            if memo == nil {
                let longest = runEnd(of: edge, from: position, knownFrom: Int.max, knownEnd: 0)
                steps -= longest - position
                follow(edge, base: base, from: position, longest: longest, depth: depth)
            } else {
                followWithMemo(edge, base: base, from: position, depth: depth)
            }
        }
    }

    /// Where the longest run of the loop ends; a run that reaches `knownFrom` is known to go on to `knownEnd`.
    private func runEnd(of edge: Int, from position: Int, knownFrom: Int, knownEnd: Int) -> Int {
        let accepted = trie.classes + Int(trie.edges[edge].classIndex) * 256
        let maximum = trie.edges[edge].maximum
        guard maximum == RouteTrieLayout.none else {
            let limit = min(end, position + Int(maximum))
            var place = position
            while place < limit, accepted[Int(path[place])] { place += 1 }
            return place
        }
        let limit = min(end, knownFrom)
        var place = position
        while place < limit, accepted[Int(path[place])] { place += 1 }
        return place == knownFrom ? knownEnd : place
    }

    /// Continues behind the loop, from its longest run (at most `longest`) to its shortest.
    private mutating func follow(_ edge: Int, base: UInt32, from position: Int, longest: Int, depth: Int) {
        let shortest = position + Int(trie.edges[edge].minimum)
        let child = trie.nodes + Int(trie.edges[edge].child)
        let last = trie.edges[edge].isDecided ? longest : shortest
        guard longest >= shortest else { return }
        var place = longest
        while place >= last, base &+ child.pointee.lowest < best, steps >= 0 {
            steps -= 1
            trail[depth] = Int32(truncatingIfNeeded: place)
            walk(from: child, base: base, at: place, depth: depth + 1)
            place -= 1
        }
    }

    private mutating func followWithMemo(_ edge: Int, base: UInt32, from position: Int, depth: Int) {
        guard let known = memo?[edge] else { return }
        let longest = runEnd(of: edge, from: position, knownFrom: known.runStart, knownEnd: known.runEnd)
        let shortest = position + Int(trie.edges[edge].minimum)
        memo?[edge].runStart = position
        memo?[edge].runEnd = longest
        guard longest >= shortest else { return }
        let isDecided = trie.edges[edge].isDecided
        memo?[edge].lowestEnd = min(known.lowestEnd, isDecided ? longest : shortest)
        // A decided loop has one end for each run, and that end was visited before.
        if isDecided, longest >= known.lowestEnd { return }
        follow(edge, base: base, from: position, longest: min(longest, known.lowestEnd - 1), depth: depth)
    }
}

extension RouteTrie {
    /// The lowest-numbered route that matches the whole path.
    ///
    /// It goes down the tree by literals alone as long as it can, which is enough for most paths and needs no memory.
    ///
    /// - Parameter steps: What the attempt without a memo may take; by default some for the tree and some for each
    ///   byte.
    func search(_ path: UnsafeRawBufferPointer, steps: Int? = nil) -> RouteMatch? {
        let end = path.count
        guard end < Int32.max else { return nil }
        // An empty path may have no address; any address does where nothing is read.
        let path = path.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? layout.labels
        var node = layout.nodes
        var base: UInt32 = 0
        var position = 0
        while true {
            guard node.pointee.edgeCount == 0 else {
                let start = RouteTrieSearch.Start(node: node, base: base, position: position)
                return searchLoops(from: start, path, end, steps)
            }
            guard layout.labelFits(node, path, at: position, end: end) else { return nil }
            position &+= Int(node.pointee.labelCount)
            guard position < end else {
                let route = node.pointee.terminal.route
                return route == RouteTrieLayout.none ? nil : match(base &+ route, at: node, trail: nil)
            }
            let child = layout.child(of: node, byte: path[position])
            if node.pointee.wordLongest > 0 {
                // Beside whole words, a byte leads only to patterns with a loop inside the word.
                guard child == 0 else {
                    position &-= Int(node.pointee.labelCount)
                    let start = RouteTrieSearch.Start(node: node, base: base, position: position)
                    return searchLoops(from: start, path, end, steps)
                }
                guard let word = layout.word(of: node, path, at: position, end: end) else { return nil }
                node = layout.nodes + Int(word.node)
                base &+= word.base
                position = word.end
            } else {
                guard child != 0 else { return nil }
                node = layout.nodes + Int(child)
                position &+= 1
            }
        }
    }

    /// A function of its own, because it needs memory that the usual search does not need.
    @inline(never)
    private func searchLoops(
        from start: RouteTrieSearch.Start, _ path: UnsafePointer<UInt8>, _ count: Int, _ steps: Int?
    ) -> RouteMatch? {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * layout.depth + 1) { trails in
            guard let trails = trails.baseAddress else { return nil }
            var search = RouteTrieSearch(
                self, path: path, count: count, trails: trails, steps: steps ?? 256 + 8 * count)
            search.run(from: start)
            guard search.best != RouteTrieLayout.none else { return nil }
            return match(search.best, at: search.bestNode, trail: search.bestTrail)
        }
    }

    /// `trail` holds where the loops ended; a pattern without loops does not use it.
    @inline(__always)
    private func match(
        _ route: UInt32, at node: UnsafePointer<RouteTrieLayout.Node>, trail: UnsafeMutablePointer<Int32>?
    ) -> RouteMatch {
        let hasGroups = node.pointee.terminal.groupCount > 0
        return RouteMatch(
            index: Int(route), captures: hasGroups ? captures(at: node, trail) : RouteCaptures(count: 0))
    }

    @inline(never)
    private func captures(
        at node: UnsafePointer<RouteTrieLayout.Node>, _ trail: UnsafeMutablePointer<Int32>?
    ) -> RouteCaptures {
        let terminal = node.pointee.terminal
        var captures = RouteCaptures(count: Int(terminal.groupCount))
        for group in 0..<Int(terminal.groupCount) {
            let bounds = layout.groups[Int(terminal.groupOffset) + group]
            let start = (bounds.startAnchor < 0 ? 0 : trail?[Int(bounds.startAnchor)] ?? 0) + bounds.startOffset
            let end = (bounds.endAnchor < 0 ? 0 : trail?[Int(bounds.endAnchor)] ?? 0) + bounds.endOffset
            captures[group] = Int(start)..<Int(end)
        }
        return captures
    }
}
