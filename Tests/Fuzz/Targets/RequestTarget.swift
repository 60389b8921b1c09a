import HTTPTypes
import TwisterCodec

/// The request parser, and the framing of the heads that it accepts.
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
        // The work octet by octet grows with the square of the length.
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

    /// All that the head holds. Each accessor is called once.
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
        lines.append("\(head.offersUpgrade(to: "websocket")) \(head[.cookie] ?? "-") \(head.values(for: .accept))")
        let renamed = head.renamingField("content-encoding", to: "x-consumed-content-encoding")
        try require(renamed.fieldCount == head.fieldCount, "renaming lost a field")
        try require(!renamed.contains(.contentEncoding), "a renamed field is still there")
        try require(renamed.target == head.target && renamed.host == head.host, "renaming changed the request line")
        try checkTarget(head)
        lines.append("\(head.httpFields.count)")
        return lines.joined(separator: "\n")
    }

    /// Checks that the target is visible ASCII without "#", or UTF-8, and that routing and logs get it in ASCII.
    private static func checkTarget(_ head: RequestHead) throws {
        let isVisible = { (byte: UInt8) in byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: "#") }
        let target = head.withTargetBytes { Array($0) }
        try require(target.allSatisfy(isVisible), "a target with a character that is not visible")
        try require(String(validating: target, as: UTF8.self) != nil, "a target that is no UTF-8")
        try require(head.asciiTarget.utf8.allSatisfy { $0 < 0x80 }, "not ASCII: \(head.asciiTarget)")
        let decoded = head.withPathBytes { PercentCoding.decode($0) }
        let routed = head.withASCIIPathBytes { path in (path.allSatisfy { $0 < 0x80 }, PercentCoding.decode(path)) }
        try require(routed.0 && routed.1 == decoded, "the routed path differs from the path")
    }
}
