/// Builds the tree with one node for each byte, then flattens it and joins chains of single bytes into labels.
struct RouteTrieBuilder {
    final class Branch {
        var children: [(byte: UInt8, branch: Branch)] = []
        var loops: [(loop: PatternElement, branch: Branch)] = []
        var terminal = RouteTrieLayout.none
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
    private(set) var lines: [RouteTrieLayout.Line] = []
    private(set) var groups: [LinearPattern.GroupBounds] = []

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
        let line = UInt32(lines.count)
        lines.append(
            RouteTrieLayout.Line(
                route: UInt32(route), groupOffset: UInt32(groups.count), groupCount: UInt32(pattern.groups.count)))
        groups += pattern.groups
        // Lines come in ascending order, and the first match counts: a second line at the same place is never reached.
        if branch.terminal == RouteTrieLayout.none { branch.terminal = line }
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
        _ = lay(root)
    }

    mutating func lay(_ start: Branch) -> Laid {
        let index = nodes.count
        nodes.append(RouteTrieLayout.Node())
        var node = RouteTrieLayout.Node()

        var branch = start
        node.labelOffset = UInt32(labels.count)
        while branch.children.count == 1, branch.loops.isEmpty, branch.terminal == RouteTrieLayout.none {
            labels.append(branch.children[0].byte)
            branch = branch.children[0].branch
        }
        node.labelCount = UInt32(labels.count) - node.labelOffset
        node.terminal = branch.terminal
        node.lowest = branch.terminal

        var first = ByteSet(branch.children.map(\.byte))
        layChildren(of: layWords(of: branch, into: &node), into: &node)
        first = first.union(layLoops(of: branch, into: &node))
        if node.labelCount > 0 { first = ByteSet([labels[Int(node.labelOffset)]]) }
        nodes[index] = node
        return Laid(node: UInt32(index), lowest: node.lowest, first: first)
    }

    private mutating func layChildren(of branch: Branch, into node: inout RouteTrieLayout.Node) {
        let bytes = branch.children.map(\.byte)
        guard let low = bytes.min(), let high = bytes.max() else { return }
        node.jumpFirst = low
        node.jumpCount = UInt16(high - low) + 1
        node.jumpOffset = UInt32(jumps.count)
        jumps += Array(repeating: 0, count: Int(node.jumpCount))
        for child in branch.children {
            let laid = lay(child.branch)
            // The root is no node's child, so 0 can mean "none".
            jumps[Int(node.jumpOffset) + Int(child.byte - low)] = laid.node
            node.lowest = min(node.lowest, laid.lowest)
        }
    }

    /// Returns the bytes with which a loop, or what follows one that may be empty, begins.
    private mutating func layLoops(of branch: Branch, into node: inout RouteTrieLayout.Node) -> ByteSet {
        var first = ByteSet()
        var laidEdges: [RouteTrieLayout.Edge] = []
        for (element, child) in branch.loops {
            guard case .loop(let set, let minimum, let maximum) = element else { continue }
            let laid = lay(child)
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
