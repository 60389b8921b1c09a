/// The weight that a client gives to each media type in its Accept field (RFC 9110 12.5.1).
///
/// The most specific range that matches a type decides: `type/subtype` before `type/*` before `*/*`. One whose weight is
/// malformed counts as refused; other ranges that are not well-formed are ignored. A range with parameters other than `q`, which
/// no type of ours has, counts as the same range without them. A type that is asked for has no parameters.
package struct AcceptedTypes {
    private let octets: UnsafeRawBufferPointer

    /// `octets` is the value of the field, with several lines joined by commas. The octets have to outlive this value.
    package init(_ octets: UnsafeRawBufferPointer) {
        self.octets = octets
    }

    /// The weight of a media type in thousandths. It is 0 for a type that the client does not want. `type` and `subtype` are
    /// in lower case.
    package func weight(_ type: StaticString, _ subtype: StaticString) -> Int {
        weight(Self.octets(of: type), Self.octets(of: subtype))
    }

    /// The weight of a media type in thousandths, given as `type/subtype` in lower case.
    package func weight(_ mediaType: String) -> Int {
        mediaType.withOctets { name in
            guard let slash = name.firstIndex(of: ASCII.slash) else { return 0 }
            return weight(
                UnsafeRawBufferPointer(rebasing: name[..<slash]), UnsafeRawBufferPointer(rebasing: name[(slash + 1)...])
            )
        }
    }

    /// Whether each element is a range with a weight that may be.
    package var isWellFormed: Bool {
        var list = TokenList(octets)
        while let element = list.next() {
            let end = element.firstIndex(of: ASCII.semicolon) ?? element.count
            let name = TokenList.trimmed(UnsafeRawBufferPointer(rebasing: element[..<end]))
            guard let slash = name.firstIndex(of: ASCII.slash), slash > 0, slash + 1 < name.count,
                QualityValue.weight(element, from: end) != nil
            else { return false }
        }
        return true
    }

    private func weight(_ type: UnsafeRawBufferPointer, _ subtype: UnsafeRawBufferPointer) -> Int {
        var best = (specificity: -1, weight: 0)
        var list = TokenList(octets)
        while let element = list.next() {
            guard let range = Self.range(element, type, subtype), range.specificity > best.specificity else { continue }
            best = range
        }
        return best.weight
    }

    private static func octets(of text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// The weight that one element gives to the type. It is nil where the element does not match the type.
    private static func range(
        _ element: UnsafeRawBufferPointer, _ type: UnsafeRawBufferPointer, _ subtype: UnsafeRawBufferPointer
    ) -> (specificity: Int, weight: Int)? {
        let end = element.firstIndex(of: ASCII.semicolon) ?? element.count
        let name = TokenList.trimmed(UnsafeRawBufferPointer(rebasing: element[..<end]))
        guard let slash = name.firstIndex(of: ASCII.slash) else { return nil }
        let given = (
            UnsafeRawBufferPointer(rebasing: name[..<slash]), UnsafeRawBufferPointer(rebasing: name[(slash + 1)...])
        )
        let specificity: Int
        if TokenList.equals(given.0, "*") {
            guard TokenList.equals(given.1, "*") else { return nil }
            specificity = 0
        } else {
            guard TokenList.equals(given.0, type) else { return nil }
            if TokenList.equals(given.1, "*") {
                specificity = 1
            } else {
                guard TokenList.equals(given.1, subtype) else { return nil }
                specificity = 2
            }
        }
        return (specificity, QualityValue.weight(element, from: end) ?? 0)
    }
}
