/// The header of one part of a `multipart/form-data` body (RFC 7578 4.2). Header fields other than `Content-Disposition` and
/// `Content-Type` are checked and ignored, `Content-Transfer-Encoding` among them (RFC 7578 4.7), as Tornado ignores them.
package struct MultipartHeader: Equatable, Sendable {
    /// The name of the form's field; never empty.
    package let name: String
    /// The name of a file, nil for a field. The client chooses it, so it must not be used as a path. It is nil for an empty
    /// name, too, which a browser sends for an input without a chosen file.
    package let fileName: String?
    /// The part's `Content-Type` as it was sent.
    package let contentType: String?

    /// Reads field lines, each but the last with its line end. Lines may end with LF alone, as in Tornado.
    init(_ octets: UnsafeRawBufferPointer) throws(MultipartError) {
        // The octets between two ASCII characters of valid UTF-8 are valid UTF-8.
        guard ClientText.validated(octets) != nil else { throw .malformedPartHeader }
        var contentType: String?
        var disposition: FieldParameters?
        var position = 0
        while position < octets.count {
            let end = octets[position...].firstIndex(of: ASCII.lineFeed) ?? octets.count
            var line = octets[position..<end]
            position = end + 1
            if line.last == ASCII.carriageReturn { line.removeLast() }
            let field = try Self.field(UnsafeRawBufferPointer(rebasing: line))
            if TokenList.equals(field.name, "content-type") {
                guard contentType == nil else { throw .malformedPartHeader }
                contentType = String(decoding: field.value, as: UTF8.self)
            } else if TokenList.equals(field.name, "content-disposition") {
                // Browsers do not escape backslashes (WHATWG HTML 4.10.21.8), so that a name that ends with one ends with
                // \". Other clients escape quotes so. That is tried first: it fails where the backslash was the last character.
                guard disposition == nil,
                    let parameters = FieldParameters(field.value)
                        ?? FieldParameters(field.value, backslashMayEnd: true),
                    parameters.value == "form-data"
                else { throw .malformedPartHeader }
                disposition = parameters
            }
        }
        // RFC 2231 3 would cut one name into several parameters. Without them a file would be taken for a field.
        guard let disposition else { throw .missingName }
        guard !disposition.names.contains(where: { $0.hasPrefix("filename*") && $0 != "filename*" }) else {
            throw .malformedPartHeader
        }
        guard let name = Self.text(of: "name", in: disposition), !name.isEmpty else { throw .missingName }
        let fileName = Self.text(of: "filename", in: disposition)
        self.name = name
        self.fileName = fileName?.isEmpty == true ? nil : fileName
        self.contentType = contentType
    }

    private static func field(
        _ line: UnsafeRawBufferPointer
    ) throws(MultipartError) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard let colon = line.firstIndex(of: ASCII.colon), ByteScanner.isFieldText(line) else {
            throw .malformedPartHeader
        }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        guard TokenList.isToken(name) else { throw .malformedPartHeader }
        return (name, TokenList.trimmed(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...])))
    }

    /// The parameter `name*` if it can be decoded, else `name`, else `name*` as it was sent. Tornado prefers `name*`, too, but
    /// puts U+FFFD where it cannot be decoded.
    private static func text(of name: String, in parameters: FieldParameters) -> String? {
        let extended = parameters[name + "*"]
        return extended.flatMap(extendedText)
            ?? (parameters[name] ?? extended).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Decodes `charset'language'percent-encoded` (RFC 8187 3.2.1; RFC 5987 had ISO-8859-1 as well). Returns nil for another
    /// charset and for malformed text.
    private static func extendedText(_ octets: [UInt8]) -> String? {
        let parts = octets.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let decoded = parts[2].withUnsafeBytes({ PercentCoding.decode($0) }) else { return nil }
        switch String(decoding: parts[0], as: UTF8.self).lowercased() {
        case "utf-8", "us-ascii": return ClientText.validated(decoded)
        case "iso-8859-1": return String(String.UnicodeScalarView(decoded.lazy.map { Unicode.Scalar($0) }))
        default: return nil
        }
    }
}
