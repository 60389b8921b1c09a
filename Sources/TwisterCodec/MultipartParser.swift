/// Reads the parts of a collected `multipart/form-data` body one after the other. `MultipartReader` has the grammar. The
/// octets have to outlive the parser.
///
/// Tornado: `httputil.parse_multipart_form_data`.
package struct MultipartParser {
    /// One field of the form, or one file.
    package struct Part: Equatable, Sendable {
        package let header: MultipartHeader
        /// The range of the body that holds the part's content.
        package let content: Range<Int>

        package var name: String { header.name }
        package var fileName: String? { header.fileName }
        package var contentType: String? { header.contentType }
    }

    private let octets: UnsafeRawBufferPointer
    private var reader: MultipartReader
    private var position = 0

    /// Whether a `Content-Type` is `multipart/form-data`.
    package static func isForm(_ contentType: UnsafeRawBufferPointer) -> Bool {
        TokenList.equals(FieldParameters.value(of: contentType), "multipart/form-data")
    }

    /// The boundary that a `Content-Type` names. It is nil where the type is not `multipart/form-data`.
    package static func boundary(of contentType: UnsafeRawBufferPointer) throws(MultipartError) -> [UInt8]? {
        guard isForm(contentType) else { return nil }
        guard let parsed = FieldParameters(contentType), let boundary = parsed["boundary"],
            (1...70).contains(boundary.count),
            boundary.allSatisfy({ $0 >= ASCII.space && $0 < ASCII.delete }), boundary.last != ASCII.space
        else { throw .malformedBoundary }
        return boundary
    }

    /// - Parameters:
    ///   - maxParts: the most parts of a body. Default 100.
    ///   - maxHeaderSize: the most octets of one part's header, without the empty line behind it. Default 10 KiB.
    package init(
        _ octets: UnsafeRawBufferPointer, boundary: [UInt8], maxParts: Int = 100, maxHeaderSize: Int = 10_240
    ) {
        self.octets = octets
        reader = MultipartReader(boundary: boundary, maxParts: maxParts, maxHeaderSize: maxHeaderSize)
    }

    /// The next part. It is nil behind the last one.
    package mutating func next() throws(MultipartError) -> Part? {
        var header: MultipartHeader?
        var content = 0..<0
        while true {
            switch try reader.next(octets, from: &position) {
            case .partBegan(let began):
                header = began
                content = position..<position
            // All octets are in one piece, so that none are held, and the content of a part is one range.
            case .content(let range): content = range
            case .heldContent: continue
            case .partEnded:
                if let header { return Part(header: header, content: content) }
            case .ended: return nil
            case .needMore:
                guard reader.isAtEnd else { throw .unterminated }
                return nil
            }
        }
    }
}
