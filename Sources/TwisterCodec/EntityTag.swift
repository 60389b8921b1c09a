/// The entity tag of one version of a representation (RFC 9110 8.8.3).
package struct EntityTag: Equatable, Sendable {
    /// The tag as a field holds it: `"abc"`, `W/"abc"`.
    package let text: String
    package let isWeak: Bool

    /// Returns nil where the text holds a character that no tag may have: a quote, a space, a control character.
    package init?(_ opaque: String, isWeak: Bool = false) {
        guard opaque.withOctets({ $0.allSatisfy(Self.isTagCharacter) }) else { return nil }
        self.init(checked: opaque, isWeak: isWeak)
    }

    /// The text holds only characters that a tag may have.
    init(checked opaque: String, isWeak: Bool) {
        var text = isWeak ? "W/\"" : "\""
        text.reserveCapacity(opaque.utf8.count + 4)
        text += opaque
        text += "\""
        self.text = text
        self.isWeak = isWeak
    }

    /// Whether one of the tags in a field's value is this one. The strong comparison, with which weak tags match nothing, is
    /// for parts of a representation and for changes of it (RFC 9110 8.8.3.2). Tags behind a malformed one are ignored.
    ///
    /// With `codings`, the tag of this representation in one of these codings is listed, too. That is for changes: a client that
    /// has the representation in a coding changes the representation itself.
    package func isListed(
        in octets: UnsafeRawBufferPointer, strongly: Bool, codings: [StaticString] = []
    ) -> Bool {
        let opaque = self.opaque
        var tags = EntityTagList(octets)
        while let tag = tags.next() {
            if strongly, isWeak || tag.isWeak { continue }
            guard tag.opaque.starts(with: opaque) else { continue }
            let suffix = tag.opaque.dropFirst(opaque.count)
            if suffix.isEmpty || codings.contains(where: { Self.isSuffix(suffix, for: $0) }) { return true }
        }
        return false
    }

    /// The octets between the quotes.
    var opaque: Substring.UTF8View { text.utf8.dropFirst(isWeak ? 3 : 1).dropLast() }

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
