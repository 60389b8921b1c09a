/// Which templates include which others whatever the values are.
struct InclusionGraph {
    private var edges: [String: [(file: String, target: String, line: Int)]] = [:]
    private var finished: Set<String> = []

    mutating func add(from file: String, to name: String, line: Int) {
        edges[Self.key(file), default: []].append((file, Self.key(name), line))
    }

    /// A place where a template begins to include itself; nil if none does.
    mutating func cycle() -> (file: String, line: Int)? {
        for file in edges.keys.sorted() {
            var path: Set<String> = []
            if let found = cycle(from: file, &path) { return found }
        }
        return nil
    }

    private mutating func cycle(from file: String, _ path: inout Set<String>) -> (file: String, line: Int)? {
        guard !finished.contains(file) else { return nil }
        path.insert(file)
        for (source, target, line) in edges[file] ?? [] {
            if path.contains(target) { return (source, line) }
            if let found = cycle(from: target, &path) { return found }
        }
        path.remove(file)
        finished.insert(file)
        return nil
    }

    /// A template has one key, with or without its extension.
    private static func key(_ name: String) -> String {
        for suffix in [".html", ".mustache"] where name.hasSuffix(suffix) { return String(name.dropLast(suffix.count)) }
        return name
    }
}
