import Glibc
import Testing

@testable import TwisterCodec

/// A hostile peer may send large messages, but the work for them must not grow faster than their size.
@Suite("Linear time", .serialized)
struct LinearTimeTests {
    /// The best of a few runs at one size and at eight times that size: about 8 when linear, about 64 when quadratic.
    private func growth(_ size: Int, _ work: (Int) -> Void) -> Double {
        var best = (small: Double.infinity, large: Double.infinity)
        for _ in 0..<4 {
            best.small = min(best.small, processorTime { work(size) })
            best.large = min(best.large, processorTime { work(size * 8) })
        }
        return best.large / best.small
    }

    /// Nanoseconds of this thread alone, because other tests run at the same time.
    private func processorTime(_ work: () -> Void) -> Double {
        let now = {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
        }
        let start = now()
        work()
        return max(now() - start, 1)
    }

    private let limits = ParserLimits(requestLine: 1 << 20, headerBlock: 1 << 20, fieldCount: 60_000)

    /// Feeds a text octet by octet from one buffer.
    private func trickle(_ text: String) {
        let head = RequestHead()
        var parser = RequestParser(limits: limits)
        Array(text.utf8).withUnsafeBytes { bytes in
            for end in 1...bytes.count {
                if parser.parse(UnsafeRawBufferPointer(rebasing: bytes[..<end]), into: head) != .needMore { return }
            }
        }
    }

    @Test("A trickled request line", arguments: ["GET /", "GET /?", "A"])
    func requestLine(start: String) {
        let ratio = growth(4_000) { trickle(start + String(repeating: "a", count: $0)) }
        #expect(ratio < 24)
    }

    @Test("A trickled field", arguments: ["A", "A: ", "A: \t", "A:\t\t\t"])
    func field(start: String) {
        let filler = start.hasSuffix("\t") ? "\t" : "a"
        let ratio = growth(4_000) {
            trickle("GET / HTTP/1.1\r\n" + start + String(repeating: filler, count: $0) + "\r\n")
        }
        #expect(ratio < 24)
    }

    @Test("Many fields")
    func fields() {
        let ratio = growth(500) { size in
            let fields = String(repeating: "Connection: a\r\n", count: size)
            let text = Array("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n".utf8)
            let head = RequestHead()
            var parser = RequestParser(limits: limits)
            let result = text.withUnsafeBytes { parser.parse($0, into: head) }
            #expect(result == .complete(consumed: text.count))
            #expect(head.keepAlive)
        }
        #expect(ratio < 24)
    }

    @Test("Chunks, trailers and queries")
    func bodies() {
        let chunkRatio = growth(2_000) { size in
            var decoder = ChunkedDecoder()
            let text = Array(String(repeating: "1\r\na\r\n", count: size).utf8)
            text.withUnsafeBytes { bytes in
                var position = 0
                while position < bytes.count {
                    switch decoder.next(UnsafeRawBufferPointer(rebasing: bytes[position...])) {
                    case .data(_, let consumed), .needMore(let consumed), .end(let consumed): position += consumed
                    case .invalid: return
                    }
                }
            }
        }
        #expect(chunkRatio < 24)
        // GHSA-753j-mpmx-qq6g's neighbours: quadratic header and query parsing.
        let queryRatio = growth(2_000) { size in
            Array(String(repeating: "a=%41+&", count: size).utf8).withUnsafeBytes { bytes in
                var parser = QueryParser(bytes, limit: .max)
                while parser.next() != nil {}
            }
        }
        #expect(queryRatio < 24)
    }

    @Test(
        "HU-12: content that almost is a delimiter",
        arguments: ["\r\n--\(String(repeating: "x", count: 69))", "\r", "\r\n--", "\r\n--x\r", "-"])
    func multipart(unit: String) {
        let part = "--\(Self.boundary)\r\nContent-Disposition: form-data; name=a\r\n\r\n"
        let ratio = growth(250_000) { size in
            let content = String(repeating: unit, count: size / unit.utf8.count)
            Array((part + content).utf8).withUnsafeBytes { bytes in
                var reader = MultipartReader(boundary: Array(Self.boundary.utf8))
                var position = 0
                while let event = try? reader.next(bytes, from: &position), event != .needMore {}
            }
        }
        #expect(ratio < 24)
    }

    /// The longest boundary that RFC 2046 5.1.1 allows.
    private static let boundary = String(repeating: "x", count: 70)
}
