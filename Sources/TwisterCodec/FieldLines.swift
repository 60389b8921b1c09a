/// Field lines as they are sent, "Name: value" CRLF, one behind the other.
///
/// A line's parts are found in the octets: a name ends at the first colon, a line at its only line feed.
package struct FieldLines: ~Copyable {
    package typealias Field = (name: String, value: String)

    private var buffer = OctetBuffer()

    /// Memory beyond this size is not kept for the next response.
    private static var keptRoom: Int { 1024 }

    var isEmpty: Bool { buffer.isEmpty }
    var count: Int { buffer.count }
    /// The octets of all lines, valid until one is changed.
    var octets: UnsafeRawBufferPointer { buffer.octets }

    mutating func removeAll() { buffer.removeAll(keptRoom: Self.keptRoom) }

    /// Adds a line. The caller has checked that neither text holds a line end.
    mutating func append(_ name: String, _ value: String) {
        var writer = ByteWriter(buffer.grow(by: name.utf8.count + value.utf8.count + 4))
        writer.writeField(name, value)
    }

    /// Replaces all lines of that name by one, which takes the place of the first of them, or else the last place.
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
    var fields: [Field] {
        var fields: [Field] = []
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

/// The syntax of field names and values in text that an application sets (RFC 9110 5.1, 5.5).
enum FieldSyntax {
    static func isName(_ name: String) -> Bool {
        name.withOctets(TokenList.isToken)
    }

    /// Whether the text has no control character other than HTAB. White space around a value is allowed: the receiver
    /// removes it.
    static func isValue(_ value: String) -> Bool { value.withOctets { ByteScanner.isFieldText($0) } }

    /// Whether `octets` begin with that name, without regard to case.
    static func begin(_ octets: UnsafeRawBufferPointer, with name: UnsafeRawBufferPointer) -> Bool {
        guard octets.count >= name.count else { return false }
        for index in 0..<name.count
        where CharacterClass.lowercased(octets[index]) != CharacterClass.lowercased(name[index]) {
            return false
        }
        return true
    }
}
