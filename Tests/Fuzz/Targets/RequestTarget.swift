import HTTPTypes
import TwisterCodec

/// The request parser and the framing of what it accepts.
enum RequestTarget {
    private enum Outcome: Equatable {
        case needMore
        case invalid(ParseError)
        case complete(consumed: Int, summary: String)
    }

    static func check(_ octets: UnsafeRawBufferPointer) throws {
        guard let input = FuzzInput(octets) else { return }
        let limits = input.variant ? ParserLimits(requestLine: 60, headerBlock: 200, fieldCount: 6) : ParserLimits()
        let message = input.message
        let whole = try outcome(message, ends: [message.count], limits)
        let cut = try outcome(message, ends: input.cuts + [message.count], limits)
        try require(cut == whole, "cut at \(input.cuts): \(cut), whole: \(whole)")
        // Octet by octet costs the square of the length.
        if message.count <= 512 {
            let single = try outcome(message, ends: Array(0...message.count), limits)
            try require(single == whole, "octet by octet: \(single), whole: \(whole)")
        }
        guard case .complete(let consumed, _) = whole else { return }
        try require((1...message.count).contains(consumed), "consumed \(consumed) of \(message.count)")
        let alone = try outcome(UnsafeRawBufferPointer(rebasing: message[..<consumed]), ends: [consumed], limits)
        try require(alone == whole, "without what follows: \(alone), with it: \(whole)")
    }

    private static func outcome(
        _ message: UnsafeRawBufferPointer, ends: [Int], _ limits: ParserLimits
    ) throws -> Outcome {
        let head = RequestHead()
        var parser = RequestParser(limits: limits)
        for end in ends {
            let seen = UnsafeRawBufferPointer(rebasing: message[..<end])
            switch withExactCopy(seen, { parser.parse($0, into: head) }) {
            case .needMore: continue
            case .invalid(let error): return .invalid(error)
            case .complete(let consumed): return .complete(consumed: consumed, summary: try summary(head))
            }
        }
        return .needMore
    }

    /// Everything that the head says, each accessor called once.
    private static func summary(_ head: RequestHead) throws -> String {
        let isLineEnd = { (byte: UInt8) in byte == 0x0D || byte == 0x0A || byte == 0 }
        var lines = ["\(head.methodText) \(head.httpMethod) \(head.target) 1.\(head.versionMinor) \(head.targetForm)"]
        lines.append("\(head.path) \(head.hasQuery) \(head.query) \(head.host) \(head.isTargetSecured)")
        try head.forEachBytes { name, value in
            try require(!name.isEmpty, "a field without a name")
            try require(!name.contains(where: isLineEnd) && !value.contains(where: isLineEnd), "a line end in a field")
            lines.append("\(String(decoding: name, as: UTF8.self))=\(String(decoding: value, as: UTF8.self))")
        }
        lines.append("\(MessageFraming.framing(of: head)) \(head.keepAlive) \(head.expectation)")
        lines.append("\(head.upgradeProtocols)")
        lines.append("\(head.offersUpgrade(to: "websocket")) \(head[.cookie] ?? "-") \(head.values(for: .accept))")
        let count = head.fieldCount
        head.renameField("content-encoding", to: "x-consumed-content-encoding")
        try require(head.fieldCount == count, "renaming lost a field")
        try require(!head.contains(.contentEncoding), "a renamed field is still there")
        lines.append("\(head.httpFields.count)")
        return lines.joined(separator: "\n")
    }
}
