import TwisterCodec

/// Queries, percent-encoding, cookies, and other values of fields.
enum TextTarget {
    static func check(_ octets: UnsafeRawBufferPointer) throws {
        try withExactCopy(octets) { octets in
            try checkQuery(octets)
            try checkPercent(octets)
            try checkCookies(octets)
            try checkValues(octets)
            try checkForm(octets)
            try checkRanges(octets)
            try checkNegotiation(octets)
        }
    }

    /// Checks that all parts are within the file and that no two touch.
    private static func checkRanges(_ octets: UnsafeRawBufferPointer) throws {
        for size in [0, 1, 26, Int.max] {
            guard case .parts(let parts) = RequestedRanges(octets, size: size) else { continue }
            try require((1...RequestedRanges.most).contains(parts.count), "\(parts.count) parts")
            var end = -1
            for part in parts.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                try require(part.lowerBound > end, "parts that touch: \(parts)")
                try require(!part.isEmpty && part.upperBound <= size, "a part \(part) of \(size)")
                end = part.upperBound
            }
        }
    }

    private static func checkNegotiation(_ octets: UnsafeRawBufferPointer) throws {
        let accepted = AcceptedCodings(octets)
        for weight in [accepted.weight("gzip"), accepted.weight("br"), accepted.identityWeight] {
            try require((0...1000).contains(weight), "a weight of \(weight)")
        }
        guard let tag = EntityTag("abc"), let weak = EntityTag("abc", isWeak: true) else { return }
        let isListed = tag.isListed(in: octets, strongly: false)
        try require(isListed || !tag.isListed(in: octets, strongly: true), "listed strongly, and not weakly")
        try require(!weak.isListed(in: octets, strongly: true), "a weak tag is listed strongly")
        var conditions = Preconditions()
        conditions.ifNoneMatch = String(decoding: octets, as: UTF8.self)
        if String(validating: octets, as: UTF8.self) != nil, isListed {
            let outcome = conditions.evaluate(tag: tag, lastModified: 0, now: 0)
            try require(outcome == .notModified, "listed, and \(outcome)")
        }
    }

    /// Parses the octets as a form's body and, up to the first line feed, as its type.
    private static func checkForm(_ octets: UnsafeRawBufferPointer) throws {
        let type = UnsafeRawBufferPointer(rebasing: octets.prefix { $0 != 0x0A })
        let named = try? MultipartParser.boundary(of: type)
        try require(named.map { (1...70).contains($0.count) } ?? true, "a boundary of \(named?.count ?? 0)")
        var parser = MultipartParser(octets, boundary: named ?? Array("b".utf8), maxParts: 16, maxHeaderSize: 256)
        var parts = 0
        var end = 0
        while let part = try? parser.next() {
            try require(part.content.lowerBound >= end, "a part that begins before the end of the one before")
            try require(part.content.upperBound <= octets.count, "a part that ends behind the body")
            end = part.content.upperBound
            parts += 1
        }
        try require(parts <= 16, "\(parts) parts")
    }

    private static func checkQuery(_ octets: UnsafeRawBufferPointer) throws {
        var parser = QueryParser(octets, limit: 64)
        var pairs: [(name: [UInt8], value: [UInt8])] = []
        while let pair = parser.nextRaw() { pairs.append((Array(pair.name), Array(pair.value))) }
        let expected = octets.split(separator: UInt8(ascii: "&"))
        try require(pairs.count == min(expected.count, 64), "\(pairs.count) pairs of \(expected.count)")
        try require(parser.isTruncated == (expected.count > 64), "truncated: \(parser.isTruncated)")
        for (pair, text) in zip(pairs, expected) {
            let joined = text.contains(UInt8(ascii: "=")) ? pair.name + Array("=".utf8) + pair.value : pair.name
            try require(joined == Array(text), "the pair \(pair) of \(Array(text))")
        }
        var decoding = QueryParser(octets, limit: 64)
        var count = 0
        while decoding.next() != nil { count += 1 }
        try require(count == pairs.count, "\(count) decoded pairs of \(pairs.count)")
    }

    private static func checkPercent(_ octets: UnsafeRawBufferPointer) throws {
        if let decoded = PercentCoding.decode(octets) {
            try require(decoded.count <= octets.count, "decoded to more than there was")
            let path = PercentCoding.decodePath(octets)
            try require(
                path.map { Array($0.utf8) == decoded } ?? (String(validating: decoded, as: UTF8.self) == nil),
                "decode and decodePath disagree")
        }
        let text = PercentCoding.decodeForm(octets)
        let encoded = Array(PercentCoding.encode(text).utf8)
        let again = encoded.withUnsafeBytes { (PercentCoding.decodePath($0), PercentCoding.decodeForm($0)) }
        try require(again.0 == text && again.1 == text, "encoded and decoded again: \(again), not \(text)")
    }

    private static func checkCookies(_ octets: UnsafeRawBufferPointer) throws {
        var parser = CookieParser(octets, limit: 64)
        var size = 0
        var count = 0
        while let pair = parser.nextRaw() {
            try require(!pair.name.isEmpty, "a cookie without a name")
            try require(CookieParser.unquoted(pair.value).utf8.count <= 3 * pair.value.count, "a value grew")
            size += pair.name.count + pair.value.count + 1
            count += 1
        }
        try require(parser.isTruncated != CookieParser.fits(octets, limit: 64), "truncated: \(parser.isTruncated)")
        try require(count <= 64 && size <= octets.count, "\(count) cookies with \(size) octets")
        var decoding = CookieParser(octets, limit: 64)
        while decoding.next() != nil { count -= 1 }
        try require(count == 0, "raw and decoded cookies differ in number")
    }

    private static func checkValues(_ octets: UnsafeRawBufferPointer) throws {
        if let date = HTTPDate.parse(octets, now: 1_700_000_000) {
            let text = Array(HTTPDate.string(date).utf8)
            let again = text.withUnsafeBytes { HTTPDate.parse($0, now: 1_700_000_000) }
            try require(again == date, "the date \(date) became \(String(describing: again))")
        }
        if let address = IPAddress(text: octets) {
            try require(IPAddress(address.description) == address, "the address \(address) is another one")
        }
        _ = Authority(octets)
        let weight = AcceptedTypes(octets).weight("text", "html")
        try require((0...1000).contains(weight), "a weight of \(weight)")
        var list = TokenList(octets)
        var elements = 0
        while list.next() != nil { elements += 1 }
        try require(elements <= octets.count, "\(elements) elements")
    }
}
