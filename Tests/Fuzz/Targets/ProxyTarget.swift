import TwisterCodec

/// The parsers of what proxies report of their clients: the PROXY protocol, and `Forwarded`.
enum ProxyTarget {
    static func check(_ octets: UnsafeRawBufferPointer) throws {
        try checkHeader(octets)
        try withExactCopy(octets) { octets in
            var parser = ForwardedParser(octets)
            var count = 0
            while let element = parser.next() {
                count += 1
                let size = (element.proto?.utf8.count ?? 0) + (element.host?.utf8.count ?? 0)
                // An octet that is no UTF-8 becomes three octets.
                try require(size <= 3 * octets.count, "\(element) is longer than the field")
            }
            try require(count <= octets.count, "\(count) elements")
            try require(parser.next() == nil, "an element behind the end")
            _ = ForwardedNode(octets)
        }
    }

    /// The header arrives in pieces. The first result other than `needMore` has to be that of all the octets.
    private static func checkHeader(_ octets: UnsafeRawBufferPointer) throws {
        let whole = withExactCopy(octets) { ProxyProtocolParser.parse($0) }
        for end in 0..<min(octets.count, 300) {
            let prefix = UnsafeRawBufferPointer(rebasing: octets[..<end])
            let result = withExactCopy(prefix) { ProxyProtocolParser.parse($0) }
            if result == .needMore { continue }
            return try require(result == whole, "after \(end) octets: \(result), whole: \(whole)")
        }
        if case .complete(let consumed, _) = whole {
            try require((1...octets.count).contains(consumed), "consumed \(consumed) of \(octets.count)")
        }
        if whole == .needMore {
            try require(octets.count < ProxyProtocolParser.longestHeader, "waits for ever")
        }
    }
}
