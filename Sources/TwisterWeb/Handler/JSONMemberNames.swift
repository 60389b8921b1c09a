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

    /// The octets that the name stands for. The text is well-formed; half of a surrogate pair, which no text can have, is
    /// three octets as those of any other number.
    private var decoded: [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(octets.count)
        var index = 0
        while index < octets.count {
            let octet = octets[index]
            index += 1
            guard octet == UInt8(ascii: "\\"), index < octets.count else {
                decoded.append(octet)
                continue
            }
            let escape = octets[index]
            index += 1
            switch escape {
            case UInt8(ascii: "b"): decoded.append(0x08)
            case UInt8(ascii: "f"): decoded.append(0x0C)
            case UInt8(ascii: "n"): decoded.append(0x0A)
            case UInt8(ascii: "r"): decoded.append(0x0D)
            case UInt8(ascii: "t"): decoded.append(0x09)
            case UInt8(ascii: "u"): Self.append(character(&index), to: &decoded)
            default: decoded.append(escape)
            }
        }
        return decoded
    }

    /// The number of the character whose four digits begin at `index`, with that of the second half of a surrogate pair.
    private func character(_ index: inout Int) -> UInt32 {
        let first = number(at: index)
        index += 4
        guard 0xD800..<0xDC00 ~= first, index + 6 <= octets.count, octets[index] == UInt8(ascii: "\\"),
            octets[index + 1] == UInt8(ascii: "u")
        else { return first }
        let second = number(at: index + 2)
        guard 0xDC00..<0xE000 ~= second else { return first }
        index += 6
        return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
    }

    private func number(at index: Int) -> UInt32 {
        octets[min(index, octets.count)..<min(index + 4, octets.count)].reduce(0) { number, digit in
            number << 4 | UInt32(digit <= UInt8(ascii: "9") ? digit & 0xF : (digit & 0xF) + 9)
        }
    }

    private static func append(_ number: UInt32, to octets: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (number >> shift & 0x3F)) }
        switch number {
        case 0..<0x80: octets.append(UInt8(number))
        case 0x80..<0x800: octets += [UInt8(0xC0 | number >> 6), tail(0)]
        case 0x800..<0x10000: octets += [UInt8(0xE0 | number >> 12), tail(6), tail(0)]
        default: octets += [UInt8(0xF0 | number >> 18), tail(12), tail(6), tail(0)]
        }
    }
}
