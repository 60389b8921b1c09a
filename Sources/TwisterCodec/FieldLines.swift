/// Field lines as they are sent, "Name: value" CRLF, one behind the other.
///
/// A line's parts are found in the octets: a name ends at the first colon, a line at its only line feed.
package struct FieldLines: ~Copyable {
    package typealias Field = (name: String, value: String)

    private var buffer = OctetBuffer()
    /// The length of the line that was the first one of the last lines, and still lies at the start of the memory; 0: none.
    /// Nearly all responses of a connection begin with the same Content-Type.
    private var keptLength = 0
    /// The value of that line, which is ASCII.
    private var keptValue = ""

    /// Memory beyond this size is not kept for the next response.
    private static var keptRoom: Int { 1024 }

    var isEmpty: Bool { buffer.isEmpty }
    var count: Int { buffer.count }
    /// The octets of all lines, valid until one is changed.
    var octets: UnsafeRawBufferPointer { buffer.octets }

    mutating func removeAll() { buffer.removeAll(keptRoom: Self.keptRoom) }

    /// Adds a Content-Type, where there is no line yet and the last lines began with the very same one. Returns false where that
    /// is not so.
    @inline(__always)
    mutating func restoreContentType(_ value: String) -> Bool {
        // A text that equals one of ASCII and has as many octets has the same octets. By canonical equivalence alone, the Kelvin
        // sign would be a K.
        guard isEmpty, value.utf8.count &+ Self.contentTypeLength == keptLength, value == keptValue else {
            return false
        }
        return buffer.restore(keptLength)
    }

    /// Adds a Content-Type, and remembers it for `restoreContentType` where it is the first line and its value is ASCII.
    mutating func appendContentType(_ value: String) {
        let isFirst = isEmpty
        append("Content-Type", value)
        guard isFirst, value.utf8.allSatisfy({ $0 < 0x80 }) else { return }
        keptLength = count
        keptValue = value
    }

    /// The octets of a line besides its value: the name, a colon, a space, CRLF.
    private static var contentTypeLength: Int { 16 }

    /// Adds a line. The caller has checked that neither text holds a line end.
    mutating func append(_ name: String, _ value: String) {
        if isEmpty { keptLength = 0 }
        var writer = ByteWriter(buffer.grow(by: name.utf8.count + value.utf8.count + 4))
        writer.writeField(name, value)
    }

    /// Replaces all lines of that name by one, which takes the place of the first of them, or else the last place.
    mutating func set(_ name: String, _ value: String) {
        keptLength = 0
        guard !isEmpty, let first = line(named: name, from: 0) else { return append(name, value) }
        let rest = [UInt8](octets[first.upperBound...])
        buffer.remove(first.lowerBound..<buffer.count)
        append(name, value)
        let end = buffer.count
        rest.withUnsafeBytes { buffer.append($0) }
        removeAll(named: name, from: end)
    }

    mutating func removeAll(named name: String, from start: Int = 0) {
        while let line = line(named: name, from: start) {
            keptLength = 0
            buffer.remove(line)
        }
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

    /// Calls `body` with the octets of each line's name and value.
    @inline(__always)
    func forEach(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        let octets = octets
        guard let base = octets.baseAddress else { return }
        var start = 0
        while let line = line(from: start) {
            var colon = line.lowerBound
            while colon < line.upperBound, octets[colon] != ASCII.colon { colon &+= 1 }
            body(
                UnsafeRawBufferPointer(start: base + line.lowerBound, count: colon - line.lowerBound),
                UnsafeRawBufferPointer(start: base + colon + 2, count: max(line.upperBound - colon - 4, 0)))
            start = line.upperBound
        }
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
        guard let base = octets.baseAddress else { return nil }
        let end = ByteScanner.firstCarriageReturn(base, from: start, to: count)
        return end < count ? start..<(end + 2) : nil
    }

    /// The first line of that name at or after `start`, where a line begins.
    private func line(named name: String, from start: Int) -> Range<Int>? {
        name.withOctets { name in
            var start = start
            while start < count {
                let rest = UnsafeRawBufferPointer(rebasing: octets[start...])
                if FieldSyntax.begin(rest, with: name), rest[name.count] == ASCII.colon { return line(from: start) }
                guard let line = line(from: start) else { break }
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
