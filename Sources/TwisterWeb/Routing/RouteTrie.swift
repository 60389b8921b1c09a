/// All simple patterns of a router in one radix tree over bytes, laid flat.
///
/// The cost of a search follows the path's length, not the number of patterns. Nodes are reached by literal bytes, by
/// whole words (up to a slash or the end) where there are many of them, or by loops (a class of bytes, repeated);
/// patterns that begin alike share all three. Words behind which the same follows, as behind the collections of an API,
/// share the nodes for it, so that a tree of thousands of routes fits into the processor's caches. A search finds the
/// lowest-numbered pattern that matches, and for it what the regex would capture.
///
/// Loops on several threads share the tree. Searches retain nothing: a counter that all threads write would cost more than
/// the search. In `RouteTrieSearch` an `unowned(unsafe)` reference makes sure of that.
final class RouteTrie: Sendable {
    let layout: RouteTrieLayout
    let nodeCount: Int

    /// The patterns with their routes' numbers, in ascending order of these.
    init(_ patterns: [(route: Int, pattern: LinearPattern)]) {
        var builder = RouteTrieBuilder()
        for (route, pattern) in patterns { builder.insert(pattern, route: route) }
        builder.flatten()
        nodeCount = builder.nodes.count
        layout = RouteTrieLayout(
            nodes: Self.storage(builder.nodes), labels: Self.storage(builder.labels),
            jumps: Self.storage(builder.jumps), words: Self.storage(builder.words),
            edges: Self.storage(builder.edges), classes: Self.storage(builder.classes),
            groups: Self.storage(builder.groups),
            edgeCount: builder.edges.count,
            depth: patterns.map { $0.pattern.elements.count { !$0.isLiteral } }.max() ?? 0)
    }

    deinit {
        layout.nodes.deallocate()
        layout.labels.deallocate()
        layout.jumps.deallocate()
        layout.words.deallocate()
        layout.edges.deallocate()
        layout.classes.deallocate()
        layout.groups.deallocate()
    }

    private static func storage<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element> {
        // Room for one more, so that there is an address even for nothing.
        let storage = UnsafeMutablePointer<Element>.allocate(capacity: elements.count + 1)
        _ = UnsafeMutableBufferPointer(start: storage, count: elements.count).initialize(fromContentsOf: elements)
        return UnsafePointer(storage)
    }
}
