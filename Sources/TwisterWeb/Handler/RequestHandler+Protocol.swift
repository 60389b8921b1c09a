public import HTTPTypes
import TwisterHTTP

/// Parts of HTTP besides a response's head and body, and the limits of the request's body.
extension RequestHandler {
    /// Sends an informational response at once, before the final one: `.earlyHints` with `Link` fields, for instance.
    /// A client of HTTP/1.0 gets none.
    ///
    /// - Throws: `HTTPOutputError` once the response's head is sent and for a status that is not informational;
    ///   `HTTPHeaderError` for a field that would break the message.
    public func sendInformational(_ status: HTTPResponse.Status, _ fields: HTTPFields = HTTPFields()) throws {
        try connection.sendInformational(status, fields)
    }

    /// Adds a field that follows the response's body (RFC 9110, 6.5); see `HTTPConnection.setTrailer`.
    ///
    /// - Throws: `HTTPHeaderError`, as `setHeader`, and for a field that has to stand in the head; `HTTPOutputError` once
    ///   the response is finished.
    public func setTrailer(_ name: HTTPField.Name, _ value: String) throws {
        try connection.setTrailer(name, value)
    }

    /// Changes how long this request's body may be, in bytes; a longer one gets 413. For a streamed body; call it in `prepare`.
    ///
    /// Tornado: `request.connection.set_max_body_size`.
    public func setMaxBodySize(_ limit: Int) { connection.setMaxBodySize(limit) }

    /// Limits the time in which the rest of this request's body has to arrive; over it: 408. For a streamed body; call it in
    /// `prepare`.
    ///
    /// Tornado: `request.connection.set_body_timeout`.
    public func setBodyTimeout(_ timeout: Duration) { connection.setBodyTimeout(timeout) }
}
