import Testing

@testable import TwisterCodec

@Suite("Multipart forms that arrive in pieces", .serialized)
struct MultipartReaderTests {
    /// What a reader reports, with the content of a part as one.
    private enum Outcome: Equatable {
        case part(MultipartHeader, content: [UInt8], isComplete: Bool)
        case ended
        case failed(MultipartError)
    }

    private func read(
        _ octets: [UInt8], cuts: some Sequence<Int>, in buffer: GuardedBuffer, boundary: String = "b1",
        maxParts: Int = 10,
        maxHeaderSize: Int = 200
    ) -> [Outcome] {
        var reader = MultipartReader(boundary: Array(boundary.utf8), maxParts: maxParts, maxHeaderSize: maxHeaderSize)
        var outcomes: [Outcome] = []
        var header: MultipartHeader?
        var content: [UInt8] = []
        var start = 0
        for cut in Array(cuts) + [octets.count] {
            let piece = octets[start..<cut]
            start = cut
            var position = 0
            reading: while true {
                do throws(MultipartError) {
                    let result = buffer.withBytes(piece) { bytes in
                        Result { () throws(MultipartError) in try reader.next(bytes, from: &position) }
                    }
                    switch try result.get() {
                    case .needMore: break reading
                    case .partBegan(let began): header = began
                    case .content(let range):
                        #expect(!range.isEmpty && range.upperBound <= position)
                        content += piece[(piece.startIndex + range.lowerBound)..<(piece.startIndex + range.upperBound)]
                    case .heldContent(let held):
                        #expect(!held.isEmpty)
                        content += held
                    case .partEnded:
                        if let header { outcomes.append(.part(header, content: content, isComplete: true)) }
                        header = nil
                        content = []
                    case .ended:
                        if outcomes.last != .ended { outcomes.append(.ended) }
                        break reading
                    }
                } catch {
                    outcomes.append(.failed(error))
                    return outcomes
                }
            }
            #expect(position == piece.count)
        }
        if let header { outcomes.append(.part(header, content: content, isComplete: false)) }
        if reader.isAtEnd, outcomes.last != .ended { outcomes.append(.ended) }
        return outcomes
    }

    private static let bodies: [String] = [
        """
        preamble\r\n--b\r\n--b1\r
        Content-Disposition: form-data; name="a"\r
        \r
        \r\r\n\r\r\n--b\r\n-\r\n--b0\r\n--b\r
        --b1 \t\r
        Content-Disposition: form-data; name="f"; filename="x"\r
        Content-Type: text/plain\r
        \r
        -b1--\r
        --b1\r
        Content-Disposition: form-data; name="empty"\r
        \r
        --b1\r
        Content-Disposition: form-data; name="lines"\r
        \r
        \r
        \r
        \r
        --b1--\r\nepilogue\r\n--b1\r\n
        """,
        "--b1--", "--b1-- \t", "--b1--\t\r\nx", "--b1--\r", "--b1--\rx", "--b1--x", "--b1-- x", "\r\n--b1--", "--b1",
        "--b1\r\nX: y\r\n",
        "--b1\r\nContent-Disposition: form-data; name=a\r\n\r\nxy\r\n--b",
        "--b1\r\nContent-Disposition: form-data; name=a\r\n\r\nxy\r\n--b1x", "--b1-x", "--b1 x", "--b1\rx",
        "--b1\r\nX: \(String(repeating: "x", count: 300))\r\n\r\n",
        "--b1\r\nContent-Disposition: form-data; name=a;\(String(repeating: ".", count: 161))\r\n\r\n\r\n--b1--",
        "--b1\r\nContent-Disposition: form-data; name=a;\(String(repeating: ".", count: 162))\r\n\r\n\r\n--b1--",
    ]

    @Test("X-42: a body that is cut anywhere gives the same events", arguments: bodies)
    func cuts(body: String) {
        let octets = Array(body.utf8)
        let buffer = GuardedBuffer(capacity: octets.count)
        let whole = read(octets, cuts: [], in: buffer)
        #expect(read(octets, cuts: 1..<max(octets.count, 1), in: buffer) == whole)
        for cut in 0...octets.count { #expect(read(octets, cuts: [cut], in: buffer) == whole, "cut at \(cut)") }
        for first in 0..<min(octets.count, 90) {
            for length in 0...6 where first + length <= octets.count {
                #expect(read(octets, cuts: [first, first + length], in: buffer) == whole, "cut at \(first), \(length)")
            }
        }
    }

    @Test("X-42: content that looks like a delimiter is content, and limits are exact")
    func events() throws {
        let buffer = GuardedBuffer(capacity: 4096)
        let first = read(Array(Self.bodies[0].utf8), cuts: [], in: buffer)
        let contents = first.compactMap { outcome in
            if case .part(let header, let content, true) = outcome {
                return "\(header.name)=\(String(decoding: content, as: UTF8.self))"
            }
            return nil
        }
        #expect(contents == ["a=\r\r\n\r\r\n--b\r\n-\r\n--b0\r\n--b", "f=-b1--", "empty=", "lines=\r\n\r\n"])
        #expect(first.last == .ended)
        #expect(first.count == 5)
        let sizes = Self.bodies.suffix(2).map { read(Array($0.utf8), cuts: [], in: buffer).last }
        #expect(sizes == [.ended, .failed(.partHeaderTooLarge)])
        let part = "--b1\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n"
        let three = Array((String(repeating: part, count: 3) + "--b1--").utf8)
        #expect(read(three, cuts: [], in: buffer, maxParts: 3).last == .ended)
        #expect(read(three, cuts: [], in: buffer, maxParts: 2).last == .failed(.tooManyParts))
    }

    @Test("HU-12: bit flips never trap, and give the same events however the body is cut")
    func flips() {
        let octets = Array(Self.bodies[0].utf8)
        let buffer = GuardedBuffer(capacity: octets.count)
        for index in octets.indices {
            for bit in 0..<8 {
                var flipped = octets
                flipped[index] ^= 1 << bit
                let whole = read(flipped, cuts: [], in: buffer)
                #expect(
                    read(flipped, cuts: [index / 2, index, index + 1], in: buffer) == whole, "\(index), bit \(bit)")
            }
        }
    }
}
