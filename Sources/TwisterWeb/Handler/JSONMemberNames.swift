/// The names of the objects of a JSON text that are open while it is read, and whether one of them stands twice in its object.
///
/// The memory is in proportion to the names of the text, and the time is linear: names of large objects are hashed.
struct JSONMemberNames {
    private let octets: UnsafeRawBufferPointer
    /// The names of all open objects, without their quotes, those of the innermost one last.
    private var names: [Range<Int>] = []
    /// How many names stand before those of each open object.
    private var starts: [Int] = []

    /// Names up to this number are compared with each other, which takes no memory.
    private static let fewNames = 8

    init(_ octets: UnsafeRawBufferPointer) { self.octets = octets }

    mutating func openObject() { starts.append(names.count) }
    mutating func add(_ name: Range<Int>) { names.append(name) }

    /// Closes the innermost object. Returns whether its names differ (RFC 7493, 2.3), by the octets that they stand for.
    mutating func closeObject() -> Bool {
        guard let start = starts.popLast() else { return true }
        let differ = namesDiffer(from: start)
        names.removeLast(names.count - start)
        return differ
    }

    private func namesDiffer(from start: Int) -> Bool {
        let count = names.count - start
        if count <= Self.fewNames {
            for index in names.indices.dropFirst(start) {
                let name = name(index)
                for other in start..<index where self.name(other) == name { return false }
            }
            return true
        }
        var seen = Set<JSONMemberName>(minimumCapacity: count)
        return (start..<names.count).allSatisfy { seen.insert(name($0)).inserted }
    }

    private func name(_ index: Int) -> JSONMemberName {
        JSONMemberName(UnsafeRawBufferPointer(rebasing: octets[names[index]]))
    }
}

/// The name of a member, as it is written between its quotes. Names are equal if they stand for the same octets.
private struct JSONMemberName: Hashable {
    private let octets: UnsafeRawBufferPointer
    private let hasEscapes: Bool

    init(_ octets: UnsafeRawBufferPointer) {
        self.octets = octets
        hasEscapes = octets.contains(UInt8(ascii: "\\"))
    }

    static func == (left: JSONMemberName, right: JSONMemberName) -> Bool {
        if !left.hasEscapes, !right.hasEscapes {
            return left.octets.count == right.octets.count && left.octets.elementsEqual(right.octets)
        }
        return left.decoded.elementsEqual(right.decoded)
    }

    func hash(into hasher: inout Hasher) {
        guard hasEscapes else { return hasher.combine(bytes: octets) }
        decoded.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    /// The octets that the name stands for.
    private var decoded: [UInt8] { JSONEscapes.decoded(octets) }
}
