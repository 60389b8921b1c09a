public import HTTPTypes
import TwisterCodec
import TwisterIO

/// What an answer can have besides head and body: informational answers before it, and fields behind it.
extension HTTP1Connection {
    /// Sends a 1xx answer at once, before the answer proper: 103 (Early Hints) with `Link` fields, 102, or 100. May be
    /// called several times. A client of HTTP/1.0 gets none (RFC 9110, 15.2).
    ///
    /// - Throws: `HTTPOutputError` once the head is sent, and for a status that is not informational or is 101, which
    ///   ends HTTP on the connection; `HTTPHeaderError` for a field that would break the message.
    public func sendInformational(_ status: HTTPResponse.Status, _ fields: HTTPFields = HTTPFields()) throws {
        guard !isHeadSent else { throw HTTPOutputError(description: "the answer's head is sent") }
        guard (100...199).contains(status.code), status.code != 101 else {
            throw HTTPOutputError(description: "\(status.code) is no informational status to be sent")
        }
        let head = ResponseHead()
        try head.setStatus(status.code, reason: status.reasonPhrase.isEmpty ? nil : status.reasonPhrase)
        for field in fields { try head.add(field.name, field.value) }
        guard let stream, requestHead.versionMinor != 0 else { return }
        if status.code == 100 { awaitsContinue = false }
        let base = stream.reserveOutput(ResponseEncoder.informationalUpperBound(head))
        stream.commitOutput(ResponseEncoder.encodeInformational(head, into: base))
    }

    /// Adds a field behind the body (RFC 9110, 6.5): a checksum, a signature, a time that is known only then. May be called
    /// until `finish`; what is added before the first `flush` is announced in `Trailer`.
    ///
    /// Such an answer is chunked. Where it cannot be (HTTP/1.0, a declared `Content-Length`, no body) the field is dropped.
    ///
    /// - Throws: `HTTPHeaderError` for a field that would break the message or has to stand in the head; `HTTPOutputError`
    ///   once the answer is finished.
    public func setTrailer(_ name: HTTPField.Name, _ value: String) throws {
        guard !isFinished else { throw HTTPOutputError(description: "the answer is finished") }
        var trailers = trailers ?? ResponseTrailers()
        try trailers.add(name.rawName, value)
        self.trailers = trailers
    }

    /// Names the trailer fields in the head (RFC 9110, 6.6.2), unless the handler did.
    func announceTrailers() {
        guard let trailers, !head.contains(.trailer) else { return }
        setTrusted(.trailer, trailers.fields.map(\.name).joined(separator: ", "))
    }

    func sendLastChunk(_ stream: IOStream) {
        guard let trailers else { return stream.enqueue(ChunkEncoder.lastChunk) }
        let base = stream.reserveOutput(ChunkEncoder.lastChunkUpperBound(trailers))
        stream.commitOutput(ChunkEncoder.encodeLastChunk(trailers, into: base))
    }
}
