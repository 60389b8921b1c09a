import TwisterCodec

/// The reader of forms that arrive in pieces, and the parser of collected ones. The boundary is "b".
enum MultipartTarget {
    private struct Outcome: Equatable {
        var parts: [MultipartHeader] = []
        var contents: [[UInt8]] = []
        var isAtEnd = false
        var error: MultipartError?
    }

    static func check(_ octets: UnsafeRawBufferPointer) throws {
        guard let input = FuzzInput(octets) else { return }
        let maxParts = input.variant ? 2 : 16
        let maxHeaderSize = input.variant ? 40 : 256
        let message = input.message
        let makeReader = {
            MultipartReader(boundary: Array("b".utf8), maxParts: maxParts, maxHeaderSize: maxHeaderSize)
        }
        let whole = try read([message], makeReader())
        let cut = try read(input.pieces, makeReader())
        try require(cut == whole, "cut at \(input.cuts): \(cut), whole: \(whole)")
        let single = try read(
            message.indices.map { UnsafeRawBufferPointer(rebasing: message[$0..<($0 + 1)]) }, makeReader())
        try require(single == whole, "octet by octet: \(single), whole: \(whole)")
        try require(whole.contents.reduce(0) { $0 + $1.count } <= message.count, "more content than octets")
        try require(whole.parts.count <= maxParts, "\(whole.parts.count) parts")
        try checkParser(message, whole, maxParts: maxParts, maxHeaderSize: maxHeaderSize)
    }

    private static func read(_ pieces: [UnsafeRawBufferPointer], _ reader: MultipartReader) throws -> Outcome {
        var reader = reader
        var outcome = Outcome()
        for piece in pieces {
            var position = 0
            reading: while true {
                let before = position
                do throws(MultipartError) {
                    let result = withExactCopy(piece) { octets in
                        Result { () throws(MultipartError) in try reader.next(octets, from: &position) }
                    }
                    switch try result.get() {
                    case .needMore, .ended: break reading
                    case .partBegan(let header):
                        outcome.parts.append(header)
                        outcome.contents.append([])
                    case .content(let range): outcome.contents[outcome.contents.count - 1] += piece[range]
                    case .heldContent(let held): outcome.contents[outcome.contents.count - 1] += held
                    case .partEnded: break
                    }
                } catch {
                    outcome.error = error
                    return outcome
                }
                try require((before...piece.count).contains(position), "moved from \(before) to \(position)")
            }
            try require(position == piece.count, "stopped at \(position) of \(piece.count)")
        }
        outcome.isAtEnd = reader.isAtEnd
        return outcome
    }

    private static func checkParser(
        _ message: UnsafeRawBufferPointer, _ whole: Outcome, maxParts: Int, maxHeaderSize: Int
    ) throws {
        var parser = MultipartParser(
            message, boundary: Array("b".utf8), maxParts: maxParts, maxHeaderSize: maxHeaderSize)
        var count = 0
        do throws(MultipartError) {
            while let part = try parser.next() {
                if count < whole.parts.count, part.header == whole.parts[count],
                    Array(message[part.content]) == whole.contents[count]
                {
                    count += 1
                }
            }
        } catch {
            let expected = whole.error ?? .unterminated
            return try require(error == expected, "the parser throws \(error), the reader \(expected)")
        }
        try require(whole.isAtEnd && count == whole.parts.count, "\(count) parts, the reader has \(whole.parts)")
    }
}
