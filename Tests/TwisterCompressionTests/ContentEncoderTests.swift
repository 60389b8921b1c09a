import Testing
import TwisterTestSupport

@testable import TwisterCompression

/// BH-11, N-32: response bodies are encoded in gzip, Brotli and Zstandard.
struct ContentEncoderTests {
    private static let text = Array(
        (0..<4_000).map { "{\"id\": \($0), \"name\": \"item \($0 * 7_919 % 1_000)\"}\n" }.joined().utf8)

    private static func random(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    /// Encodes the content in pieces of that size.
    private func encode(
        _ content: [UInt8], _ coding: ResponseCoding, level: Int = 4, piece: Int, flushes: Bool, pool: EncoderPool
    ) throws -> [UInt8] {
        let encoder = try ContentEncoder(coding, level: level, pool: pool)
        var output: [UInt8] = []
        var start = 0
        while start < content.count {
            let end = min(start + piece, content.count)
            output += try encoder.encode(content[start..<end], flushes ? .flush : .none)
            start = end
        }
        return try output + encoder.encode([], .finish)
    }

    @Test(
        "N-32: text and random data come back, cut anywhere, with contexts used again",
        arguments: ResponseCoding.allCases)
    func roundTrip(coding: ResponseCoding) throws {
        let pool = EncoderPool(maxIdle: 1)
        let contents = [
            [], [7], Self.text, Self.random(100_000, seed: 1), Array(Self.text.prefix(1_000)),
            Self.random(16_384, seed: 2), [UInt8](repeating: 0x41, count: 300_000),
        ]
        for content in contents {
            for piece in [977, 16_384, 1 << 20] {
                for flushes in [false, true] {
                    let bytes = try encode(content, coding, piece: piece, flushes: flushes, pool: pool)
                    let decoded = try #require(Decoder.decode(bytes, coding))
                    #expect(decoded.content == content && decoded.isComplete)
                }
            }
        }
        let short = Array(Self.text.prefix(600))
        let bytes = try encode(short, coding, piece: 1, flushes: true, pool: pool)
        #expect(try #require(Decoder.decode(bytes, coding)).content == short)
        let all = try ContentEncoder(coding, level: 5, pool: pool).encode(Self.text, .finish)
        #expect(try #require(Decoder.decode(all, coding)).content == Self.text)
        #expect(all.count < Self.text.count / 4)
    }

    @Test("N-32: every level, and those beyond, one after the other in one context", arguments: ResponseCoding.allCases)
    func levels(coding: ResponseCoding) throws {
        let pool = EncoderPool(maxIdle: 1)
        var sizes: [Int: Int] = [:]
        for level in [6, 1, 9, 3, .min, .max, 19, 11, 0, -1, 6] {
            let bytes = try encode(Self.text, coding, level: level, piece: 10_000, flushes: false, pool: pool)
            #expect(try #require(Decoder.decode(bytes, coding)).content == Self.text)
            // A context that was used at other levels gives the same result as before.
            #expect(sizes.updateValue(bytes.count, forKey: level) ?? bytes.count == bytes.count)
        }
        #expect(try #require(sizes[19]) < #require(sizes[1]))
    }

    @Test("BH-11: after a flush, a client can decode all content so far", arguments: ResponseCoding.allCases)
    func flush(coding: ResponseCoding) throws {
        let encoder = try ContentEncoder(coding, level: 4, pool: EncoderPool())
        #expect(try encoder.encode([], .flush) == [])
        var (content, output): ([UInt8], [UInt8]) = ([], [])
        for part in ["part one\n", "part two\n", String(repeating: "part three\n", count: 9_000), "x"] {
            content += Array(part.utf8)
            output += try encoder.encode(part.utf8, .flush)
            let decoded = try #require(Decoder.decode(output, coding))
            #expect(decoded.content == content && !decoded.isComplete)
            #expect(try encoder.encode([], .flush) == [])
        }
        // Content that was given without a flush goes out with the next one.
        output += try encoder.encode([0x79], .none)
        output += try encoder.encode([], .flush)
        #expect(try #require(Decoder.decode(output, coding)).content == content + [0x79])
        output += try encoder.encode([], .finish)
        #expect(try #require(Decoder.decode(output, coding)).isComplete)
    }

    @Test("N-32: 64 MiB of zeros pass in constant memory", arguments: ResponseCoding.allCases)
    func constantMemory(coding: ResponseCoding) throws {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let size = { (count: Int) throws in
            let pool = EncoderPool()
            let encoder = try ContentEncoder(coding, level: 4, pool: pool)
            var output: [UInt8] = []
            for _ in 0..<count { output += try encoder.encode(zeros) }
            output += try encoder.encode([], .finish)
            #expect(output.count < 128 << 10)
            var decoded = 0
            #expect(Decoder.decode(output, coding) { decoded += $0.count } == true)
            #expect(decoded == count << 20)
            #expect(pool.idleCount(coding) == 1)
            return try pool.take(coding, level: 4).idleSizeAfterEnd
        }
        let small = try size(1)
        #expect(small < 4 << 20)
        #expect(try size(64) <= small)
    }

    private struct Disconnected: Error {}

    @Test("an error of the output ends the body, and the context is used again", arguments: ResponseCoding.allCases)
    func outputError(coding: ResponseCoding) throws {
        let pool = EncoderPool()
        let encoder = try ContentEncoder(coding, level: 4, pool: pool)
        #expect(throws: Disconnected.self) {
            try Self.random(200_000, seed: 3).withUnsafeBytes {
                try encoder.encode($0, .flush) { _ in throw Disconnected() }
            }
        }
        #expect(pool.activeCount == 0 && pool.idleCount(coding) == 1)
        #expect(throws: EncoderError.notOpen) { try encoder.encode([1], .none) }
        let bytes = try encode(Self.text, coding, piece: 5_000, flushes: false, pool: pool)
        #expect(try #require(Decoder.decode(bytes, coding)).content == Self.text)
    }

    @Test("calls after the end, and from within the output, are refused", arguments: ResponseCoding.allCases)
    func order(coding: ResponseCoding) throws {
        let pool = EncoderPool()
        let encoder = try ContentEncoder(coding, level: 4, pool: pool)
        var (output, refused): ([UInt8], EncoderError?) = ([], nil)
        try Self.text.withUnsafeBytes { text in
            try encoder.encode(text, .finish) { piece in
                output += piece
                do { try encoder.encode(text, .none) { output += $0 } } catch { refused = error as? EncoderError }
            }
        }
        #expect(refused == .notOpen)
        #expect(try #require(Decoder.decode(output, coding)).content == Self.text)
        #expect(throws: EncoderError.notOpen) { try encoder.encode([], .finish) }
        #expect(pool.activeCount == 0)
    }

    @Test("output that lost or changed a byte is refused or shorter", arguments: ResponseCoding.allCases)
    func damage(coding: ResponseCoding) throws {
        let content = Array(Self.text.prefix(3_000))
        let bytes = try ContentEncoder(coding, level: 4, pool: EncoderPool()).encode(content, .finish)
        for end in 0..<bytes.count {
            let decoded = Decoder.decode(Array(bytes[..<end]), coding)
            // Empty gzip content counts as complete for `Inflater`.
            #expect(decoded?.isComplete != true || end == 0, "\(end)")
        }
    }
}

extension CompressionContext {
    fileprivate var idleSizeAfterEnd: Int {
        end()
        return idleSize
    }
}
