/// How much a client likes each content coding, by its Accept-Encoding field (RFC 9110 12.5.3). Elements that are not
/// well-formed are passed over.
package struct AcceptedCodings {
    private let octets: UnsafeRawBufferPointer

    /// The value of the field; several lines are joined by commas before. The octets have to outlive this.
    package init(_ octets: UnsafeRawBufferPointer) {
        self.octets = octets
    }

    /// The weight of a coding, in lower case, in thousandths. 0: refused, or not asked for.
    package func weight(_ coding: StaticString) -> Int { stated(coding) ?? 0 }

    /// The weight of content as it is. Where the client says nothing of it, it is acceptable and comes last: 1.
    package var identityWeight: Int { stated("identity") ?? 1 }

    /// What the field says of a coding: the first element that names it, else `*`; nil where neither is there.
    private func stated(_ coding: StaticString) -> Int? {
        var any: Int?
        var list = TokenList(octets)
        while let element = list.next() {
            let end = element.firstIndex(of: ASCII.semicolon) ?? element.count
            let name = TokenList.trimmed(UnsafeRawBufferPointer(rebasing: element[..<end]))
            let isNamed = Self.names(name, coding)
            guard isNamed || any == nil && TokenList.equals(name, "*"),
                let weight = QualityValue.weight(element, from: end)
            else { continue }
            if isNamed { return weight }
            any = weight
        }
        return any
    }

    /// `x-gzip` is another name for gzip (RFC 9110 8.4.1.3).
    private static func names(_ name: UnsafeRawBufferPointer, _ coding: StaticString) -> Bool {
        if TokenList.equals(name, coding) { return true }
        guard TokenList.equals(name, "x-gzip") else { return false }
        return TokenList.equals(
            UnsafeRawBufferPointer(start: coding.utf8Start, count: coding.utf8CodeUnitCount), "gzip")
    }
}
