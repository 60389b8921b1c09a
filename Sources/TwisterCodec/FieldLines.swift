/// Field lines as they go on the wire, "Name: value" CRLF, one behind the other.
///
/// Where a line's parts are is read off the octets: a name ends at the first colon, a line at its only line feed.
struct FieldLines: ~Copyable {
    private var buffer = OctetBuffer()

    var isEmpty: Bool { buffer.isEmpty }
    var count: Int { buffer.count }
    /// The octets of all lines; valid until one is changed.
    var octets: UnsafeRawBufferPointer { buffer.octets }

    mutating func removeAll() { buffer.removeAll() }

    /// The caller has checked both: neither holds a line end.
    mutating func append(_ name: String, _ value: String) {
        var writer = ByteWriter(buffer.grow(by: name.utf8.count + value.utf8.count + 4))
        writer.writeField(name, value)
    }

    /// Takes out all lines of that name, and puts one with the value where the first of them was, else behind the rest.
    mutating func set(_ name: String, _ value: String) {
        guard !isEmpty, let first = line(named: name, from: 0) else { return append(name, value) }
        let rest = [UInt8](octets[first.upperBound...])
        buffer.remove(first.lowerBound..<buffer.count)
        append(name, value)
        let end = buffer.count
        rest.withUnsafeBytes { buffer.append($0) }
        removeAll(named: name, from: end)
    }

    mutating func removeAll(named name: String, from start: Int = 0) {
        while let line = line(named: name, from: start) { buffer.remove(line) }
    }

    /// The lines as text.
    var fields: [ResponseHead.Field] {
        var fields: [ResponseHead.Field] = []
        var start = 0
        while let line = line(from: start) {
            let octets = octets
            let colon = octets[line].firstIndex(of: ASCII.colon) ?? line.upperBound
            fields.append(
                (
                    String(decoding: octets[line.lowerBound..<colon], as: UTF8.self),
                    String(decoding: octets[(colon + 2)..<(line.upperBound - 2)], as: UTF8.self)
                ))
            start = line.upperBound
        }
        return fields
    }

    /// The values of all lines of that name.
    func values(for name: String) -> [String] {
        var values: [String] = []
        var start = 0
        while let line = line(named: name, from: start) {
            let value = (line.lowerBound + name.utf8.count + 2)..<(line.upperBound - 2)
            values.append(String(decoding: octets[value], as: UTF8.self))
            start = line.upperBound
        }
        return values
    }

    /// The line that begins at `start`, its line end included.
    private func line(from start: Int) -> Range<Int>? {
        octets[start...].firstIndex(of: ASCII.lineFeed).map { start..<($0 + 1) }
    }

    /// The first line of that name at or after `start`, where a line begins.
    private func line(named name: String, from start: Int) -> Range<Int>? {
        name.withOctets { name in
            var start = start
            while let line = line(from: start) {
                let octets = UnsafeRawBufferPointer(rebasing: octets[line])
                if FieldSyntax.begin(octets, with: name), octets[name.count] == ASCII.colon { return line }
                start = line.upperBound
            }
            return nil
        }
    }
}
