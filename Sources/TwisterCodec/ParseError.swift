/// Why a message is refused. Each defect has its own case, so that logs and tests can distinguish them.
package enum ParseError: UInt8, Error, CaseIterable, Sendable {
    // The request line
    case tooManyEmptyLines, malformedMethod, methodTooLong, malformedTarget, targetFormNotAllowed, userinfoInTarget
    case malformedVersion, unsupportedVersion, requestLineTooLong

    // Line ends and field lines
    case bareCarriageReturn, bareLineFeed, controlCharacter, whitespaceBeforeFields, obsoleteFold
    case malformedFieldName, whitespaceBeforeColon, headersTooLarge, tooManyFields

    // Host
    case missingHost, duplicateHost, emptyHost, malformedHost

    // Framing
    case malformedContentLength, duplicateContentLength, contentLengthTooLarge
    case transferEncodingInHTTP10, transferEncodingWithContentLength, duplicateTransferEncoding
    case malformedTransferEncoding, unsupportedTransferCoding

    // Chunked bodies
    case malformedChunkSize, chunkSizeTooLarge, malformedChunkExtension, chunkExtensionsTooLarge
    case malformedChunkEnd, trailersTooLarge, tooManyTrailers

    /// The status code of the response (RFC 9110 15, RFC 6585 5).
    package var status: Int {
        switch self {
        case .requestLineTooLong: 414
        case .headersTooLarge, .tooManyFields, .trailersTooLarge, .tooManyTrailers: 431
        case .methodTooLong, .unsupportedTransferCoding: 501
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// The defect in words, for the log and the error page. It never contains octets of the message.
    package var reason: String {
        switch self {
        case .tooManyEmptyLines: "too many empty lines before the request line"
        case .malformedMethod: "malformed method"
        case .methodTooLong: "method too long"
        case .malformedTarget: "malformed request target"
        case .targetFormNotAllowed: "this form of request target is not allowed with this method"
        case .userinfoInTarget: "user information in the request target"
        case .malformedVersion: "malformed HTTP version"
        case .unsupportedVersion: "HTTP version not supported"
        case .requestLineTooLong: "request line too long"
        case .bareCarriageReturn: "CR without LF"
        case .bareLineFeed: "LF without CR"
        case .controlCharacter: "control character in a field value"
        case .whitespaceBeforeFields: "white space before the first field"
        case .obsoleteFold: "folded field line"
        case .malformedFieldName: "malformed field name"
        case .whitespaceBeforeColon: "white space before the colon of a field"
        case .headersTooLarge: "header section too large"
        case .tooManyFields: "too many header fields"
        case .missingHost: "missing Host"
        case .duplicateHost: "more than one Host"
        case .emptyHost: "empty Host"
        case .malformedHost: "malformed Host"
        case .malformedContentLength: "malformed Content-Length"
        case .duplicateContentLength: "more than one Content-Length"
        case .contentLengthTooLarge: "Content-Length too large"
        case .transferEncodingInHTTP10: "Transfer-Encoding in HTTP/1.0"
        case .transferEncodingWithContentLength: "both Transfer-Encoding and Content-Length"
        case .duplicateTransferEncoding: "more than one Transfer-Encoding"
        case .malformedTransferEncoding: "malformed Transfer-Encoding"
        case .unsupportedTransferCoding: "transfer coding not supported"
        case .malformedChunkSize: "malformed chunk size"
        case .chunkSizeTooLarge: "chunk size too large"
        case .malformedChunkExtension: "malformed chunk extension"
        case .chunkExtensionsTooLarge: "chunk extensions too large"
        case .malformedChunkEnd: "chunk data not followed by CRLF"
        case .trailersTooLarge: "trailer section too large"
        case .tooManyTrailers: "too many trailer fields"
        }
    }
}

/// The result of a parser for the octets so far.
package enum ParseResult: Equatable, Sendable {
    /// The message is well-formed so far but not complete. The caller calls again with the same octets and more behind them.
    case needMore
    /// The head is complete. `consumed` octets belong to it. Its body or the next request follows.
    case complete(consumed: Int)
    /// The message is refused. Nothing that follows on the connection may be read.
    case invalid(ParseError)
}
