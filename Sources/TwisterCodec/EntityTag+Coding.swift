/// The tags of one representation in several content codings. They have to differ, because a strong tag stands for the very
/// octets that are sent (RFC 9110 8.8.3.3). The rule: the coding's name is added behind a hyphen, `"abc-gzip"`.
extension EntityTag {
    /// The opaque part of the tag of a representation in a coding.
    package static func opaque(_ opaque: String, coding: StaticString) -> String { "\(opaque)-\(coding)" }

    /// The tag of this representation in a coding. A weak tag stays weak.
    package func coded(_ coding: StaticString) -> EntityTag {
        EntityTag(checked: Self.opaque(String(decoding: opaque, as: UTF8.self), coding: coding), isWeak: isWeak)
    }

    /// Reads the value of an `ETag` field. Returns nil where it is not one well-formed tag.
    package init?(field: String) {
        let isWeak = field.utf8.starts(with: "W/\"".utf8)
        let quoted = field.utf8.dropFirst(isWeak ? 2 : 0)
        guard quoted.count >= 2, quoted.first == ASCII.quote, quoted.last == ASCII.quote else { return nil }
        self.init(String(decoding: quoted.dropFirst().dropLast(), as: UTF8.self), isWeak: isWeak)
    }

    /// Whether the octets are what is added for the coding.
    static func isSuffix(_ octets: Slice<UnsafeRawBufferPointer>, for coding: StaticString) -> Bool {
        guard octets.count == coding.utf8CodeUnitCount + 1, octets.first == ASCII.hyphen else { return false }
        return octets.dropFirst().elementsEqual(
            UnsafeBufferPointer(start: coding.utf8Start, count: coding.utf8CodeUnitCount))
    }
}
