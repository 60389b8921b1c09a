/// Reads the elements of a comma-separated list (RFC 9110 5.6.1), without white space around them. Empty elements are
/// skipped. Nothing is copied, so the octets have to outlive this value.
package struct TokenList {
    private let octets: UnsafeRawBufferPointer
    private var position = 0
    /// Whether the list has an empty element.
    package private(set) var sawEmptyElement = false

    package init(_ octets: UnsafeRawBufferPointer) {
        self.octets = octets
    }

    package mutating func next() -> UnsafeRawBufferPointer? {
        while position <= octets.count {
            let start = position
            while position < octets.count, octets[position] != ASCII.comma { position += 1 }
            let element = Self.trimmed(UnsafeRawBufferPointer(rebasing: octets[start..<position]))
            position += 1
            if !element.isEmpty { return element }
            sawEmptyElement = true
        }
        return nil
    }

    /// Whether one of the elements is that word, without regard to case.
    package static func contains(_ octets: UnsafeRawBufferPointer, _ lowercased: StaticString) -> Bool {
        if equals(octets, lowercased) { return true }
        var list = TokenList(octets)
        while let element = list.next() {
            if equals(element, lowercased) { return true }
        }
        return false
    }

    /// Whether the octets are that word, without regard to case.
    package static func equals(_ octets: UnsafeRawBufferPointer, _ lowercased: StaticString) -> Bool {
        equals(
            octets, UnsafeRawBufferPointer(start: lowercased.utf8Start, count: lowercased.utf8CodeUnitCount))
    }

    /// The same for a word that is known at run time only.
    package static func equals(_ octets: UnsafeRawBufferPointer, _ lowercased: UnsafeRawBufferPointer) -> Bool {
        guard octets.count == lowercased.count else { return false }
        for index in 0..<octets.count where CharacterClass.lowercased(octets[index]) != lowercased[index] {
            return false
        }
        return true
    }

    /// The elements of a list as texts. A comma is found even where a combining character follows it, with which it would be one
    /// `Character` of a `String`.
    package static func elements(of text: String) -> [String] {
        text.withOctets { octets in
            var list = TokenList(octets)
            var elements: [String] = []
            while let element = list.next() { elements.append(ClientText.repaired(element)) }
            return elements
        }
    }

    package static func isToken(_ octets: UnsafeRawBufferPointer) -> Bool {
        !octets.isEmpty && octets.allSatisfy { CharacterClass.contains($0, CharacterClass.token) }
    }

    /// The octets without the white space around them.
    static func trimmed(_ octets: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = octets.count
        while start < end, CharacterClass.isWhitespace(octets[start]) { start += 1 }
        while end > start, CharacterClass.isWhitespace(octets[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: octets[start..<end])
    }
}
