import Testing
import TwisterCompression
import TwisterTestSupport

/// H1-20: content is decoded within limits, wherever it is cut.
struct InflaterTests {
    private func inflate(
        _ bytes: [UInt8], _ coding: ContentCoding, piece: Int = 1 << 20, limit: Int = .max, maxRatio: Int = 0
    ) throws(InflateError) -> [UInt8] {
        let inflater = try Inflater(coding, limit: limit, maxRatio: maxRatio)
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let part = Array(bytes[start..<min(start + piece, bytes.count)])
            var failure: InflateError?
            part.withUnsafeBytes { part in
                do throws(InflateError) { try inflater.inflate(part) { output += $0 } } catch { failure = error }
            }
            if let failure { throw failure }
            start += piece
        }
        try inflater.finish()
        return output
    }

    private static let text = Array(String(repeating: "the quick brown fox ", count: 5_000).utf8)

    @Test("both codings, cut anywhere, and several members of gzip")
    func codings() throws {
        for piece in [1, 7, 1_000, 1 << 20] {
            #expect(try inflate(compressed(Self.text, gzip: true), .gzip, piece: piece) == Self.text)
            #expect(try inflate(compressed(Self.text, gzip: false), .deflate, piece: piece) == Self.text)
        }
        let members = compressed([1, 2], gzip: true) + compressed([], gzip: true) + compressed([3], gzip: true)
        #expect(try inflate(members, .gzip, piece: 3) == [1, 2, 3])
        #expect(try inflate([], .gzip) == [])
    }

    @Test("content that is malformed, too short or followed by other octets is refused")
    func broken() {
        let gzip = compressed(Self.text, gzip: true)
        var flipped = gzip
        flipped[gzip.count - 6] ^= 1
        #expect(throws: InflateError.malformed) { try inflate(flipped, .gzip) }
        #expect(throws: InflateError.truncated) { try inflate(Array(gzip.dropLast()), .gzip) }
        #expect(throws: InflateError.malformed) { try inflate(gzip + [1, 2, 3], .gzip) }
        #expect(throws: InflateError.malformed) { try inflate(compressed([1], gzip: false) + [0], .deflate) }
        #expect(throws: InflateError.malformed) { try inflate(Array("plain".utf8), .gzip) }
        #expect(throws: InflateError.malformed) { try inflate(gzip, .deflate) }
    }

    @Test("CVE-2026-49855: bombs are refused by length and by ratio")
    func bombs() throws {
        let bomb = compressed([UInt8](repeating: 0, count: 10_000_000), gzip: true)
        #expect(throws: InflateError.tooLong) { try inflate(bomb, .gzip, limit: 1_000_000) }
        #expect(throws: InflateError.ratioTooHigh) { try inflate(bomb, .gzip, maxRatio: 100) }
        #expect(try inflate(bomb, .gzip, limit: 10_000_000).count == 10_000_000)
        let small = compressed([UInt8](repeating: 0, count: 60_000), gzip: true)
        #expect(try inflate(small, .gzip, maxRatio: 10).count == 60_000)
    }
}
