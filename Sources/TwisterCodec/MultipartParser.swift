/// Reads the parts of a `multipart/form-data` body (RFC 7578, RFC 2046 5.1.1) one after the other, in time linear in the
/// body's length. Octets before the first delimiter and behind the last one are ignored. The octets have to outlive the
/// parser.
///
/// Tornado: `httputil.parse_multipart_form_data`.
package struct MultipartParser {
    /// One field of the form, or one file.
    package struct Part: Equatable, Sendable {
        package let name: String
        /// The name of a file, nil for a field. The client chooses it, so it must not be used as a path.
        package let fileName: String?
        /// The part's `Content-Type` as it was sent.
        package let contentType: String?
        /// The range of the body that holds the part's content.
        package let content: Range<Int>
    }

    private let octets: UnsafeRawBufferPointer
    /// CRLF "--" boundary.
    private let delimiter: [UInt8]
    private let maxParts: Int
    private let maxHeaderSize: Int
    private var position = 0
    private var count = 0

    /// The boundary that a `Content-Type` names. It is nil where the type is not `multipart/form-data`.
    package static func boundary(of contentType: UnsafeRawBufferPointer) throws(MultipartError) -> [UInt8]? {
        guard TokenList.equals(FieldParameters.value(of: contentType), "multipart/form-data") else { return nil }
        guard let parsed = FieldParameters(contentType), let boundary = parsed["boundary"],
            (1...70).contains(boundary.count),
            boundary.allSatisfy({ $0 >= ASCII.space && $0 < ASCII.delete }), boundary.last != ASCII.space
        else { throw .malformedBoundary }
        return boundary
    }

    /// - Parameters:
    ///   - maxParts: the most parts of a body. Default 100.
    ///   - maxHeaderSize: the most octets of one part's header. Default 10 KiB.
    package init(
        _ octets: UnsafeRawBufferPointer, boundary: [UInt8], maxParts: Int = 100, maxHeaderSize: Int = 10_240
    ) {
        self.octets = octets
        self.maxParts = maxParts
        self.maxHeaderSize = maxHeaderSize
        delimiter = [ASCII.carriageReturn, ASCII.lineFeed, ASCII.hyphen, ASCII.hyphen] + boundary
    }

    /// The next part. It is nil behind the last one.
    package mutating func next() throws(MultipartError) -> Part? {
        if count == 0 {
            let isAtStart = octets.starts(with: delimiter[2...])
            guard let first = isAtStart ? -2 : findDelimiter(from: 0) else { throw .unterminated }
            position = first + delimiter.count
        }
        if starts(with: "--", at: position) { return nil }
        while byte(at: position) == ASCII.space || byte(at: position) == ASCII.horizontalTab { position += 1 }
        guard starts(with: "\r\n", at: position) else { throw .malformedDelimiter }
        position += 2
        guard count < maxParts else { throw .tooManyParts }
        count += 1
        let header = try readHeader()
        // The empty line that ends the header may begin the delimiter of a part without content.
        guard let end = findDelimiter(from: position - 2) else { throw .unterminated }
        let content = position..<max(position, end)
        position = end + delimiter.count
        guard let name = header.name else { throw .missingName }
        return Part(name: name, fileName: header.fileName, contentType: header.contentType, content: content)
    }

    // MARK: A part's header

    private struct Header {
        var name: String?
        var fileName: String?
        var contentType: String?
    }

    /// Reads field lines and the empty line behind them.
    private mutating func readHeader() throws(MultipartError) -> Header {
        var header = Header()
        let limit = position + min(maxHeaderSize, octets.count - position)
        while true {
            let end = octets.baseAddress.map { ByteScanner.firstCarriageReturn($0, from: position, to: limit) } ?? limit
            guard end < limit else { throw limit < octets.count ? .partHeaderTooLarge : .unterminated }
            guard starts(with: "\r\n", at: end) else { throw .malformedPartHeader }
            let line = UnsafeRawBufferPointer(rebasing: octets[position..<end])
            position = end + 2
            if line.isEmpty { return header }
            guard let colon = line.firstIndex(of: ASCII.colon), colon > 0 else { throw .malformedPartHeader }
            let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
            guard TokenList.isToken(name) else { throw .malformedPartHeader }
            let value = TokenList.trimmed(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]))
            if TokenList.equals(name, "content-type") {
                header.contentType = String(decoding: value, as: UTF8.self)
            } else if TokenList.equals(name, "content-disposition") {
                guard header.name == nil, let parameters = FieldParameters(value), parameters.value == "form-data"
                else { throw .malformedPartHeader }
                header.name = parameters["name"].map { String(decoding: $0, as: UTF8.self) }
                header.fileName =
                    parameters["filename*"].flatMap(Self.extendedText)
                    ?? parameters["filename"].map { String(decoding: $0, as: UTF8.self) }
            }
        }
    }

    /// Decodes `UTF-8'language'percent-encoded` (RFC 8187 3.2). Returns nil for another charset and for malformed text.
    private static func extendedText(_ octets: [UInt8]) -> String? {
        let parts = octets.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, String(decoding: parts[0], as: UTF8.self).lowercased() == "utf-8" else { return nil }
        return parts[2].withUnsafeBytes { PercentCoding.decodePath($0) }
    }

    // MARK: Searching

    private func byte(at index: Int) -> UInt8? { index < octets.count ? octets[index] : nil }

    private func starts(with text: StaticString, at index: Int) -> Bool {
        guard octets.count - index >= text.utf8CodeUnitCount else { return false }
        for offset in 0..<text.utf8CodeUnitCount where octets[index + offset] != text.utf8Start[offset] { return false }
        return true
    }

    /// Where the next delimiter begins. A delimiter has one carriage return, at its beginning, so that no octet is compared
    /// often.
    private func findDelimiter(from start: Int) -> Int? {
        guard let base = octets.baseAddress else { return nil }
        var index = start
        while true {
            index = ByteScanner.firstCarriageReturn(base, from: index, to: octets.count)
            guard octets.count - index >= delimiter.count else { return nil }
            if octets[index..<(index + delimiter.count)].elementsEqual(delimiter) { return index }
            index += 1
        }
    }
}

/// Why a `multipart/form-data` body was refused.
package enum MultipartError: Error, CaseIterable, Sendable {
    /// The type names no boundary, or one that RFC 2046 5.1.1 does not allow.
    case malformedBoundary
    case malformedDelimiter
    case malformedPartHeader
    /// A part without a `Content-Disposition` of `form-data` that names it.
    case missingName
    /// No delimiter ends the last part.
    case unterminated
    case partHeaderTooLarge
    case tooManyParts

    /// The status code of the response.
    package var status: Int {
        switch self {
        case .partHeaderTooLarge, .tooManyParts: 413
        case .malformedBoundary, .malformedDelimiter, .malformedPartHeader, .missingName, .unterminated: 400
        }
    }
}
