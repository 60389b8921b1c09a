import HTTPTypes
import TwisterCodec

/// The decoder of chunked bodies, and the encoder as its inverse.
enum ChunkedTarget {
    private enum End: Equatable {
        case needMore
        case invalid(ParseError)
        case end(consumed: Int, trailers: [String])
    }

    private struct Outcome: Equatable {
        var data: [UInt8] = []
        var end = End.needMore
    }

    static func check(_ octets: UnsafeRawBufferPointer) throws {
        guard let input = FuzzInput(octets) else { return }
        var limits = ChunkLimits()
        if input.variant {
            limits.extensionLine = 8
            limits.extensions = 20
            limits.trailers = 40
            limits.trailerCount = 2
        }
        let message = input.message
        let whole = try decode([message], limits)
        let cut = try decode(input.pieces, limits)
        try require(cut == whole, "cut at \(input.cuts): \(cut), whole: \(whole)")
        let octets = message.indices.map { UnsafeRawBufferPointer(rebasing: message[$0..<($0 + 1)]) }
        let single = try decode(octets, limits)
        try require(single == whole, "octet by octet: \(single), whole: \(whole)")
        try require(whole.data.count <= message.count, "more data than octets")
        try checkRoundTrip(whole.data, input.cuts)
    }

    private static func decode(_ pieces: [UnsafeRawBufferPointer], _ limits: ChunkLimits) throws -> Outcome {
        var decoder = ChunkedDecoder(limits: limits)
        var outcome = Outcome()
        var total = 0
        for piece in pieces {
            var rest = piece
            while !rest.isEmpty {
                let consumed: Int
                switch withExactCopy(rest, { decoder.next($0) }) {
                case .invalid(let error):
                    outcome.end = .invalid(error)
                    return outcome
                case .end(let count):
                    let trailers = decoder.trailers.map { "\($0.name.rawName)=\($0.value)" }
                    outcome.end = .end(consumed: total + count, trailers: trailers)
                    return outcome
                case .needMore(let count): consumed = count
                case .data(let range, let count):
                    try require(range.upperBound <= count && !range.isEmpty, "data \(range) of \(count)")
                    outcome.data += rest[range]
                    consumed = count
                }
                // Without this, a caller would never stop.
                try require((1...rest.count).contains(consumed), "consumed \(consumed) of \(rest.count)")
                total += consumed
                rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
            }
        }
        return outcome
    }

    private static func checkRoundTrip(_ data: [UInt8], _ cuts: [Int]) throws {
        var encoded: [UInt8] = []
        var start = 0
        for end in cuts.filter({ $0 < data.count }) + [data.count] where end > start {
            encoded += [UInt8](unsafeUninitializedCapacity: ChunkEncoder.headUpperBound) { buffer, count in
                count = buffer.baseAddress.map { ChunkEncoder.encodeHead(end - start, into: $0) } ?? 0
            }
            encoded += data[start..<end]
            encoded += Array("\r\n".utf8)
            start = end
        }
        encoded += Array("0\r\n\r\n".utf8)
        let outcome = try encoded.withUnsafeBytes { try decode([$0], ChunkLimits()) }
        let expected = Outcome(data: data, end: .end(consumed: encoded.count, trailers: []))
        try require(outcome == expected, "encoded again: \(outcome), not \(expected)")
    }
}
