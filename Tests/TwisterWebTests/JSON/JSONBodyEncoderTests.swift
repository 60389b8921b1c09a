import FoundationEssentials
import Testing
import TwisterTestSupport

@testable import TwisterWeb

@Suite("JSONBodyEncoder")
struct JSONBodyEncoderTests {
    private func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONBodyEncoder.encode(value), as: UTF8.self)
    }

    private static var foundation: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = .withoutEscapingSlashes
        return encoder
    }

    /// Both encoders have to write the same octets: `value` has no object with several members.
    private func expectSame(_ value: some Encodable, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let expected = String(decoding: try Self.foundation.encode(value), as: UTF8.self)
        #expect(try text(value) == expected, sourceLocation: sourceLocation)
    }

    // MARK: Single values

    @Test("numbers are written as JSONEncoder writes them")
    func numbers() throws {
        try expectSame([0, 1, -1, 42, .max, .min] as [Int])
        try expectSame([.min, .max] as [Int8])
        try expectSame([.min, .max] as [Int16])
        try expectSame([.min, .max] as [Int32])
        try expectSame([.min, .max] as [Int64])
        try expectSame([.min, .max] as [UInt])
        try expectSame([.min, .max] as [UInt8])
        try expectSame([.min, .max] as [UInt16])
        try expectSame([.min, .max] as [UInt32])
        try expectSame([.min, .max] as [UInt64])
        try expectSame(
            [0, -0.0, 1, 0.1, 1e15, 1e16, 1e21, 1e-5, 1.0 / 3, .pi, .leastNonzeroMagnitude, .greatestFiniteMagnitude])
        try expectSame([0, 1.5, 16_777_216, 1e30, .leastNonzeroMagnitude, .greatestFiniteMagnitude] as [Float])
        try expectSame([true, false])
        // JSONEncoder refuses these types.
        #expect(try text(Int128.min) == "\(Int128.min)")
        #expect(try text(["a": Int128.max]) == "{\"a\":\(Int128.max)}")
        #expect(try text([UInt128.max]) == "[\(UInt128.max)]")
        for number in ["0", "-1.5", "3.14159265358979323846264338327950288419", "1e40"] {
            try expectSame(try #require(Decimal(string: number)))
        }
    }

    @Test("the digits of a number give the same number when they are read")
    func shortestDigits() throws {
        var generator = SeededGenerator(seed: 8259)
        for _ in 0..<5_000 {
            let number = Double(bitPattern: generator.next())
            guard number.isFinite else { continue }
            #expect(Double(try text(number)) == number)
            let short = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
            if short.isFinite { #expect(Float(try text(short)) == short) }
        }
    }

    @Test("strings are escaped as RFC 8259 wants, and `</` as Tornado does")
    func strings() throws {
        #expect(try text("") == "\"\"")
        #expect(try text("a/b \u{7F} ü 😀 \u{2028}") == "\"a/b \u{7F} ü 😀 \u{2028}\"")
        #expect(try text("\"\\\u{8}\t\n\u{C}\r") == #""\"\\\b\t\n\f\r""#)
        #expect(try text("\0\u{1}\u{B}\u{1F}") == #""\u0000\u0001\u000b\u001f""#)
        #expect(try text("</script>") == #""<\/script>""#)
        // Each octet that needs an escape, in each position of a word, and in names.
        for octet in UInt8(0)..<0x80 {
            for before in 0..<17 {
                let string = String(repeating: "x", count: before) + String(UnicodeScalar(octet)) + "yyyyyyyyy"
                #expect(try JSONTree(text: try JSONBodyEncoder.encode(string)) == .string(string))
                let named = [string: 1]
                #expect(try JSONTree(text: try JSONBodyEncoder.encode(named)) == .object([string: .integer(1)]))
                #expect(
                    try text(String(repeating: "x", count: before) + "</") == "\""
                        + String(repeating: "x", count: before) + "<\\/\"")
            }
        }
    }

    @Test("types of Foundation have the forms that JSONEncoder gives them")
    func foundationTypes() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<500 {
            let seconds =
                Double(Int64(truncatingIfNeeded: generator.next()) >> 28) + Double.random(in: 0..<1, using: &generator)
            try expectSame(Date(timeIntervalSince1970: seconds))
        }
        for count in 0..<70 {
            try expectSame(Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }))
        }
        try expectSame([try #require(URL(string: "https://example.com/a?b=c&d=%20#e"))])
        try expectSame(["id": UUID()])
        try expectSame(["date": Date(timeIntervalSince1970: -1)])
        try expectSame([Optional(Date(timeIntervalSince1970: 1.999)), nil])
    }

    // MARK: Values in values

    private enum Suit: String, Codable, CodingKeyRepresentable { case hearts, spades }
    private enum Shape: Codable { case circle(radius: Double), point, line(Int, Int) }
    private struct Empty: Codable {}
    private struct Nothing: Encodable { func encode(to encoder: any Encoder) {} }
    private struct Person: Codable {
        var name = "Ü"
        var age: UInt8? = 7
        var nickname: String?
        var born = Date(timeIntervalSince1970: 86_400)
        var suits: [Suit: [Shape]] = [.hearts: [.circle(radius: 1.5), .point, .line(1, -1)]]
        var numbers: [Int: Set<Int>] = [5: [1]]
        var lists: [[Int?]] = [[], [nil, 1]]
        var empty = Empty()
        var range = 1..<5
        var data = Data([1, 2, 255])
    }

    @Test("values in values, as JSONEncoder encodes them")
    func values() throws {
        func expectEqual(_ value: some Encodable, sourceLocation: SourceLocation = #_sourceLocation) throws {
            let expected = try JSONTree(text: [UInt8](try Self.foundation.encode(value)))
            let actual = try JSONBodyEncoder.encode(value)
            #expect(try JSONTree(text: actual) == expected, sourceLocation: sourceLocation)
            #expect(JSONSyntax.isWellFormed(actual), sourceLocation: sourceLocation)
        }
        try expectEqual(Person())
        try expectEqual([Person(), Person(age: nil)])
        try expectEqual(["a": Person()])
        try expectEqual([Suit.hearts: 1])
        try expectEqual([1.5: "x"])
        try expectEqual(Empty())
        try expectEqual([Nothing()])
        try expectEqual(["a": Nothing()])
        try expectEqual(Int?.none)
        try expectEqual([Int]())
        try expectEqual([String: Int]())
        try expectEqual(Dictionary(uniqueKeysWithValues: (0..<1_000).map { ("key\($0)", [$0]) }))
    }

    @Test("members have the order in which they are encoded")
    func order() throws {
        #expect(
            try text(Person(suits: [:], numbers: [:]))
                == #"{"name":"Ü","age":7,"born":"1970-01-02T00:00:00Z","suits":{},"numbers":{},"#
                + #""lists":[[],[null,1]],"empty":{},"range":[1,5],"data":"AQL/"}"#)
    }

    @Test("random values, in containers of all kinds, are those that JSONEncoder writes")
    func randomValues() throws {
        var generator = SeededGenerator(seed: 20_261_126)
        for _ in 0..<300 {
            let tree = JSONTree.random(&generator)
            let text = try JSONBodyEncoder.encode(tree)
            #expect(JSONSyntax.isWellFormed(text))
            #expect(try JSONTree(text: text) == JSONTree(text: [UInt8](try Self.foundation.encode(tree))))
        }
    }
}
