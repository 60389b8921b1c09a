import Testing

@testable import TwisterCodec

/// The result of parsing a message, with all its parts as text so that two results can be compared.
enum ParseOutcome: Equatable {
    case needMore
    case complete(consumed: Int, summary: String)
    case invalid(ParseError)

    /// Parses a message that arrives in pieces: first `cuts[0]` octets, then `cuts[1]` and so on, and finally all of it.
    /// Each piece ends right before a guard page.
    static func of(
        _ octets: [UInt8], cuts: some Sequence<Int>, limits: ParserLimits = ParserLimits(), in buffer: GuardedBuffer
    ) -> ParseOutcome {
        let head = RequestHead()
        var parser = RequestParser(limits: limits)
        for cut in cuts {
            let result = buffer.withBytes(octets[..<cut]) { parser.parse($0, into: head) }
            guard let outcome = ParseOutcome(result, head) else { continue }
            return outcome
        }
        let result = buffer.withBytes(octets) { parser.parse($0, into: head) }
        return ParseOutcome(result, head) ?? .needMore
    }

    private init?(_ result: ParseResult, _ head: RequestHead) {
        switch result {
        case .needMore: return nil
        case .complete(let consumed): self = .complete(consumed: consumed, summary: head.summary)
        case .invalid(let error): self = .invalid(error)
        }
    }
}

/// Parses a message as a whole, octet by octet and cut at every place, expects the same result of all, and returns it.
func parseEveryWay(
    _ octets: [UInt8], limits: ParserLimits = ParserLimits(), _ location: SourceLocation = #_sourceLocation
) -> ParseOutcome {
    let buffer = GuardedBuffer(capacity: octets.count)
    let whole = ParseOutcome.of(octets, cuts: [], limits: limits, in: buffer)
    let byByte = ParseOutcome.of(octets, cuts: 0..<octets.count, limits: limits, in: buffer)
    #expect(byByte == whole, "octet by octet", sourceLocation: location)
    for cut in 0..<octets.count {
        let outcome = ParseOutcome.of(octets, cuts: [cut], limits: limits, in: buffer)
        if outcome != whole { Issue.record("cut at \(cut): \(outcome), whole: \(whole)", sourceLocation: location) }
    }
    return whole
}

func parseEveryWay(
    _ text: String, limits: ParserLimits = ParserLimits(), _ location: SourceLocation = #_sourceLocation
) -> ParseOutcome {
    parseEveryWay(Array(text.utf8), limits: limits, location)
}

/// The head of a message that has to be well-formed.
func parsedHead(_ text: String, _ location: SourceLocation = #_sourceLocation) throws -> RequestHead {
    let head = RequestHead()
    var parser = RequestParser()
    let octets = Array(text.utf8)
    let result = octets.withUnsafeBytes { parser.parse($0, into: head) }
    try #require(result == .complete(consumed: octets.count), sourceLocation: location)
    return head
}

extension RequestHead {
    /// All that the parser found.
    var summary: String {
        var lines = ["\(methodText) \(target) 1.\(versionMinor) \(targetForm)"]
        lines.append("p=\(path) q=\(hasQuery)\(query) h=\(host)")
        lines += (0..<fieldCount).map { "\(fieldName(at: $0))=\(fieldValue(at: $0))" }
        lines.append("\(MessageFraming.framing(of: self)) \(keepAlive) \(expectation)")
        return lines.joined(separator: "\n")
    }
}
