import HTTPTypes
import TwisterCodec
import TwisterCompression
import TwisterCrypto
import TwisterHTTP

/// Entity tags and conditional requests (RFC 9110, 8.8.3 and 13).
extension RequestHandler {
    /// The response's `ETag`, set to what `computeETag` returns. Tornado: `RequestHandler.set_etag_header`.
    public func setETagHeader() throws {
        guard let text = computeETag() else { return }
        guard let tag = EntityTag(field: text) ?? EntityTag(text) else {
            throw HTTPHeaderError.invalidValue(name: "ETag")
        }
        try setHeader(.eTag, tag.text)
    }

    /// Whether the client has the response with this `ETag` already (`If-None-Match`), so that the handler may finish with 304
    /// and need not make the body. Tornado: `RequestHandler.check_etag_header`.
    public func checkETagHeader() -> Bool {
        guard let tag = connection.head.get(.eTag).flatMap({ EntityTag(field: $0) }) else { return false }
        let conditions = Preconditions(request.head)
        return conditions.evaluate(tag: tag, lastModified: nil, now: connection.responseTime) == .notModified
    }

    /// Gives a complete response its `ETag`, and replaces it where the request's conditions say so: 304, or 412.
    func respondToConditions() throws {
        guard isConditional else { return }
        if !connection.head.contains(.eTag) { try setETagHeader() }
        guard let tag = connection.head.get(.eTag).flatMap({ EntityTag(field: $0) }) else { return }
        let coding = extras?.compression?.decide(connection, status: 200, length: connection.responseBody.count)
        switch outcomeOfConditions(tag, coding) {
        case .notModified: becomeNotModified(coding)
        case .failed:
            connection.clear()
            restoreHeaders()
            setStatus(.preconditionFailed)
            writeErrorPage(nil)
        case .met: break
        }
    }

    /// Whether `respondToConditions` would let the response be sent in this coding.
    func meetsConditions(_ coding: ResponseCoding?) -> Bool {
        guard isConditional, request.head[.ifNoneMatch] != nil || request.head[.ifMatch] != nil else { return true }
        guard let text = connection.head.get(.eTag) ?? computeETag() else { return true }
        guard let tag = EntityTag(field: text) ?? EntityTag(text) else { return true }
        return outcomeOfConditions(tag, coding) == .met
    }

    /// Whether the request's conditions are about this response.
    private var isConditional: Bool {
        connection.head.status == 200 && (request.method == .get || request.method == .head)
    }

    private func outcomeOfConditions(_ tag: EntityTag, _ coding: ResponseCoding?) -> Preconditions.Outcome {
        Preconditions(request.head).evaluate(
            tag: tag, sentTag: coding.map { tag.coded($0.name) }, lastModified: nil, now: connection.responseTime,
            codings: extras?.compression?.codings ?? [])
    }

    /// Makes a 304 of the head of a 200. It has the fields of the 200, but for those that describe the body (RFC 9110, 15.4.5).
    ///
    /// - Parameter coding: the coding in which the client would get the 200.
    func becomeNotModified(_ coding: ResponseCoding?) {
        if let coding, let tag = connection.head.get(.eTag).flatMap({ EntityTag(field: $0) }) {
            setTrustedHeader(.eTag, tag.coded(coding.name).text)
        }
        setStatus(.notModified)
        connection.responseBody.removeAll()
        for name: HTTPField.Name in [
            .contentType, .contentLength, .contentEncoding, .contentLanguage, .contentRange, .transferEncoding,
        ] { connection.removeField(name) }
        // The client uses the tag if there is one.
        if connection.head.contains(.eTag) { connection.removeField(.lastModified) }
    }

    /// A hash of the body. Tornado takes SHA-1, too.
    var bodyHash: String? {
        var hash = ""
        connection.responseBody.withOctets {
            hash = String(decoding: Hexadecimal.encode(Digest.sha1.hash($0)), as: UTF8.self)
        }
        return hash
    }
}
