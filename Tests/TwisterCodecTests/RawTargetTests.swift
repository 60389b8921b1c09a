import Testing

@testable import TwisterCodec

/// Octets in the middle of a target, and whether they are accepted.
struct TargetRow: Sendable, CustomTestStringConvertible {
    let id: String
    let octets: [UInt8]
    let isAccepted: Bool

    init(_ id: String, _ octets: [UInt8], isAccepted: Bool) {
        self.id = id
        self.octets = octets
        self.isAccepted = isAccepted
    }

    var testDescription: String { id }
}

private let rows: [TargetRow] = [
    TargetRow("two octets", [0xC2, 0x80], isAccepted: true),
    TargetRow("last of two octets", [0xDF, 0xBF], isAccepted: true),
    TargetRow("three octets", [0xE0, 0xA0, 0x80], isAccepted: true),
    TargetRow("before the surrogates", [0xED, 0x9F, 0xBF], isAccepted: true),
    TargetRow("behind the surrogates", [0xEE, 0x80, 0x80], isAccepted: true),
    TargetRow("last of three octets", [0xEF, 0xBF, 0xBF], isAccepted: true),
    TargetRow("four octets", [0xF0, 0x90, 0x80, 0x80], isAccepted: true),
    TargetRow("U+10FFFF", [0xF4, 0x8F, 0xBF, 0xBF], isAccepted: true),
    TargetRow("words", Array("grüße-日本語-🐦".utf8), isAccepted: true),
    TargetRow("ASCII that RFC 3986 wants encoded", Array(#"<>{}"^`\|[]"#.utf8), isAccepted: true),
    TargetRow("malformed percent", Array("%%zz".utf8), isAccepted: true),

    TargetRow("continuation alone", [0x80], isAccepted: false),
    TargetRow("two continuations", [0xBF, 0xBF], isAccepted: false),
    TargetRow("Latin-1", [0xE9], isAccepted: false),
    TargetRow("cut: one of two", [0xC3], isAccepted: false),
    TargetRow("cut: two of three", [0xE2, 0x82], isAccepted: false),
    TargetRow("cut: three of four", [0xF0, 0x9F, 0x90], isAccepted: false),
    TargetRow("cut before ASCII", [0xE2, 0x82, 0x41, 0xAC], isAccepted: false),
    TargetRow("one continuation too many", [0xC3, 0xA9, 0xA9], isAccepted: false),
    TargetRow("overlong slash, two octets", [0xC0, 0xAF], isAccepted: false),
    TargetRow("overlong slash, three octets", [0xE0, 0x80, 0xAF], isAccepted: false),
    TargetRow("overlong slash, four octets", [0xF0, 0x80, 0x80, 0xAF], isAccepted: false),
    TargetRow("overlong NUL", [0xC0, 0x80], isAccepted: false),
    TargetRow("last overlong of two octets", [0xC1, 0xBF], isAccepted: false),
    TargetRow("last overlong of three octets", [0xE0, 0x9F, 0xBF], isAccepted: false),
    TargetRow("last overlong of four octets", [0xF0, 0x8F, 0xBF, 0xBF], isAccepted: false),
    TargetRow("first surrogate", [0xED, 0xA0, 0x80], isAccepted: false),
    TargetRow("pair of surrogates", [0xED, 0xA0, 0xBD, 0xED, 0xB0, 0x80], isAccepted: false),
    TargetRow("last surrogate", [0xED, 0xBF, 0xBF], isAccepted: false),
    TargetRow("U+110000", [0xF4, 0x90, 0x80, 0x80], isAccepted: false),
    TargetRow("F5", [0xF5, 0x80, 0x80, 0x80], isAccepted: false),
    TargetRow("FE", [0xFE], isAccepted: false),
    TargetRow("FF", [0xFF], isAccepted: false),
]

private let lineEnd = Array(" HTTP/1.1\r\nHost: h\r\n\r\n".utf8)

/// The head of a request with that target, nil where the target is refused.
private func parsed(_ start: String, _ octets: [UInt8], _ location: SourceLocation = #_sourceLocation) -> RequestHead? {
    let message = Array(start.utf8) + octets + lineEnd
    switch parseEveryWay(message, location) {
    case .complete: break
    // A space ends the target, and what follows is no version.
    case .invalid(.malformedTarget), .invalid(.malformedVersion): return nil
    case let other:
        Issue.record("\(other)", sourceLocation: location)
        return nil
    }
    let head = RequestHead()
    var parser = RequestParser()
    #expect(message.withUnsafeBytes { parser.parse($0, into: head) } == .complete(consumed: message.count))
    return head
}

@Suite("Raw characters in targets")
struct RawTargetTests {
    @Test("Each octet alone: visible ASCII but # is data, in paths and in queries")
    func eachOctet() {
        for byte in UInt8.min...UInt8.max {
            let isVisible = (0x21...0x7E).contains(byte)
            let inPath = parsed("GET /a", [byte])
            #expect((inPath != nil) == (isVisible && byte != UInt8(ascii: "#")), "\(byte) in a path")
            // Further back, where the search has looked at a whole block.
            let later = parsed(
                "GET /aaaaaaaaaaaaaaaaaaaaaa?bbbbbbbbbbbbbbbbbbbbbbb", [byte] + Array("cccccccccccccccccccc".utf8))
            #expect((later != nil) == (isVisible && byte != UInt8(ascii: "#")), "\(byte) in a query")
        }
    }

    @Test("Octets beyond ASCII are accepted where they are UTF-8 (RFC 3629)", arguments: rows)
    func sequences(row: TargetRow) {
        let filler = Array("abcdefghijklmnopq".utf8)
        for before in [[], filler] {
            for behind in [[], filler] {
                let octets = before + row.octets + behind
                for start in ["GET /", "POST /", "GET /?", "GET /a?b=", "GET http://a/", "GET http://a?", "OPTIONS /"] {
                    let head = parsed(start, octets)
                    #expect((head != nil) == row.isAccepted, "behind \(start)")
                    guard let head else { continue }
                    let part =
                        start.contains("?") ? head.withQueryBytes { Array($0) } : head.withPathBytes { Array($0) }
                    #expect(part.suffix(octets.count).elementsEqual(octets))
                    #expect(head.host == (start.contains("//") ? "a" : "h"))
                }
            }
        }
    }

    @Test("A sequence cannot be divided between path and query, or by the end")
    func divided() {
        #expect(parsed("GET /", [0xC3, UInt8(ascii: "?"), 0xA9]) == nil)
        #expect(parsed("GET /?a", [0xE2, 0x82]) == nil)
    }

    @Test("A target that is too long is refused for its length, whatever its octets")
    func tooLong() {
        let limits = ParserLimits(requestLine: 40)
        let message = Array("GET /".utf8) + Array(repeating: 0xC3, count: 60) + lineEnd
        #expect(parseEveryWay(message, limits: limits) == .invalid(.requestLineTooLong))
    }

    @Test("Routing and logs get characters beyond ASCII percent-encoded")
    func encoded() throws {
        let head = try #require(parsed("GET /", Array("é{}\u{2028}?q=\u{9b}ü".utf8)))
        #expect(head.target == "/é{}\u{2028}?q=\u{9b}ü")
        #expect(head.asciiTarget == "/%C3%A9{}%E2%80%A8?q=%C2%9B%C3%BC")
        #expect(head.withASCIIPathBytes { String(decoding: $0, as: UTF8.self) } == "/%C3%A9{}%E2%80%A8")
        let plain = try #require(parsed("GET /", Array("{}?q".utf8)))
        #expect(plain.asciiTarget == plain.target && plain.withASCIIPathBytes { $0.count } == 3)
    }

    @Test("A head that is used again forgets that the target before was not ASCII")
    func usedAgain() throws {
        let head = RequestHead()
        var parser = RequestParser()
        for target in ["é", "e"] {
            let message = Array("GET /\(target)".utf8) + lineEnd
            #expect(message.withUnsafeBytes { parser.parse($0, into: head) } == .complete(consumed: message.count))
            #expect(head.line.isASCII == (target == "e"))
            parser.reset()
            head.reuse()
        }
    }
}
