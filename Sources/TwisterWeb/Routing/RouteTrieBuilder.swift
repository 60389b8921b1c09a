/// Builds the tree with one node for each byte, then flattens it and joins chains of single bytes into labels.
struct RouteTrieBuilder {
    final class Branch {
        var children: [(byte: UInt8, branch: Branch)] = []
        var loops: [(loop: PatternElement, branch: Branch)] = []
        var terminal = RouteTrieLayout.Terminal()
    }

    /// Where a subtree is laid.
    struct Place {
        /// Whether a search may come here more than once, at different places of the path.
        var isBehindLoop: Bool
        /// The number that searches add to the routes in the nodes: words share nodes.
        var base: UInt32

        static var root: Place { Place(isBehindLoop: false, base: 0) }
    }

    /// The facts about a subtree that its parent needs.
    struct Laid {
        var node: UInt32
        var lowest: UInt32
        /// The bytes with which anything below may begin.
        var first: ByteSet
    }

    private let root = Branch()
    private var classIndices: [ByteSet: UInt32] = [:]

    private(set) var nodes: [RouteTrieLayout.Node] = []
    var labels: [UInt8] = []
    private(set) var jumps: [UInt32] = []
    var words: [RouteTrieLayout.Word] = []
    private(set) var edges: [RouteTrieLayout.Edge] = []
    private(set) var classes: [Bool] = []
    private(set) var groups: [LinearPattern.GroupBounds] = []
    /// Where the groups of a pattern are, which others like it share.
    private var groupOffsets: [[LinearPattern.GroupBounds]: UInt32] = [:]

    // MARK: Building

    mutating func insert(_ pattern: LinearPattern, route: Int) {
        var branch = root
        for element in pattern.elements {
            if case .literal(let bytes) = element {
                for byte in bytes { branch = Self.child(of: branch, byte: byte) }
            } else {
                branch = Self.child(of: branch, loop: element)
            }
        }
        // Routes come in ascending order, and the first match counts: a second one at the same place is never reached.
        guard branch.terminal.route == RouteTrieLayout.none else { return }
        branch.terminal = RouteTrieLayout.Terminal(
            route: UInt32(route), groupOffset: groupOffset(of: pattern.groups),
            groupCount: UInt32(pattern.groups.count))
    }

    private mutating func groupOffset(of bounds: [LinearPattern.GroupBounds]) -> UInt32 {
        if let known = groupOffsets[bounds] { return known }
        let offset = UInt32(groups.count)
        groupOffsets[bounds] = offset
        groups += bounds
        return offset
    }

    private static func child(of branch: Branch, byte: UInt8) -> Branch {
        if let known = branch.children.first(where: { $0.byte == byte }) { return known.branch }
        let new = Branch()
        branch.children.append((byte, new))
        return new
    }

    private static func child(of branch: Branch, loop: PatternElement) -> Branch {
        if let known = branch.loops.first(where: { $0.loop == loop }) { return known.branch }
        let new = Branch()
        branch.loops.append((loop, new))
        return new
    }

    // MARK: Flattening

    mutating func flatten() {
        _ = lay(root, at: .root)
    }

    mutating func lay(_ start: Branch, at place: Place) -> Laid {
        let index = nodes.count
        nodes.append(RouteTrieLayout.Node())
        var node = RouteTrieLayout.Node()

        var branch = start
        node.labelOffset = UInt32(labels.count)
        while branch.children.count == 1, branch.loops.isEmpty, branch.terminal.route == RouteTrieLayout.none {
            labels.append(branch.children[0].byte)
            branch = branch.children[0].branch
        }
        node.labelCount = UInt32(labels.count) - node.labelOffset
        node.terminal = branch.terminal.counted(from: place.base)
        node.lowest = node.terminal.route

        var first = ByteSet(branch.children.map(\.byte))
        layChildren(of: layWords(of: branch, into: &node, at: place), into: &node, at: place)
        first = first.union(layLoops(of: branch, into: &node, at: place))
        if node.labelCount > 0 { first = ByteSet([labels[Int(node.labelOffset)]]) }
        nodes[index] = node
        return Laid(node: UInt32(index), lowest: node.lowest, first: first)
    }

    private mutating func layChildren(of branch: Branch, into node: inout RouteTrieLayout.Node, at place: Place) {
        let bytes = branch.children.map(\.byte)
        guard let low = bytes.min(), let high = bytes.max() else { return }
        node.jumpFirst = low
        node.jumpCount = UInt16(high - low) + 1
        node.jumpOffset = UInt32(jumps.count)
        jumps += Array(repeating: 0, count: Int(node.jumpCount))
        for child in branch.children {
            let laid = lay(child.branch, at: place)
            // The root is no node's child, so 0 can mean "none".
            jumps[Int(node.jumpOffset) + Int(child.byte - low)] = laid.node
            node.lowest = min(node.lowest, laid.lowest)
        }
    }

    /// Returns the bytes with which a loop, or what follows one that may be empty, begins.
    private mutating func layLoops(
        of branch: Branch, into node: inout RouteTrieLayout.Node, at place: Place
    ) -> ByteSet {
        var first = ByteSet()
        var laidEdges: [RouteTrieLayout.Edge] = []
        for (element, child) in branch.loops {
            guard case .loop(let set, let minimum, let maximum) = element else { continue }
            let laid = lay(child, at: Place(isBehindLoop: true, base: place.base))
            first = first.union(set)
            if minimum == 0 { first = first.union(laid.first) }
            laidEdges.append(
                RouteTrieLayout.Edge(
                    classIndex: classIndex(of: set), minimum: UInt32(minimum),
                    maximum: maximum.map(UInt32.init) ?? RouteTrieLayout.none, child: laid.node,
                    isDecided: set.isDisjoint(with: laid.first)))
            node.lowest = min(node.lowest, laid.lowest)
        }
        node.edgeOffset = UInt32(edges.count)
        node.edgeCount = UInt32(laidEdges.count)
        edges += laidEdges
        return first
    }

    private mutating func classIndex(of set: ByteSet) -> UInt32 {
        if let known = classIndices[set] { return known }
        let index = UInt32(classIndices.count)
        classIndices[set] = index
        classes += (UInt8.min...UInt8.max).map(set.contains)
        return index
    }
}

extension RouteTrieLayout.Terminal {
    /// The same with the route as searches find it where they add `base` to it.
    func counted(from base: UInt32) -> Self {
        guard route != RouteTrieLayout.none else { return self }
        var counted = self
        counted.route -= base
        return counted
    }
}
