/// Field lines as they go on the wire, "Name: value" CRLF, one behind the other.
struct FieldLines {
    private struct Line {
        var nameCount: Int
        var valueCount: Int
        var count: Int { nameCount + valueCount + 4 }
    }

    /// The octets of all lines.
    private(set) var octets: [UInt8] = []
    private var lines: [Line] = []

    init() {
        octets.reserveCapacity(128)
        lines.reserveCapacity(4)
    }

    var isEmpty: Bool { lines.isEmpty }

    mutating func removeAll() {
        if lines.isEmpty { return }
        octets.removeAll(keepingCapacity: octets.capacity <= 8192)
        lines.removeAll(keepingCapacity: true)
    }

    /// The caller has checked both: neither holds a line end.
    mutating func append(_ name: String, _ value: String) {
        lines.append(Line(nameCount: name.utf8.count, valueCount: value.utf8.count))
        FieldSyntax.withOctets(name) { octets.append(contentsOf: $0) }
        octets.append(ASCII.colon)
        octets.append(ASCII.space)
        FieldSyntax.withOctets(value) { octets.append(contentsOf: $0) }
        octets.append(ASCII.carriageReturn)
        octets.append(ASCII.lineFeed)
    }

    /// Puts the value into the first line of that name and removes the others; false where there is none.
    mutating func replace(_ name: String, _ value: String) -> Bool {
        guard let first = places(of: name).first else { return false }
        let kept = (
            lines: Array(lines[(first.index + 1)...]),
            octets: Array(octets[(first.start + lines[first.index].count)...])
        )
        lines.removeSubrange(first.index...)
        octets.removeSubrange(first.start...)
        append(name, value)
        lines.append(contentsOf: kept.lines)
        octets.append(contentsOf: kept.octets)
        removeAll(named: name, from: first.index + 1)
        return true
    }

    mutating func removeAll(named name: String, from first: Int = 0) {
        for place in places(of: name).reversed() where place.index >= first {
            octets.removeSubrange(place.start..<place.start + lines[place.index].count)
            lines.remove(at: place.index)
        }
    }

    /// The lines as text.
    var fields: [ResponseHead.Field] {
        var start = 0
        return lines.map { line in
            defer { start += line.count }
            let value = start + line.nameCount + 2
            return (
                String(decoding: octets[start..<start + line.nameCount], as: UTF8.self),
                String(decoding: octets[value..<value + line.valueCount], as: UTF8.self)
            )
        }
    }

    private func places(of name: String) -> [(index: Int, start: Int)] {
        var places: [(index: Int, start: Int)] = []
        var start = 0
        for (index, line) in lines.enumerated() {
            if line.nameCount == name.utf8.count,
                zip(octets[start..<start + line.nameCount], name.utf8).allSatisfy({
                    CharacterClass.lowercased($0) == CharacterClass.lowercased($1)
                })
            {
                places.append((index, start))
            }
            start += line.count
        }
        return places
    }
}
