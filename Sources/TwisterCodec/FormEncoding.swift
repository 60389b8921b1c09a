/// How the body of a form is encoded.
package enum FormEncoding: Equatable, Sendable {
    /// `application/x-www-form-urlencoded` (WHATWG URL 5).
    case urlEncoded
    /// `multipart/form-data` (RFC 7578).
    case multipart(boundary: [UInt8])

    /// The encoding that a `Content-Type` names. It is nil for a type that no form has.
    package init?(_ contentType: UnsafeRawBufferPointer) throws(MultipartError) {
        if Self.isURLEncoded(contentType) {
            self = .urlEncoded
        } else if let boundary = try MultipartParser.boundary(of: contentType) {
            self = .multipart(boundary: boundary)
        } else {
            return nil
        }
    }

    /// Whether a `Content-Type` names the type of a form, whatever its parameters are.
    package static func isForm(_ contentType: UnsafeRawBufferPointer) -> Bool {
        isURLEncoded(contentType) || MultipartParser.isForm(contentType)
    }

    private static func isURLEncoded(_ contentType: UnsafeRawBufferPointer) -> Bool {
        TokenList.equals(FieldParameters.value(of: contentType), "application/x-www-form-urlencoded")
    }
}
