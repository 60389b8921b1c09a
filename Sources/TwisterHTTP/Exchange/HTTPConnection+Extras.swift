public import HTTPTypes
import Logging
import TwisterCodec
import TwisterIO

/// Parts that a response can have besides head and body: informational responses before it, and fields behind it.
extension HTTPConnection {
    /// Sends a 1xx response at once, before the final one: 103 (Early Hints) with `Link` fields, 102, or 100. May be called
    /// several times. A client of HTTP/1.0 gets none (RFC 9110, 15.2).
    ///
    /// - Throws: `HTTPOutputError` once the head is sent, and for a status that is not informational or is 101, which
    ///   ends HTTP on the connection; `HTTPHeaderError` for a field that would break the message.
    public func sendInformational(_ status: HTTPResponse.Status, _ fields: HTTPFields = HTTPFields()) throws {
        checkThread()
        if isClientDisconnected { return }
        guard !isHeadSent else { throw HTTPOutputError.headIsSent }
        guard (100...199).contains(status.code), status.code != 101 else {
            throw HTTPOutputError(description: "\(status.code) is no informational status to be sent")
        }
        let head = ResponseHead()
        try head.setStatus(status.code, reason: status.reasonPhrase.isEmpty ? nil : status.reasonPhrase)
        for field in fields { try head.add(field.name, field.value) }
        guard let transport, !transport.isHTTP10 else { return }
        transport.sendInformational(head)
    }

    /// Adds a field behind the body (RFC 9110, 6.5): a checksum, a signature, a time that is known only then. May be called
    /// until `finish`; fields that are added before the first `flush` are announced in `Trailer`.
    ///
    /// In HTTP/1.1 such a response is chunked. Where trailers are impossible (HTTP/1.0, a declared `Content-Length`, no
    /// body) the field is dropped.
    ///
    /// - Throws: `HTTPHeaderError` for a field that would break the message or has to stand in the head; `HTTPOutputError`
    ///   once the response is finished.
    public func setTrailer(_ name: HTTPField.Name, _ value: String) throws {
        checkThread()
        guard !isFinished else { throw HTTPOutputError(description: "the response is finished") }
        var trailers = responseTrailers ?? ResponseTrailers()
        try trailers.add(name.rawName, value)
        responseTrailers = trailers
    }

    /// Names the trailer fields in the head (RFC 9110, 6.6.2), unless the handler did.
    func announceTrailers() {
        guard let trailers = responseTrailers, !head.contains(.trailer) else { return }
        setTrusted(.trailer, trailers.fields.map(\.name).joined(separator: ", "))
    }
}

/// The request's identifier, and the log of the application's mistakes.
extension HTTPConnection {
    /// The request's identifier in logs. Where the server gives requests no identifiers, this call takes the one from the
    /// request's `X-Request-Id` or makes a new one. Without a record to store it in, each call makes another one, so that the
    /// caller has to keep it.
    package func madeRequestID() -> String {
        if let known = record?.requestID { return known }
        let made = RequestIDs.received(requestHead) ?? Self.newRequestID()
        record?.requestID = made
        return made
    }

    /// The identifier that the server or the client has given the request; nil: neither has.
    package var givenRequestID: String? { record?.requestID ?? RequestIDs.received(requestHead) }

    /// A new identifier, for a request that has none.
    package static func newRequestID() -> String { RequestIDs.shared.withLock { $0.next() } }

    /// Logs a mistake of the application in this exchange.
    func logMistake(_ message: String) {
        Log.application.error(
            "\(requestHead.methodText) \(Log.shown(target: requestHead.asciiTarget)): \(message)",
            metadata: ["request_id": .string(madeRequestID())])
    }
}
