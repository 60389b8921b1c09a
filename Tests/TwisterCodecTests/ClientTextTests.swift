import Foundation
import Testing
import TwisterTestSupport

@testable import TwisterCodec

@Suite("Text of clients")
struct ClientTextTests {
    private static func marks(_ count: Int) -> String {
        String(String.UnicodeScalarView((0..<count).map { $0 % 2 == 0 ? "\u{301}" : "\u{323}" }))
    }

    @Test(
        "text with at most 30 combining marks in a row is taken as it is",
        arguments: [
            "", "plain", "é ü ñ", "日本語のテキスト", "\u{1F469}\u{200D}\u{1F469}\u{200D}\u{1F467}", "ก็ไม่ได้", "עִבְרִית",
            "a" + marks(30), String(repeating: "a" + marks(30), count: 50), marks(30) + "a" + marks(30),
        ])
    func taken(_ text: String) {
        #expect(ClientText.validated(Array(text.utf8)).map { Array($0.utf8) } == Array(text.utf8))
        #expect(Array(ClientText.repaired(Array(text.utf8)).utf8) == Array(text.utf8))
    }

    @Test(
        "more of them are refused, or become U+FFFD, wherever they stand",
        arguments: ["", "a", "日", String(repeating: "x", count: 100)], ["", "b", "日"])
    func refused(_ before: String, _ after: String) {
        let octets = Array((before + Self.marks(32) + after).utf8)
        #expect(ClientText.validated(octets) == nil)
        let repaired = before + Self.marks(30) + "\u{FFFD}\u{FFFD}" + after
        #expect(Array(ClientText.repaired(octets).utf8) == Array(repaired.utf8))
    }

    @Test("octets that are no UTF-8 are refused, or become U+FFFD, also beside too many marks")
    func malformed() {
        #expect(ClientText.validated([0x61, 0xFF]) == nil)
        #expect(ClientText.repaired([0x61, 0xFF]) == "a\u{FFFD}")
        let both = Array(Self.marks(31).utf8) + [0xCC]
        #expect(ClientText.validated(both) == nil)
        #expect(ClientText.repaired(both).unicodeScalars.count { $0 == "\u{FFFD}" } == 2)
    }

    @Test("a mark is what is sorted by canonical ordering, or begins with it when it is decomposed")
    func marksOfUnicode() {
        for value in (UInt32(0)...0x10FFFF) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let isSorted = scalar.properties.canonicalCombiningClass != .notReordered
            // Only these blocks have scalars that decompose, but for ideographs and Hangul, which decompose into letters.
            let decomposed =
                value < 0x3100 ? String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars.first : nil
            let beginsSorted = decomposed.map { $0.properties.canonicalCombiningClass != .notReordered } ?? false
            if ClientText.isMark(scalar) != (isSorted || beginsSorted) {
                Issue.record("U+\(String(value, radix: 16))")
            }
        }
    }

    @Test("the time grows with the length of a text, not with its square")
    func linear() {
        func time(_ count: Int) -> Duration {
            let octets = Array((String(repeating: "a" + Self.marks(30), count: count) + Self.marks(60 * count)).utf8)
            return processorTime { _ = ClientText.repaired(octets).hashValue }
        }
        let short = (0..<3).map { _ in time(200) }.min() ?? .zero
        let long = (0..<3).map { _ in time(2000) }.min() ?? .zero
        #expect(long < short * 40, "\(short), \(long)")
    }
}
