/// The patterns of a router, sorted into those that the trie matches and those that a `Regex` matches.
struct RouteTable: Sendable {
    private let trie: RouteTrie
    /// In ascending order of their routes.
    private let regexes: [(route: Int, regex: FallbackRegex)]

    init(_ patterns: [URLPattern]) {
        var simple: [(route: Int, pattern: LinearPattern)] = []
        var regexes: [(route: Int, regex: FallbackRegex)] = []
        for (route, pattern) in patterns.enumerated() {
            switch pattern.matcher {
            case .simple(_, let lines): simple += lines.map { (route, $0) }
            case .regex(let regex): regexes.append((route, regex))
            }
        }
        trie = RouteTrie(simple)
        self.regexes = regexes
    }

    func match(_ path: UnsafeRawBufferPointer) -> RouteMatch? {
        let found = trie.search(path)
        guard !regexes.isEmpty else { return found }
        return matchRegexes(path, before: found?.index ?? Int.max) ?? found
    }

    private func matchRegexes(_ path: UnsafeRawBufferPointer, before limit: Int) -> RouteMatch? {
        var subject: RegexSubject?
        for (route, regex) in regexes {
            if route > limit { return nil }
            guard regex.mayMatch(path) else { continue }
            let known = subject ?? RegexSubject(path)
            subject = known
            if let captures = regex.match(known) { return RouteMatch(index: route, captures: captures) }
        }
        return nil
    }
}
