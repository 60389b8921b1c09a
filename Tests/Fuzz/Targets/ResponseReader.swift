/// Reads what a server sent on one connection, which has to be complete, well-formed responses.
struct ResponseReader {
    private var rest: ArraySlice<UInt8>
    /// The responses without the parts that may differ between two runs: `Date`, and 100 (Continue), which is left out where
    /// the body arrives together with the head.
    private(set) var responses: [String] = []

    init(_ octets: [UInt8]) throws(FuzzFinding) {
        rest = octets[...]
        while !rest.isEmpty { try readResponse() }
    }

    private mutating func readResponse() throws(FuzzFinding) {
        let statusLine = try readLine()
        let parts = statusLine.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "HTTP/1.1", let status = Int(parts[1]), (100...599).contains(status) else {
            throw FuzzFinding("a status line: \(statusLine)")
        }
        var lines = [statusLine]
        var length: Int?
        var isChunked = false
        while true {
            let line = try readLine()
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else {
                throw FuzzFinding("a field line: \(line)")
            }
            let name = line[..<colon].lowercased()
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            if name == "content-length" {
                try require(length == nil, "two lengths")
                length = Int(value)
                try require(length != nil, "the length \(value)")
            }
            if name == "transfer-encoding" { isChunked = true }
            if name != "date" { lines.append(line) }
        }
        try require(length == nil || !isChunked, "both a length and chunks")
        if status == 100 { return }
        // A response to HEAD ends here, whatever its fields. Then another response follows, or nothing.
        let isBodiless = status < 200 || status == 204 || status == 304
        let isHeadOnly = isBodiless || rest.isEmpty || rest.starts(with: "HTTP/1.1 ".utf8)
        if !isHeadOnly { lines.append(try readBody(length: length, isChunked: isChunked)) }
        responses.append(lines.joined(separator: "\n"))
    }

    private mutating func readBody(length: Int?, isChunked: Bool) throws(FuzzFinding) -> String {
        if let length { return String(decoding: try take(length), as: UTF8.self) }
        guard isChunked else {
            return String(decoding: try take(rest.count), as: UTF8.self)
        }
        var body: [UInt8] = []
        while true {
            let line = try readLine()
            guard let size = Int(line, radix: 16), size >= 0 else { throw FuzzFinding("a chunk's size: \(line)") }
            if size == 0 { break }
            body += try take(size)
            try require(try readLine().isEmpty, "no line end behind a chunk")
        }
        while try !readLine().isEmpty {}
        return String(decoding: body, as: UTF8.self)
    }

    private mutating func take(_ count: Int) throws(FuzzFinding) -> ArraySlice<UInt8> {
        try require(count <= rest.count, "\(rest.count) octets of a body of \(count)")
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func readLine() throws(FuzzFinding) -> String {
        guard let end = rest.firstIndex(of: 0x0A), end > rest.startIndex, rest[end - 1] == 0x0D else {
            throw FuzzFinding("no line: \(String(decoding: rest.prefix(200), as: UTF8.self))")
        }
        defer { rest = rest[(end + 1)...] }
        return String(decoding: rest[..<(end - 1)], as: UTF8.self)
    }
}
