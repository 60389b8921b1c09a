@testable import TwisterWeb

/// A simple and correct matcher of parsed patterns, to compare with searches for which a regex engine would need too long.
///
/// It remembers the places that failed, by element and position, which is enough for a pattern of one line.
struct Backtracker {
    private struct Place: Hashable {
        var element: Int
        var position: Int
    }

    private let elements: [PatternElement]
    private let path: [UInt8]
    private var failed: Set<Place> = []
    private var starts: [Int: Int] = [:]
    private var groups: [Int: Range<Int>] = [:]

    /// The first pattern that matches, and its groups.
    static func firstMatch(_ patterns: [[PatternElement]], _ path: String) -> (index: Int, groups: [String?])? {
        for (index, elements) in patterns.enumerated() {
            if let groups = match(elements, path) { return (index, groups) }
        }
        return nil
    }

    private static func match(_ elements: [PatternElement], _ path: String) -> [String?]? {
        var matcher = Backtracker(elements: elements, path: Array(path.utf8))
        guard matcher.matches(0, 0) else { return nil }
        return matcher.groups.sorted { $0.key < $1.key }.map {
            String(decoding: matcher.path[$0.value], as: UTF8.self)
        }
    }

    private init(elements: [PatternElement], path: [UInt8]) {
        self.elements = elements
        self.path = path
    }

    private mutating func matches(_ element: Int, _ position: Int) -> Bool {
        guard element < elements.count else { return position == path.count }
        let place = Place(element: element, position: position)
        guard !failed.contains(place) else { return false }
        if leadsOn(element, position) { return true }
        failed.insert(place)
        return false
    }

    private mutating func leadsOn(_ element: Int, _ position: Int) -> Bool {
        switch elements[element] {
        case .literal(let bytes):
            return path[position...].starts(with: bytes) && matches(element + 1, position + bytes.count)
        case .loop(let set, let minimum, let maximum):
            let run = path[position...].prefix(maximum ?? .max).prefix(while: set.contains).count
            return run >= minimum && (minimum...run).reversed().contains { matches(element + 1, position + $0) }
        case .choice(let options):
            return options.contains { path[position...].starts(with: $0) && matches(element + 1, position + $0.count) }
        case .open(let group):
            starts[group] = position
            return matches(element + 1, position)
        case .close(let group):
            let start = starts[group] ?? position
            guard matches(element + 1, position) else { return false }
            groups[group] = start..<position
            return true
        }
    }
}
