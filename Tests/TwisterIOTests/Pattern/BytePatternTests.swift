import Testing

@testable import TwisterIO

@Suite("BytePattern")
struct BytePatternTests {
    private func firstEnd(_ pattern: String, _ text: String) throws -> Int? {
        var matcher = try BytePattern(pattern).matcher()
        return Array(text.utf8).withUnsafeBytes { matcher.firstEnd(in: $0, from: 0) }
    }

    @Test(
        "IOS-4: where the earliest match ends",
        arguments: [
            ("b", "abc", 2), ("\\r?\\n", "ab\r\nc", 4), ("\\r?\\n", "ab\nc", 3), ("a+", "xaaa", 2),
            ("a{3}", "xaaaa", 4),
            ("a{2,}b", "abaab", 5), ("a{1,2}b", "aaab", 4), ("cat|dog", "a dog, a cat", 5), ("(ab)+c", "abxababc", 8),
            ("[a-c]x", "dxbx", 4), ("[^a]x", "axbx", 4), ("\\d+;", "a;12;", 5), ("\\w\\s\\W", "a b !", 5),
            ("a.c", "a\ncabc", 6),
            ("\\x00\\xff", "", 0), ("é", "caf\u{e9}", 5), ("(?:a|ab)(?:c|bcd)", "abcd", 3), ("[]x]y", "]y", 2),
            ("[a\\-z]q", "-q", 2), ("a\\.b", "axba.b", 6), ("a*?b", "aab", 3), ("\\s\\w+\\d", " ab1", 4),
        ])
    func ends(pattern: String, text: String, end: Int) throws {
        #expect(try firstEnd(pattern, text) == (end == 0 ? nil : end))
    }

    @Test("A match may begin before the end of one that fails", arguments: 0...7)
    func overlaps(cut: Int) throws {
        var matcher = try BytePattern("aab").matcher()
        Array("aaaabzz".utf8).withUnsafeBytes { bytes in
            let first = matcher.firstEnd(in: UnsafeRawBufferPointer(rebasing: bytes[..<cut]), from: 0)
            let end = first ?? matcher.firstEnd(in: bytes, from: cut)
            #expect(end == 5)
        }
    }

    @Test(
        "What it does not know it refuses",
        arguments: [
            "", "a*", "(a", "a)", "[a", "*a", "a{2", "a{3,2}", "^a", "a$", "(?=a)", "\\1", "\\q", "\\x1", "a|",
            "(a|b?)",
            "\\", "[z-a]", "((a{999}){999}){9}",
        ])
    func refusals(pattern: String) {
        #expect(throws: BytePattern.SyntaxError.self) { try BytePattern(pattern) }
    }

    @Test("A pattern that takes backtracking matchers exponential time is matched in linear time")
    func linear() throws {
        var matcher = try BytePattern("(a*)*(a|aa)+b").matcher()
        let bytes = [UInt8](repeating: 0x61, count: 30_000)
        let start = threadTime()
        #expect(bytes.withUnsafeBytes { matcher.firstEnd(in: $0, from: 0) } == nil)
        #expect(threadTime() - start < 5_000_000_000)
    }
}
