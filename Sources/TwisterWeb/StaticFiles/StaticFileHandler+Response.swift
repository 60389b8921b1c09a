import HTTPTypes
import TwisterCodec
import TwisterCompression
import TwisterHTTP
import TwisterIO

/// The response for a file that was found: its header fields, the conditions, the ranges.
extension StaticFileHandler {
    func send(_ found: FoundFile) async throws {
        // A file's response is not held back.
        if extras?.session != nil { try await saveSession() }
        let file = found.file
        let now = connection.responseTime
        // A date of the future is not allowed (RFC 9110, 8.8.2.1), and HTTP dates before 1970 are not understood by all clients.
        let lastModified = max(min(file.modified.seconds, now), 0)
        let tag = computeETag(found.path, version: found.version).flatMap { EntityTag($0) }
        // The fields come before the conditions, because the coding of the response depends on them, and its tag on the coding.
        try setCacheFields(found.path, tag, now)
        setTrustedHeader(.lastModified, HTTPDate.string(lastModified))
        if let coding = found.coding { setTrustedHeader(.contentEncoding, "\(coding.name)") }
        try setHeader(.contentType, contentType(found.path))
        // This sets `Vary` where the response to a request without `Range` depends on `Accept-Encoding`: a 206 has that field,
        // too (RFC 9110, 15.3.7).
        var coding = extras?.compression?.decide(connection, status: 200, length: file.size)
        let conditions = Preconditions(request.head)
        let isRangeAllowed = conditions.allowRange(tag: tag, lastModified: lastModified, now: now)
        var ranges = isRangeAllowed ? requestedRanges(of: file.size) : .whole
        // `Content-Encoding` would apply to the multipart body, not to its parts.
        if found.coding != nil, case .parts(let parts) = ranges, parts.count > 1 { ranges = .whole }
        // Ranges are those of the file.
        if case .whole = ranges {} else { coding = nil }
        let outcome = conditions.evaluate(
            tag: tag, sentTag: coding.flatMap { tag?.coded($0.name) }, lastModified: lastModified, now: now,
            codings: found.coding == nil ? extras?.compression?.codings ?? [] : [])
        if outcome == .failed { throw HTTPError(.preconditionFailed) }
        if outcome == .notModified {
            setStatus(.notModified)
            try setExtraHeaders(found.path)
            becomeNotModified(coding)
            return finish()
        }
        setTrustedHeader(.acceptRanges, "bytes")
        if coding != nil {
            try setExtraHeaders(found.path)
            return try await sendCompressed(file)
        }
        if request.head.method == .get { try await load(file, ranges.first(of: file.size)) }
        try sendBody(of: file, ranges, found.path)
    }

    /// Has bytes read by another thread that are not in the page cache, so that reading them does not block the loop.
    private func load(_ file: OpenFile, _ range: Range<Int>) async throws {
        if file.isCached(range) { return }
        try await loop.runInExecutor { file.load(range) }
    }

    /// Sends the file through the transforms of the response, in pieces, which the client may take as slowly as it likes.
    private func sendCompressed(_ file: OpenFile) async throws {
        setTrustedHeader(.contentLength, String(file.size))
        var offset = 0
        let isHead = request.head.method == .head
        while offset < file.size, !connection.isClientDisconnected, !(isHead && offset > 0) {
            try await load(file, offset..<min(offset + Self.pieceSize, file.size))
            let piece = [UInt8](unsafeUninitializedCapacity: min(Self.pieceSize, file.size - offset)) { buffer, count in
                count = buffer.baseAddress.map { file.read(into: $0, buffer.count, at: offset) } ?? 0
            }
            guard !piece.isEmpty else { return connection.abort() }
            offset += piece.count
            write(piece)
            if offset < file.size { try await flush() }
        }
    }

    private static var pieceSize: Int { 65_536 }

    /// Sets the fields that control caches; a 304 has them, too.
    private func setCacheFields(_ path: String, _ tag: EntityTag?, _ now: Int64) throws {
        if let tag { try setHeader(.eTag, tag.text) }
        if !precompressed.isEmpty { connection.addVary("Accept-Encoding") }
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

extension FoundFile {
    /// Differs between any two contents of the file, and between its codings.
    var version: String {
        coding.map { EntityTag.opaque(file.version, coding: $0.name) } ?? file.version
    }
}

extension OpenFile {
    /// Changes whenever the content does: size and time of change, in hexadecimal digits.
    var version: String {
        // Written digit by digit, which takes a tenth of the instructions of three strings that are joined.
        String(unsafeUninitializedCapacity: 3 * 16 + 2) { buffer in
            var count = 0
            Self.append(UInt64(bitPattern: Int64(size)), to: buffer, &count)
            buffer[count] = UInt8(ascii: "-")
            count += 1
            Self.append(UInt64(bitPattern: modified.seconds), to: buffer, &count)
            buffer[count] = UInt8(ascii: "-")
            count += 1
            Self.append(UInt64(bitPattern: modified.nanoseconds), to: buffer, &count)
            return count
        }
    }

    /// Appends the number's hexadecimal digits.
    private static func append(_ number: UInt64, to buffer: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int) {
        var left = max(16 - number.leadingZeroBitCount / 4, 1)
        while left > 0 {
            left -= 1
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(4 * left)) & 0xF
            buffer[count] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
            count += 1
        }
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
        StaticFiles.url(path, root: root, prefix: prefix)
    }
}

/// URLs of static files, apart from the handler that serves them.
enum StaticFiles {
    static func url(_ path: String, root: String, prefix: String) -> String {
        let url = prefix + urlEscape(path, plus: false)
        guard let file = try? FileRoot(root).open(path), file.kind == .regular else { return url }
        return url + "?v=" + file.version
    }
}

extension RequestedRanges {
    /// The first of the bytes that are sent, as many as are read on the loop: what is longer is read as it is sent.
    fileprivate func first(of size: Int) -> Range<Int> {
        let range =
            switch self {
            case .whole: 0..<size
            case .parts(let parts): parts.first ?? 0..<0
            case .unsatisfiable: 0..<0
            }
        return range.prefix(OpenFile.copiedSize)
    }
}
