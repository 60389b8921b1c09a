/// The patterns of a router, sorted into those that the trie matches and those that have an automaton each.
struct RouteTable: Sendable {
    private let trie: RouteTrie
    /// In ascending order of their routes.
    private let automata: [(route: Int, automaton: RouteAutomaton)]

    init(_ patterns: [URLPattern]) {
        var simple: [(route: Int, pattern: LinearPattern)] = []
        var automata: [(route: Int, automaton: RouteAutomaton)] = []
        for (route, pattern) in patterns.enumerated() {
            switch pattern.matcher {
            case .simple(_, let lines): simple += lines.map { (route, $0) }
            case .automaton(let automaton, _): automata.append((route, automaton))
            }
        }
        trie = RouteTrie(simple)
        self.automata = automata
    }

    func match(_ path: UnsafeRawBufferPointer) -> RouteMatch? {
        let found = trie.search(path)
        guard !automata.isEmpty else { return found }
        return matchAutomata(path, before: found?.index ?? Int.max) ?? found
    }

    private func matchAutomata(_ path: UnsafeRawBufferPointer, before limit: Int) -> RouteMatch? {
        for (route, automaton) in automata {
            if route > limit { return nil }
            if let captures = automaton.match(path) { return RouteMatch(index: route, captures: captures) }
        }
        return nil
    }
}
