import Testing
import TwisterCodec

/// N-31: the bytes that a Range field requests (RFC 9110 14.1.2, 14.2).
struct RequestedRangesTests {
    private func ranges(_ field: String, size: Int = 1000) -> RequestedRanges {
        field.withOctets { RequestedRanges($0, size: size) }
    }

    @Test(
        "W-22: one range, in each of its forms",
        arguments: [
            ("bytes=0-0", 0..<1), ("bytes=0-499", 0..<500), ("bytes=500-999", 500..<1000), ("bytes=999-", 999..<1000),
            ("bytes=0-", 0..<1000), ("bytes=-1", 999..<1000), ("bytes=-1000", 0..<1000), ("bytes=-5000", 0..<1000),
            ("bytes=990-5000", 990..<1000), ("Bytes=1-2", 1..<3), ("bytes= 1-2 ", 1..<3),
            ("bytes=0-99999999999999999999999", 0..<1000), ("bytes=-99999999999999999999999", 0..<1000),
            ("bytes=0-18446744073709551615", 0..<1000), ("bytes=0-9223372036854775807", 0..<1000),
            ("bytes=,,1-2,,", 1..<3), ("bytes=1-2,5000-", 1..<3), ("bytes=-0,1-2", 1..<3),
        ] as [(String, Range<Int>)])
    func single(field: String, part: Range<Int>) {
        #expect(ranges(field) == .parts([part]))
    }

    @Test(
        "malformed fields, and those of other units, are ignored",
        arguments: [
            "", "bytes", "bytes=", "bytes=,", "bytes=a-b", "bytes=5", "bytes=-", "bytes=5-4", "bytes=1-2-3",
            "bytes=1-2;3-4", "bytes=0x1-2", "bytes=+1-2", "bytes=1 -2", "bytes=--1", "items=0-1", "bytes 0-1",
            "bytes=0-1,x", "bytes=0-1, bytes=2-3", "=0-1", "bytes=0-1\u{FF11}", "bytes=1.5-2",
        ])
    func malformed(field: String) {
        #expect(ranges(field) == .whole)
    }

    @Test(
        "W-22: a range behind the end is unsatisfiable",
        arguments: [
            "bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=5000-,6000-", "bytes=99999999999999999999999-",
        ])
    func unsatisfiable(field: String) {
        #expect(ranges(field) == .unsatisfiable)
    }

    @Test("an empty file has no ranges")
    func empty() {
        #expect(ranges("bytes=0-", size: 0) == .unsatisfiable)
        #expect(ranges("bytes=0-0", size: 0) == .unsatisfiable)
        #expect(ranges("bytes=-5", size: 0) == .whole)
        #expect(ranges("bytes=0-0", size: -1) == .whole)
    }

    @Test("W-23: several ranges, in the requested order")
    func several() {
        #expect(ranges("bytes=500-599, 0-99") == .parts([500..<600, 0..<100]))
        #expect(ranges("bytes=0-0,-1") == .parts([0..<1, 999..<1000]))
    }

    @Test("CVE-2011-3192: ranges that overlap or touch become one")
    func overlapping() {
        #expect(ranges("bytes=0-99,50-149") == .parts([0..<150]))
        #expect(ranges("bytes=0-99,100-199") == .parts([0..<200]))
        #expect(ranges("bytes=0-,0-,0-") == .parts([0..<1000]))
        #expect(ranges("bytes=10-19,30-39,15-34") == .parts([10..<40]))
        #expect(ranges("bytes=900-,10-19,5-950") == .parts([5..<1000]))
        #expect(ranges("bytes=600-699,0-9,650-749") == .parts([600..<750, 0..<10]))
    }

    @Test("CVE-2011-3192: too many ranges are ignored, in any form")
    func tooMany() {
        let many = { (count: Int) in "bytes=" + (0..<count).map { "\(10 * $0)-\(10 * $0 + 1)" }.joined(separator: ",") }
        #expect(ranges(many(16)) == .parts((0..<16).map { 10 * $0..<10 * $0 + 2 }))
        #expect(ranges(many(17)) == .whole)
        #expect(ranges("bytes=" + String(repeating: "0-,", count: 2000)) == .whole)
    }

    @Test("the parts never touch and are always within the file")
    func always() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let size = Int.random(in: 0...30, using: &generator)
            let elements = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                let (first, last) = (
                    Int.random(in: 0...35, using: &generator), Int.random(in: 0...35, using: &generator)
                )
                return ["\(first)-\(last)", "-\(last)", "\(first)-"].randomElement(using: &generator) ?? ""
            }
            let field = "bytes=" + elements.joined(separator: ",")
            guard case .parts(let parts) = ranges(field, size: size) else { continue }
            let sorted = parts.sorted { $0.lowerBound < $1.lowerBound }
            let isApart = zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
            let isWithin = parts.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= size }
            if !isApart || !isWithin || parts.isEmpty { Issue.record("\(field) of \(size): \(parts)") }
        }
    }
}
