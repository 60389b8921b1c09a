import HTTPTypes
import Testing

@testable import TwisterCodec

/// The result of decoding a chunked body.
enum ChunkOutcome: Equatable {
    case needMore(data: [UInt8])
    case end(data: [UInt8], consumed: Int, trailers: [String])
    case invalid(ParseError)

    /// Decodes a body that arrives in pieces which end at `cuts` and at its end.
    static func of(
        _ octets: [UInt8], cuts: some Sequence<Int>, limits: ChunkLimits = ChunkLimits(), in buffer: GuardedBuffer
    ) -> ChunkOutcome {
        var decoder = ChunkedDecoder(limits: limits)
        var data: [UInt8] = []
        var position = 0
        for cut in Array(cuts) + [octets.count] {
            while position < cut {
                let piece = octets[position..<cut]
                switch buffer.withBytes(piece, { decoder.next($0) }) {
                case .data(let range, let consumed):
                    data += piece[(position + range.lowerBound)..<(position + range.upperBound)]
                    position += consumed
                case .needMore(let consumed): position += consumed
                case .end(let consumed):
                    let trailers = decoder.trailers.map { "\($0.name.rawName)=\($0.value)" }
                    return .end(data: data, consumed: position + consumed, trailers: trailers)
                case .invalid(let error): return .invalid(error)
                }
            }
        }
        return .needMore(data: data)
    }
}

/// Decodes a body as a whole, octet by octet and cut at every place, expects the same result of all, and returns it.
func decodeEveryWay(
    _ octets: [UInt8], limits: ChunkLimits = ChunkLimits(), _ location: SourceLocation = #_sourceLocation
) -> ChunkOutcome {
    let buffer = GuardedBuffer(capacity: octets.count)
    let whole = ChunkOutcome.of(octets, cuts: [], limits: limits, in: buffer)
    let byByte = ChunkOutcome.of(octets, cuts: 1..<max(octets.count, 1), limits: limits, in: buffer)
    #expect(byByte == whole, "octet by octet", sourceLocation: location)
    for cut in 0..<octets.count {
        let outcome = ChunkOutcome.of(octets, cuts: [cut], limits: limits, in: buffer)
        if outcome != whole { Issue.record("cut at \(cut): \(outcome), whole: \(whole)", sourceLocation: location) }
    }
    return whole
}
