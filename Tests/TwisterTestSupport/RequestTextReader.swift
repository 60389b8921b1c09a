/// Reads the requests that a test writes in the form of HTTP/1.1, as they come in pieces: well-formed ones, since HTTP/2 has no
/// form for others.
struct RequestTextReader {
    struct Head {
        var method: String
        var target: String
        var scheme = "http"
        var host: String?
        /// Fields in lower case, without those of the connection (RFC 9113, 8.2.2).
        var fields: [(String, String)] = []
        var closes = false
        var isHTTP10 = false
        var hasBody = false
    }

    enum Part {
        case head(Head)
        case body([UInt8])
        /// The request is complete; these fields came behind its body, in lower case.
        case end(trailers: [(String, String)])
    }

    private enum State {
        case head
        case body(Int)
        /// A line with a chunk's size, or one of the trailers behind the last.
        case size
        case chunk(Int)
        case trailers([(String, String)])
    }

    private static let ofConnection: Set<String> = [
        "connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings",
    ]

    private var unread: [UInt8] = []
    private var state = State.head

    mutating func read(_ bytes: [UInt8]) -> [Part] {
        unread += bytes
        var parts: [Part] = []
        while step(&parts) {}
        return parts
    }

    /// Takes the next part. Returns false where it has not come.
    private mutating func step(_ parts: inout [Part]) -> Bool {
        switch state {
        case .head:
            guard let head = take(until: Array("\r\n\r\n".utf8)) else { return false }
            readHead(head, &parts)
        case .body(let length), .chunk(let length):
            guard !unread.isEmpty else { return false }
            let piece = Array(unread.prefix(length))
            unread.removeFirst(piece.count)
            parts.append(.body(piece))
            if case .chunk = state {
                state = piece.count == length ? .size : .chunk(length - piece.count)
            } else if piece.count == length {
                parts.append(.end(trailers: []))
                state = .head
            } else {
                state = .body(length - piece.count)
            }
        case .size:
            guard let line = take(until: Array("\r\n".utf8)) else { return false }
            // The end of the chunk before is an empty line.
            guard !line.isEmpty else { return true }
            let size = Int(String(decoding: line.prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self), radix: 16) ?? 0
            state = size == 0 ? .trailers([]) : .chunk(size)
        case .trailers(let trailers):
            guard let line = take(until: Array("\r\n".utf8)) else { return false }
            if let field = Self.field(String(decoding: line, as: UTF8.self)) {
                state = .trailers(trailers + [field])
            } else {
                parts.append(.end(trailers: trailers))
                state = .head
            }
        }
        return true
    }

    /// The octets before the next such mark, which is taken, too.
    private mutating func take(until mark: [UInt8]) -> [UInt8]? {
        guard unread.count >= mark.count else { return nil }
        for index in 0...(unread.count - mark.count) where unread[index..<(index + mark.count)].elementsEqual(mark) {
            let taken = Array(unread[..<index])
            unread.removeFirst(index + mark.count)
            return taken
        }
        return nil
    }

    private mutating func readHead(_ octets: [UInt8], _ parts: inout [Part]) {
        // Octets beyond ASCII are the same characters of Latin-1 here, and octets again later.
        let lines = String(decoding: octets, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: false)
        var head = Head(method: String(words.first ?? ""), target: words.count > 1 ? String(words[1]) : "")
        head.isHTTP10 = words.last == "HTTP/1.0"
        head.closes = head.isHTTP10
        var length = 0
        var isChunked = false
        for line in lines.dropFirst() {
            guard let (name, value) = Self.field(line) else { continue }
            switch name {
            case "host": head.host = value
            case "connection": if value.lowercased().contains("close") { head.closes = true }
            case "transfer-encoding": isChunked = true
            case "content-length": length = Int(value) ?? 0
            default: break
            }
            if name == "te", value.lowercased() != "trailers" { continue }
            if !Self.ofConnection.contains(name) { head.fields.append((name, value)) }
        }
        // HTTP/1.0 does without Host.
        if head.isHTTP10, head.host == nil { head.host = "127.0.0.1" }
        head.splitTarget()
        head.hasBody = isChunked || length > 0
        parts.append(.head(head))
        if isChunked { state = .size } else if length > 0 { state = .body(length) }
    }

    /// A field's name in lower case, and its value; nil: the line is none.
    private static func field(_ line: some StringProtocol) -> (String, String)? {
        guard let colon = line.firstIndex(of: ":") else { return nil }
        return (line[..<colon].lowercased(), String(line[line.index(after: colon)...]).trimmed)
    }
}

extension RequestTextReader.Head {
    /// Takes a target in absolute form apart, whose host counts more than the field (RFC 9112, 3.2.2); HTTP/2 has a
    /// pseudo-field for each part. The target of CONNECT is an authority.
    fileprivate mutating func splitTarget() {
        if method == "CONNECT" { host = target }
        guard let mark = target.range(of: "://"), !target.hasPrefix("/") else { return }
        scheme = String(target[..<mark.lowerBound])
        let rest = target[mark.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        host = String(rest[..<end])
        target = (rest[end...].hasPrefix("/") ? "" : "/") + rest[end...]
    }
}

extension String {
    /// The first place of `mark`.
    fileprivate func range(of mark: String) -> Range<Index>? {
        indices.first { self[$0...].hasPrefix(mark) }.map { $0..<index($0, offsetBy: mark.count) }
    }

    /// Without white space around it.
    fileprivate var trimmed: String {
        let end = lastIndex { $0 != " " && $0 != "\t" }.map { index(after: $0) } ?? startIndex
        return String(self[..<end].drop { $0 == " " || $0 == "\t" })
    }
}
