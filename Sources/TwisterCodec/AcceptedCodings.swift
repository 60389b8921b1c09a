/// The weight that a client gives to each content coding in its Accept-Encoding field (RFC 9110 12.5.3). A coding whose weight
/// is malformed counts as refused, whatever `*` says. Other elements that are not well-formed are ignored.
package struct AcceptedCodings {
    private let octets: UnsafeRawBufferPointer

    /// `octets` is the value of the field, with several lines joined by commas. The octets have to outlive this value.
    package init(_ octets: UnsafeRawBufferPointer) {
        self.octets = octets
    }

    /// The weight of a coding, whose name is in lower case, in thousandths. It is 0 for a coding that the client refuses or
    /// does not list.
    package func weight(_ coding: StaticString) -> Int { stated(coding) ?? 0 }

    /// The weight of content without a coding. Where the field does not mention it, it is acceptable but comes last: 1.
    package var identityWeight: Int { stated("identity") ?? 1 }

    /// The least weight of a coding that is used: that of content without a coding, and never 0. A client that prefers content
    /// as it is gets it so.
    package var leastWeight: Int { max(identityWeight, 1) }

    /// The place, in the server's order of preference, of the coding to be used: the one with the largest weight, of several
    /// the first. Nil where the content is to be sent as it is.
    ///
    /// That is also so where the client refuses content without a coding (`identity;q=0`) but accepts none of these: RFC 9110
    /// 12.5.3 lets the server respond with 406 or disregard the field, and the content serves such a client better.
    package func preferred(of codings: some Collection<StaticString>) -> Int? {
        var best: (place: Int, weight: Int)?
        let least = leastWeight
        for (place, coding) in codings.enumerated() {
            let weight = weight(coding)
            if weight >= max(least, (best?.weight ?? 0) + 1) { best = (place, weight) }
        }
        return best?.place
    }

    /// The weight that the field gives to a coding: that of the first element that names it, else that of `*`. It is nil
    /// where neither is listed.
    private func stated(_ coding: StaticString) -> Int? {
        var any: Int?
        var list = TokenList(octets)
        while let element = list.next() {
            let end = element.firstIndex(of: ASCII.semicolon) ?? element.count
            let name = TokenList.trimmed(UnsafeRawBufferPointer(rebasing: element[..<end]))
            if Self.names(name, coding) { return QualityValue.weight(element, from: end) ?? 0 }
            if any == nil, TokenList.equals(name, "*") { any = QualityValue.weight(element, from: end) }
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
