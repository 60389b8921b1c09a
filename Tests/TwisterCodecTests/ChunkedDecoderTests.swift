import Testing

@testable import TwisterCodec

@Suite("Chunked decoder")
struct ChunkedDecoderTests {
    @Test(
        "Well-formed bodies",
        arguments: [
            ("0\r\n\r\n", "", []),
            ("5\r\nhello\r\n0\r\n\r\n", "hello", []),
            ("1\r\na\r\nA\r\n0123456789\r\n000\r\n\r\n", "a0123456789", []),
            ("0000000000000005\r\n\r\n\r\n\0\r\n0\r\n\r\n", "\r\n\r\n\0", []),
            // W-7: extensions are ignored.
            ("5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello", []),
            ("5 ; a = \"b;\\\"\t\u{e9}\" ;c=d;e\r\nhello\r\n0\r\n\r\n", "hello", []),
            // W-9: trailers are offered, those that may not be such are dropped.
            (
                "0\r\nX-Sum: \t1 \r\nContent-Length: 5\r\nDigest:\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "",
                ["X-Sum=1", "Digest="]
            ),
        ] as [(String, String, [String])])
    func valid(text: String, data: String, trailers: [String]) {
        let octets = Array(text.utf8)
        #expect(decodeEveryWay(octets) == .end(data: Array(data.utf8), consumed: octets.count, trailers: trailers))
        #expect(
            decodeEveryWay(octets + Array("GET ".utf8))
                == .end(data: Array(data.utf8), consumed: octets.count, trailers: trailers))
    }

    @Test(
        "Malformed bodies",
        arguments: [
            ("\r\n", .malformedChunkSize), ("g\r\n", .malformedChunkSize), ("-1\r\n", .malformedChunkSize),
            ("+1\r\n", .malformedChunkSize), ("0x5\r\nhello\r\n", .malformedChunkSize), (" 5\r\n", .malformedChunkSize),
            ("5_0\r\n", .malformedChunkSize), (";a\r\n", .malformedChunkSize), ("5,\r\n", .malformedChunkSize),
            ("5 \r\nhello", .malformedChunkExtension), ("5\t5\r\n", .malformedChunkExtension),
            ("5;\r\nhello", .malformedChunkExtension), ("5;a;\r\n", .malformedChunkExtension),
            ("5;a=\r\n", .malformedChunkExtension), ("5;=b\r\n", .malformedChunkExtension),
            ("5;a=\"b\r\n", .malformedChunkExtension), ("5;a=\"b\"c\r\n", .malformedChunkExtension),
            ("5;a b\r\n", .malformedChunkExtension), ("5;a\0\r\n", .malformedChunkExtension),
            ("5;a=\"\\\r\n", .malformedChunkExtension), ("5;a=\"\u{1}\"\r\n", .malformedChunkExtension),
            ("5\nhello\r\n", .bareLineFeed), ("5;a\nhello\r\n", .bareLineFeed), ("5;a=\"\n\"\r\n", .bareLineFeed),
            ("5\rhello", .bareCarriageReturn), ("5;a\rb\r\n", .bareCarriageReturn), ("0\r\r\n", .bareCarriageReturn),
            // W-8: data has to be followed by CRLF.
            ("5\r\nhello0\r\n\r\n", .malformedChunkEnd), ("5\r\nhello\n0\r\n\r\n", .malformedChunkEnd),
            ("5\r\nhello\rX", .malformedChunkEnd), ("4\r\nhello\r\n0\r\n\r\n", .malformedChunkEnd),
            ("00000000000000005\r\n", .chunkSizeTooLarge), ("8000000000000000\r\n", .chunkSizeTooLarge),
            ("FFFFFFFFFFFFFFFF\r\n", .chunkSizeTooLarge), ("10000000000000005\r\n", .chunkSizeTooLarge),
            ("0\r\n\n", .bareLineFeed), ("0\r\nA: b\n\r\n", .bareLineFeed),
            ("0\r\nA: b\rc\r\n\r\n", .bareCarriageReturn),
            ("0\r\nA : b\r\n\r\n", .whitespaceBeforeColon), ("0\r\n A: b\r\n\r\n", .whitespaceBeforeFields),
            ("0\r\nA: b\r\n c\r\n\r\n", .obsoleteFold), ("0\r\n: b\r\n\r\n", .malformedFieldName),
            ("0\r\nAb\r\n\r\n", .malformedFieldName), ("0\r\nA: \0\r\n\r\n", .controlCharacter),
        ] as [(String, ParseError)])
    func invalid(text: String, error: ParseError) {
        #expect(decodeEveryWay(Array(text.utf8)) == .invalid(error))
    }

    @Test("The largest size is accepted, and its data is returned as it arrives")
    func largestSize() {
        #expect(decodeEveryWay(Array("7FFFFFFFFFFFFFFF\r\nabc".utf8)) == .needMore(data: Array("abc".utf8)))
    }

    @Test("Extensions and trailers are bounded")
    func limits() {
        var limits = ChunkLimits()
        limits.extensionLine = 4
        limits.extensions = 6
        limits.trailers = 10
        limits.trailerCount = 2
        let decode = { (text: String) in decodeEveryWay(Array(text.utf8), limits: limits) }
        #expect(decode("1;aaa\r\nx\r\n0\r\n\r\n") == .end(data: [0x78], consumed: 15, trailers: []))
        #expect(decode("1;aaaa\r\n") == .invalid(.chunkExtensionsTooLarge))
        #expect(decode("1;aaa\r\nx\r\n1;aa\r\n") == .invalid(.chunkExtensionsTooLarge))
        #expect(decode("0\r\nA:bcde\r\n\r\n") == .end(data: [], consumed: 13, trailers: ["A=bcde"]))
        #expect(decode("0\r\nA:bcdefghij") == .invalid(.trailersTooLarge))
        #expect(decode("0\r\nA:bcdef\r\n\r\n") == .invalid(.trailersTooLarge))
        limits.trailers = 100
        #expect(decodeEveryWay(Array("0\r\nA:\r\nB:\r\nC:\r\n\r\n".utf8), limits: limits) == .invalid(.tooManyTrailers))
    }
}
