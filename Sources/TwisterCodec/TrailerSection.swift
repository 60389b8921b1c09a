import HTTPTypes

/// Reads the field lines behind the last chunk (RFC 9112 7.1.2), under the same rules as those of a head. It collects one
/// line at a time, since few bodies have any.
struct TrailerSection: Sendable {
    private let limits: ChunkLimits
    private var line: [UInt8] = []
    private var size = 0
    private var count = 0
    private(set) var fields = HTTPFields()
    private(set) var isComplete = false

    init(limits: ChunkLimits) {
        self.limits = limits
    }

    /// Reads up to the end of the section or of the octets, and returns where it stopped.
    mutating func read(_ bytes: UnsafeRawBufferPointer, from start: Int) throws(ParseError) -> Int {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            size += 1
            guard size <= limits.trailers else { throw .trailersTooLarge }
            line.append(byte)
            guard byte == ASCII.lineFeed else { continue }
            try finishLine()
            if isComplete { break }
        }
        return index
    }

    private mutating func finishLine() throws(ParseError) {
        guard line.count >= 2, line[line.count - 2] == ASCII.carriageReturn else { throw .bareLineFeed }
        line.removeLast(2)
        if line.isEmpty {
            isComplete = true
            return
        }
        count += 1
        guard count <= limits.trailerCount else { throw .tooManyTrailers }
        let field = try Self.parse(line, isFirst: count == 1)
        line.removeAll(keepingCapacity: true)
        guard let name = HTTPField.Name(field.name) else { throw .malformedFieldName }
        if TrailerRules.isAllowed(name.canonicalName) { fields.append(HTTPField(name: name, value: field.value)) }
    }

    private static func parse(_ line: [UInt8], isFirst: Bool) throws(ParseError) -> (name: String, value: String) {
        if CharacterClass.isWhitespace(line[0]) {
            throw isFirst ? .whitespaceBeforeFields : .obsoleteFold
        }
        let nameEnd = line.firstIndex { !CharacterClass.contains($0, CharacterClass.token) } ?? line.count
        guard nameEnd > 0, nameEnd < line.count else { throw .malformedFieldName }
        guard line[nameEnd] == ASCII.colon else {
            throw CharacterClass.isWhitespace(line[nameEnd])
                ? .whitespaceBeforeColon : .malformedFieldName
        }
        let value = line[(nameEnd + 1)...]
        if value.contains(ASCII.carriageReturn) { throw .bareCarriageReturn }
        guard value.allSatisfy({ $0 >= ASCII.space && $0 != ASCII.delete || $0 == ASCII.horizontalTab }) else {
            throw .controlCharacter
        }
        let isText = { (byte: UInt8) in !CharacterClass.isWhitespace(byte) }
        let start = value.firstIndex(where: isText) ?? value.endIndex
        let end = (value.lastIndex(where: isText) ?? start - 1) + 1
        return (
            String(decoding: line[..<nameEnd], as: UTF8.self),
            ClientText.repaired(Array(line[start..<end]))
        )
    }
}

/// The fields that are allowed behind a body (RFC 9110 6.5.1).
package enum TrailerRules {
    /// Fields that decide framing, routing, access, caching or how to read the content have to be known before the content.
    /// Behind it they could contradict a decision that was already made.
    private static let refused: Set<String> = [
        "transfer-encoding", "content-length", "trailer", "te", "upgrade", "connection", "keep-alive",
        "proxy-connection", "http2-settings", "host", "forwarded", "via", "x-real-ip", "x-scheme", "x-forwarded-for",
        "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
        "authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate", "authentication-info",
        "proxy-authentication-info", "cookie", "set-cookie", "origin",
        "expect", "max-forwards", "pragma", "cache-control", "range", "if-match", "if-none-match",
        "if-modified-since", "if-unmodified-since", "if-range",
        "age", "date", "expires", "location", "retry-after", "vary", "warning",
        "content-encoding", "content-type", "content-range", "content-location", "content-language",
        "content-disposition",
    ]

    /// Whether a field of that name may follow a body.
    package static func isAllowed(_ lowercasedName: String) -> Bool {
        !refused.contains(lowercasedName)
    }
}
