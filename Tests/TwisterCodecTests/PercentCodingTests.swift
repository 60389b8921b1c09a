import Testing

@testable import TwisterCodec

@Suite("Percent coding and queries")
struct PercentCodingTests {
    private func onOctets<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let octets = Array(text.utf8)
        return GuardedBuffer(capacity: octets.count).withBytes(octets, body)
    }

    @Test(
        "Paths",
        arguments: [
            ("/a/b", "/a/b"), ("/a%2Fb%2f", "/a/b/"), ("%C3%A9", "\u{e9}"), ("a+b", "a+b"), ("", ""), ("%00", "\0"),
            ("%", nil), ("%4", nil), ("%4g", nil), ("%g4", nil), ("a%", nil), ("%%41", nil), ("%ff", nil), ("%C3", nil),
            ("%C0%AF", nil), ("%+1", nil),
        ] as [(String, String?)])
    func paths(text: String, expected: String?) {
        #expect(onOctets(text, PercentCoding.decodePath) == expected)
    }

    @Test("Octets that are no UTF-8 are decoded as octets")
    func octets() {
        #expect(onOctets("%ff%00a", PercentCoding.decode) == [0xFF, 0, 0x61])
        #expect(onOctets("%f", PercentCoding.decode) == nil)
    }

    @Test(
        "Forms",
        arguments: [
            ("a+b%2B", "a b+"), ("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("%ff", "\u{fffd}"),
            ("", ""), ("\u{e9}", "\u{e9}"),
        ])
    func forms(text: String, expected: String) {
        #expect(onOctets(text, PercentCoding.decodeForm) == expected)
    }

    @Test("Decoding inverts encoding")
    func encoding() {
        #expect(PercentCoding.encode("a b/\u{e9}?~-._") == "a%20b%2F%C3%A9%3F~-._")
        #expect(onOctets(PercentCoding.encode("a b/\u{e9}?"), PercentCoding.decodePath) == "a b/\u{e9}?")
    }

    @Test(
        "Queries",
        arguments: [
            ("", []), ("a=1&b=2", ["a=1", "b=2"]), ("a", ["a="]), ("=", ["="]), ("=a", ["=a"]), ("a=b=c", ["a=b=c"]),
            ("&&a=1&&", ["a=1"]), ("a=1&a=2", ["a=1", "a=2"]), ("a+b=%26", ["a b=&"]), ("a;b=1", ["a;b=1"]),
        ] as [(String, [String])])
    func queries(text: String, expected: [String]) {
        let pairs = onOctets(text) { octets in
            var parser = QueryParser(octets)
            var pairs: [String] = []
            while let pair = parser.next() { pairs.append("\(pair.name)=\(pair.value)") }
            #expect(!parser.isTruncated)
            return pairs
        }
        #expect(pairs == expected)
    }

    @Test("No more pairs than the limit")
    func limit() {
        onOctets("a&b&c&") { octets in
            var parser = QueryParser(octets, limit: 2)
            #expect(parser.next()?.name == "a" && parser.next()?.name == "b" && parser.next() == nil)
            #expect(parser.isTruncated)
            var exact = QueryParser(octets, limit: 3)
            while exact.next() != nil {}
            #expect(!exact.isTruncated)
            #expect(QueryParser.fits(octets, limit: 3) && !QueryParser.fits(octets, limit: 2))
        }
    }

    @Test("References become what RFC 3986 allows, and text for logs one line of printable ASCII")
    func references() {
        #expect(
            PercentCoding.encodeReference(#"/a b/\é{"<>^`|}?q=%20&r=[1]#f"#)
                == "/a%20b/%5C%C3%A9%7B%22%3C%3E%5E%60%7C%7D?q=%20&r=[1]#f")
        #expect(PercentCoding.encodeReference("/plain?%C3%A9") == "/plain?%C3%A9")
        // Left for the check of field values to refuse.
        #expect(PercentCoding.encodeReference("/\r\n") == "/\r\n")
        #expect(PercentCoding.encodeUnprintable("open a\r\n\u{1b}[1m\u{2028}é") == "open a%0D%0A%1B[1m%E2%80%A8%C3%A9")
    }
}
