/// Reads the pairs of a query or of an `application/x-www-form-urlencoded` body one after the other (WHATWG URL 5.1). Only
/// the pairs that are returned by `next()` are decoded. The octets have to outlive the parser.
package struct QueryParser: IteratorProtocol {
    private let octets: UnsafeRawBufferPointer
    private let limit: Int
    private var position = 0
    private var count = 0
    /// Whether the octets have more pairs than the limit. The parser does not read these, so a caller that finds this true
    /// refuses the request.
    package private(set) var isTruncated = false

    /// The default for the most pairs that are read.
    package static var usualLimit: Int { 1_000 }

    package init(_ octets: UnsafeRawBufferPointer, limit: Int = usualLimit) {
        self.octets = octets
        self.limit = limit
    }

    /// The next pair, decoded. A pair without "=" has an empty value. Empty pairs are skipped.
    package mutating func next() -> (name: String, value: String)? {
        guard let pair = nextRaw() else { return nil }
        return (PercentCoding.decodeForm(pair.name), PercentCoding.decodeForm(pair.value))
    }

    /// The next pair as it was sent.
    package mutating func nextRaw() -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
        while position < octets.count {
            let start = position
            while position < octets.count, octets[position] != ASCII.ampersand { position += 1 }
            let end = position
            position += 1
            if start == end { continue }
            guard count < limit else {
                isTruncated = true
                position = octets.count
                return nil
            }
            count += 1
            let equals = octets[start..<end].firstIndex(of: ASCII.equals) ?? end
            return (
                UnsafeRawBufferPointer(rebasing: octets[start..<equals]),
                UnsafeRawBufferPointer(rebasing: octets[min(equals + 1, end)..<end])
            )
        }
        return nil
    }

    /// Whether the octets have at most `limit` pairs. Nothing is decoded, and nothing is allocated.
    package static func fits(_ octets: UnsafeRawBufferPointer, limit: Int = usualLimit) -> Bool {
        var parser = QueryParser(octets, limit: limit)
        while parser.nextRaw() != nil {}
        return !parser.isTruncated
    }
}
