import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The response for a file that was found: its header fields, the conditions, the ranges.
extension StaticFileHandler {
    func send(_ found: Found) throws {
        let file = found.file
        let now = connection.responseTime
        // A date of the future is not allowed (RFC 9110, 8.8.2.1), and HTTP dates before 1970 are not understood by all clients.
        let lastModified = max(min(file.modified.seconds, now), 0)
        let tag = computeETag(found.path, version: found.version).flatMap { EntityTag($0) }
        let conditions = Preconditions(request.head)
        let outcome = conditions.evaluate(tag: tag, lastModified: lastModified, now: now)
        if outcome == .failed { throw HTTPError(.preconditionFailed) }

        try setCacheFields(found.path, tag, now)
        if outcome == .notModified {
            // The client has the other fields already, and uses the tag if there is one (RFC 9110, 15.4.5).
            setStatus(.notModified)
            if tag == nil { setTrustedHeader(.lastModified, HTTPDate.string(lastModified)) }
            try setExtraHeaders(found.path)
            return finish()
        }
        setTrustedHeader(.lastModified, HTTPDate.string(lastModified))
        setTrustedHeader(.acceptRanges, "bytes")
        if let coding = found.coding { setTrustedHeader(.contentEncoding, "\(coding.name)") }
        try setHeader(.contentType, contentType(found.path))
        let isRangeAllowed = conditions.allowRange(tag: tag, lastModified: lastModified, now: now)
        var ranges = isRangeAllowed ? requestedRanges(of: file.size) : .whole
        // `Content-Encoding` would apply to the multipart body, not to its parts.
        if found.coding != nil, case .parts(let parts) = ranges, parts.count > 1 { ranges = .whole }
        try sendBody(of: file, ranges, found.path)
    }

    /// Sets the fields that control caches; a 304 has them, too.
    private func setCacheFields(_ path: String, _ tag: EntityTag?, _ now: Int64) throws {
        if let tag { try setHeader(.eTag, tag.text) }
        if !precompressed.isEmpty { setTrustedHeader(.vary, "Accept-Encoding") }
        let age = cacheTime(path).components.seconds
        guard age > 0 else { return }
        // A URL that contains the file's version always shows the same content (RFC 8246).
        setTrustedHeader(.cacheControl, "max-age=\(age)\(isVersioned ? ", immutable" : "")")
        setTrustedHeader(.expires, HTTPDate.string(now + min(age, Int64(UInt32.max))))
    }

    /// Ranges are defined for GET alone (RFC 9110, 14.2).
    private func requestedRanges(of size: Int) -> RequestedRanges {
        guard request.head.method == .get, let field = request.head[.range] else { return .whole }
        return field.withOctets { RequestedRanges($0, size: size) }
    }

    private func sendBody(of file: OpenFile, _ ranges: RequestedRanges, _ path: String) throws {
        var pieces: [FilePiece]
        switch ranges {
        case .whole: pieces = [.range(0..<file.size)]
        case .parts(let parts) where parts.count == 1:
            setStatus(.partialContent)
            setTrustedHeader(.contentRange, RequestedRanges.contentRange(parts[0], of: file.size))
            pieces = [.range(parts[0])]
        case .parts(let parts):
            setStatus(.partialContent)
            pieces = try multipart(parts, of: file.size)
        case .unsatisfiable:
            throw HTTPError(
                .rangeNotSatisfiable,
                headers: [.contentRange: "bytes */\(file.size)", .acceptRanges: "bytes"])
        }
        try setExtraHeaders(path)
        try connection.finish(pieces, of: file)
    }

    /// Several ranges, as `multipart/byteranges` (RFC 9110, 14.6), each with the type of the whole file.
    private func multipart(_ parts: [Range<Int>], of size: Int) throws -> [FilePiece] {
        // The boundary is random: a client or an author cannot put it into a file on purpose.
        let boundary = String(UInt128.random(in: .min ... .max), radix: 36)
        let type = connection.head.get(.contentType).map { "Content-Type: \($0)\r\n" } ?? ""
        try setHeader(.contentType, "multipart/byteranges; boundary=\(boundary)")
        var pieces: [FilePiece] = []
        for part in parts {
            let range = RequestedRanges.contentRange(part, of: size)
            let lineEnd = pieces.isEmpty ? "" : "\r\n"
            pieces.append(.bytes(Array("\(lineEnd)--\(boundary)\r\n\(type)Content-Range: \(range)\r\n\r\n".utf8)))
            pieces.append(.range(part))
        }
        pieces.append(.bytes(Array("\r\n--\(boundary)--\r\n".utf8)))
        return pieces
    }
}

extension StaticFileHandler.Found {
    /// Differs between any two contents of the file, and between its codings.
    var version: String {
        let text = "\(file.version)-\(String(file.inode, radix: 16))"
        return coding.map { "\(text)-\($0.name)" } ?? text
    }
}

extension OpenFile {
    /// Changes whenever the content does: size and time of change, in hexadecimal digits.
    var version: String {
        [Int64(size), modified.seconds, modified.nanoseconds].map { String($0, radix: 16) }.joined(separator: "-")
    }
}

extension StaticFileHandler {
    /// The URL of a file, with an argument `v` that changes whenever the file does, so that caches may keep the response for
    /// ten years. Without `v` if the file does not exist. This makes a few system calls on the caller's thread.
    ///
    ///     StaticFileHandler.makeStaticURL("app.css", root: "public")  // "/static/app.css?v=1c2-66a1b2c3-0"
    ///
    /// - Parameters:
    ///   - path: the file's path, relative to the root.
    ///   - root: the directory that the handler serves.
    ///   - prefix: what the URL's pattern has before its group.
    ///
    /// Tornado: `StaticFileHandler.make_static_url`, `RequestHandler.static_url`.
    public static func makeStaticURL(_ path: String, root: String, prefix: String = "/static/") -> String {
        let url = prefix + urlEscape(path, plus: false)
        guard let file = try? FileRoot(root).open(path), file.kind == .regular else { return url }
        return url + "?v=" + file.version
    }
}
