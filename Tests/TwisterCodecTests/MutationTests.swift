import Testing
import TwisterTestSupport

@testable import TwisterCodec

@Suite("Mutations")
struct MutationTests {
    private static let heads = [
        "GET /a?b=c HTTP/1.1\r\nHost: example.com:80\r\nAccept: */*\r\n\r\n",
        "POST http://u/x HTTP/1.1\r\nHost: [::1]:8\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
        "CONNECT h:443 HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: x\r\n\r\n",
        "\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\nCookie: a=b; c=d\r\n\r\nGET / ",
    ].map { Array($0.utf8) }
    private static let bodies = [
        "5;a=\"b\\\"\";c\r\nhello\r\n1F\r\n0123456789012345678901234567890\r\n0\r\nX: y\r\nHost: z\r\n\r\nGET",
        "0\r\n\r\n", "a\r\n0123456789\r\n0\r\nA:\r\n\r\n",
    ].map { Array($0.utf8) }
    private static let interesting = Array("\r\n\r\n \t:;,=\"\\%?#/*@[]0159afxX-+\0\u{7f}".utf8) + [0x80, 0xFF]

    private func mutated(_ octets: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var octets = octets
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let place = Int.random(in: 0..<max(octets.count, 1), using: &generator)
            let byte = Self.interesting.randomElement(using: &generator) ?? 0
            switch UInt8.random(in: 0..<6, using: &generator) {
            case 0 where place < octets.count: octets[place] = byte
            case 1: octets.insert(byte, at: min(place, octets.count))
            case 2 where place < octets.count: octets.remove(at: place)
            case 3 where place < octets.count: octets[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 4: octets.removeSubrange(place..<min(octets.count, place + 8))
            default: octets.insert(contentsOf: octets[place..<min(octets.count, place + 12)], at: place)
            }
        }
        return octets
    }

    private func cuts(_ count: Int, _ generator: inout SeededGenerator) -> [Int] {
        (0..<3).map { _ in Int.random(in: 0...count, using: &generator) }.sorted()
    }

    @Test("50,000 mutated heads: no trap, and the same however they are cut")
    func mutatedHeads() {
        var generator = SeededGenerator(seed: 1)
        let buffer = GuardedBuffer(capacity: 1024)
        let limits = ParserLimits(requestLine: 60, headerBlock: 200, fieldCount: 6)
        for _ in 0..<50_000 {
            let octets = mutated(Self.heads.randomElement(using: &generator) ?? [], &generator)
            let whole = ParseOutcome.of(octets, cuts: [], limits: limits, in: buffer)
            let cuts = cuts(octets.count, &generator)
            let cut = ParseOutcome.of(octets, cuts: cuts, limits: limits, in: buffer)
            if cut != whole { Issue.record("\(octets) cut at \(cuts): \(cut), whole: \(whole)") }
        }
    }

    @Test("50,000 mutated chunked bodies: no trap, and the same however they are cut")
    func mutatedBodies() {
        var generator = SeededGenerator(seed: 2)
        let buffer = GuardedBuffer(capacity: 1024)
        for _ in 0..<50_000 {
            let octets = mutated(Self.bodies.randomElement(using: &generator) ?? [], &generator)
            let whole = ChunkOutcome.of(octets, cuts: [], in: buffer)
            let cuts = cuts(octets.count, &generator)
            let cut = ChunkOutcome.of(octets, cuts: cuts, in: buffer)
            if cut != whole { Issue.record("\(octets) cut at \(cuts): \(cut), whole: \(whole)") }
        }
    }

    @Test("50,000 mutated queries, dates and hosts: no trap")
    func mutatedText() {
        var generator = SeededGenerator(seed: 3)
        let buffer = GuardedBuffer(capacity: 1024)
        let texts = [
            "a=b&c=%41+", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "[::1:2.3.4.5]:80",
            "Sunday, 06-Nov-94 08:49:37 GMT", "example.com:80", "a, b ,c",
        ].map { Array($0.utf8) }
        for _ in 0..<50_000 {
            buffer.withBytes(mutated(texts.randomElement(using: &generator) ?? [], &generator)) { bytes in
                var query = QueryParser(bytes, limit: 8)
                while query.next() != nil {}
                _ = PercentCoding.decodePath(bytes)
                _ = HTTPDate.parse(bytes, now: 0)
                _ = Authority(bytes)
                _ = TokenList.contains(bytes, "c")
            }
        }
    }
}
