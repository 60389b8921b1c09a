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
