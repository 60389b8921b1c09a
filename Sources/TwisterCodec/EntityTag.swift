/// The entity tag of one version of a representation (RFC 9110 8.8.3).
package struct EntityTag: Equatable, Sendable {
    /// The octets between the quotes.
    package let opaque: [UInt8]
    package let isWeak: Bool

    /// Returns nil where the text holds a character that no tag may have: a quote, a space, a control character.
    package init?(_ opaque: String, isWeak: Bool = false) {
        let octets = Array(opaque.utf8)
        guard octets.allSatisfy(Self.isTagCharacter) else { return nil }
        self.opaque = octets
        self.isWeak = isWeak
    }

    /// The tag as a field holds it: `"abc"`, `W/"abc"`.
    package var text: String { "\(isWeak ? "W/" : "")\"\(String(decoding: opaque, as: UTF8.self))\"" }

    /// Whether one of the tags in a field's value is this one. The strong comparison, with which weak tags match nothing, is
    /// for parts of a representation and for changes of it (RFC 9110 8.8.3.2). Tags behind a malformed one are ignored.
    package func isListed(in octets: UnsafeRawBufferPointer, strongly: Bool) -> Bool {
        var tags = EntityTagList(octets)
        while let tag = tags.next() {
            if strongly, isWeak || tag.isWeak { continue }
            if tag.opaque.elementsEqual(opaque) { return true }
        }
        return false
    }

    /// Whether the octet is an `etagc` of RFC 9110 8.8.3.
    static func isTagCharacter(_ byte: UInt8) -> Bool {
        byte >= 0x21 && byte != ASCII.quote && byte != ASCII.delete
    }
}

/// Reads the tags of a comma-separated list. A tag may hold commas, too. The octets have to outlive this value.
struct EntityTagList {
    private let octets: UnsafeRawBufferPointer
    private var position = 0

    init(_ octets: UnsafeRawBufferPointer) { self.octets = octets }

    /// The next tag. It is nil at the end, and where the list is malformed.
    mutating func next() -> (opaque: Slice<UnsafeRawBufferPointer>, isWeak: Bool)? {
        skip(commas: true)
        var start = position
        let isWeak = start + 1 < octets.count && octets[start] == UInt8(ascii: "W") && octets[start + 1] == ASCII.slash
        if isWeak { start += 2 }
        guard start < octets.count, octets[start] == ASCII.quote else { return nil }
        start += 1
        var end = start
        while end < octets.count, EntityTag.isTagCharacter(octets[end]) { end += 1 }
        guard end < octets.count, octets[end] == ASCII.quote else { return nil }
        position = end + 1
        skip(commas: false)
        guard position == octets.count || octets[position] == ASCII.comma else {
            position = octets.count
            return nil
        }
        return (octets[start..<end], isWeak)
    }

    private mutating func skip(commas: Bool) {
        while position < octets.count {
            let byte = octets[position]
            guard CharacterClass.isWhitespace(byte) || commas && byte == ASCII.comma else { return }
            position += 1
        }
    }
}
