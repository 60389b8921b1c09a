/// How the end of a request's body is found (RFC 9112 6.3). All rules against request smuggling are here: what two servers
/// could read in two ways is refused.
package enum MessageFraming: Equatable, Sendable {
    /// No body.
    case none
    /// That many octets. It is 0 for "Content-Length: 0".
    case length(Int)
    case chunked
    /// The server responds with the error's status and closes, because it cannot know where the next request starts.
    case invalid(ParseError)

    package static func framing(of head: RequestHead) -> MessageFraming {
        let facts = head.facts
        guard facts.transferEncoding.isPresent else {
            return facts.contentLength.isPresent ? contentLength(head) : .none
        }
        // HTTP/1.0 has no transfer codings: an old proxy in front of this server would have used another length (RFC 9112 6.1).
        if head.versionMinor == 0 { return .invalid(.transferEncodingInHTTP10) }
        if facts.contentLength.isPresent { return .invalid(.transferEncodingWithContentLength) }
        if facts.transferEncoding.count > 1 { return .invalid(.duplicateTransferEncoding) }
        return transferEncoding(head.octets(head.slots[Int(facts.transferEncoding.first)].value))
    }

    /// Accepts one field with one number in digits. The RFC would also allow a repeated number, which no real client sends.
    private static func contentLength(_ head: RequestHead) -> MessageFraming {
        let occurrence = head.facts.contentLength
        guard occurrence.count == 1 else { return .invalid(.duplicateContentLength) }
        let digits = head.octets(head.slots[Int(occurrence.first)].value)
        guard !digits.isEmpty, digits.allSatisfy(CharacterClass.isDigit) else {
            return .invalid(.malformedContentLength)
        }
        guard let length = DecimalNumber.parse(digits) else { return .invalid(.contentLengthTooLarge) }
        return .length(length)
    }

    /// Accepts "chunked" alone. A well-formed list of other codings that ends in "chunked" is refused with 501, because
    /// another server could decode it (RFC 9112 6.1). Without "chunked" at its end the body has no known end, hence 400.
    private static func transferEncoding(_ value: UnsafeRawBufferPointer) -> MessageFraming {
        if TokenList.equals(value, "chunked") { return .chunked }
        var codings = TokenList(value)
        var count = 0
        var endsInChunked = false
        while let coding = codings.next() {
            // An element with a parameter, a quoted string or inner white space is no token.
            guard TokenList.isToken(coding), !endsInChunked else { return .invalid(.malformedTransferEncoding) }
            endsInChunked = TokenList.equals(coding, "chunked")
            count += 1
        }
        guard endsInChunked, count > 1, !codings.sawEmptyElement else { return .invalid(.malformedTransferEncoding) }
        return .invalid(.unsupportedTransferCoding)
    }
}
