public import HTTPTypes
import Logging
import TwisterCodec
import TwisterHTTP

/// Writing the response.
extension RequestHandler {
    // MARK: Head

    /// Sets the status, with its usual reason or your own. Tornado: `RequestHandler.set_status`.
    ///
    /// A code out of 200 to 999 is the handler's mistake and becomes 500; `sendInformational` sends those below.
    public func setStatus(_ status: HTTPResponse.Status) {
        let reason = status.reasonPhrase
        setStatus(status.code, reason: reason.isEmpty ? nil : reason)
    }

    /// The same by its number; `reason` nil: the usual one. A reason that holds `<` or control characters becomes "Unknown",
    /// because it may be repeated in a page.
    public func setStatus(_ code: Int, reason: String? = nil) {
        connection.checkThread("RequestHandler.setStatus")
        if connection.isHeadSent { noteLateChange("the status \(code)") }
        do throws(HTTPHeaderError) {
            guard code >= 200 else { throw .invalidStatus(code) }
            let isFit = reason?.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "<") } ?? true
            try connection.head.setStatus(code, reason: isFit ? reason : "Unknown")
        } catch {
            logger.error("setStatus(\(code)): \(error)")
            try? connection.head.setStatus(500)
        }
    }

    /// The status that is set, with its usual reason or your own. Tornado: `RequestHandler.get_status`.
    public func getStatus() -> HTTPResponse.Status {
        connection.checkThread("RequestHandler.getStatus")
        return HTTPResponse.Status(code: connection.head.status, reasonPhrase: getReason())
    }

    func getReason() -> String {
        let head = connection.head
        return head.reason ?? "\(ReasonPhrase.of(head.status))"
    }

    /// Sets a field, replacing what was set under that name. Without effect once the head is sent, which the log says once a
    /// request; `beforeHead` sets fields at the last moment.
    ///
    /// - Throws: `HTTPHeaderError` where the value holds CR, LF, NUL or another control character.
    ///
    /// Tornado: `RequestHandler.set_header`.
    public func setHeader(_ name: HTTPField.Name, _ value: String) throws {
        if try !withConnection({ try $0.setField(name, value) }) { noteLateChange(name) }
    }

    /// Adds a field besides those of the same name. Tornado: `RequestHandler.add_header`.
    ///
    /// - Throws: `HTTPHeaderError`, as `setHeader`.
    public func addHeader(_ name: HTTPField.Name, _ value: String) throws {
        try connection.addField(name, value)
        if connection.isHeadSent { noteLateChange(name) }
    }

    /// Removes the fields of that name from the response. Tornado: `RequestHandler.clear_header`.
    public func clearHeader(_ name: HTTPField.Name) {
        connection.removeField(name)
        if connection.isHeadSent { noteLateChange(name) }
    }

    /// Sets a field whose name and value come from this library and are always well-formed.
    func setTrustedHeader(_ name: HTTPField.Name, _ value: String) {
        try? connection.head.set(name, value)
    }

    /// Removes status, fields and body of a response of which nothing is sent yet. Cookies that were set stay.
    /// Tornado: `RequestHandler.clear`.
    public func clear() {
        connection.clear()
    }

    // MARK: Body

    /// Adds text to the response, as UTF-8; `text/html` unless the `Content-Type` is set. Tornado: `RequestHandler.write`.
    ///
    /// What is written after `finish` is not sent. The log says so once a request: as a warning where the setting `debug` is on,
    /// else at notice level.
    public func write(_ text: String) {
        let isLate = exchange?._withUnsafeGuaranteedRef { connection in
            if connection.isFinished { return true }
            connection.write(text, as: "text/html; charset=utf-8")
            return false
        }
        if isLate ?? true { noteLateWrite() }
    }

    /// Adds bytes to the response; `application/octet-stream` unless the `Content-Type` is set.
    public func write(_ bytes: [UInt8]) {
        checkThread("RequestHandler.write")
        if isFinished { return noteLateWrite() }
        withConnection { connection in
            connection.setDefaultContentType("application/octet-stream")
            connection.write(bytes)
        }
    }

    /// Adds a value as JSON, by the setting `jsonEncoder`; `application/json` unless the `Content-Type` is set.
    ///
    /// - Throws: `EncodingError` where the value cannot be encoded.
    public func write(json value: some Encodable) throws {
        checkThread("RequestHandler.write(json:)")
        if isFinished { return noteLateWrite() }
        // Only the encoder is read: a method of the settings would be called on a copy of all of them.
        let text = try JSONBodyEncoder.encode(value, with: application.settings.jsonEncoder)
        withConnection { connection in
            connection.setDefaultContentType("application/json; charset=utf-8")
            connection.write(text)
        }
    }

    /// Sends the gathered bytes, and waits while the client lags behind. Tornado: `RequestHandler.flush`.
    ///
    /// - Throws: `StreamClosedError` where the client has disconnected, `CancellationError`.
    public func flush() async throws {
        // Once the client has the response's head, it may use its session.
        if extras?.session != nil { try await saveSession() }
        try await connection.flush()
    }

    /// Sends the rest and ends the response; a second call is ignored. The connection goes on to its next request, while the
    /// handler may go on with work of its own. Tornado: `RequestHandler.finish`.
    public func finish() {
        withConnection { $0.finish() }
    }

    /// Adds text and ends the response.
    public func finish(_ text: String) {
        write(text)
        finish()
    }

    /// Whether the response is complete.
    public var isFinished: Bool { exchange?._withUnsafeGuaranteedRef { $0.isFinished } ?? true }

    /// Adds a value as JSON and ends the response.
    public func finish(json value: some Encodable) throws {
        try write(json: value)
        finish()
    }

    /// Sends the client elsewhere, and finishes. Tornado: `RequestHandler.redirect`.
    ///
    /// - Parameters:
    ///   - url: the destination, absolute or relative to the request's URL.
    ///   - status: a status of the 300s. Default 302.
    /// - Throws: `HTTPHeaderError` for a URL that holds control characters, `HTTPOutputError` once the head is sent and for a
    ///   status that is none of the 300s.
    public func redirect(_ url: String, status: HTTPResponse.Status = .found) throws {
        guard !connection.isHeadSent else {
            throw HTTPOutputError(description: "cannot redirect: the response's head is sent")
        }
        guard (300...399).contains(status.code) else {
            throw HTTPOutputError(description: "cannot redirect: \(status.code) is no status of the 300s")
        }
        setStatus(status)
        try setHeader(.location, url)
        finish()
    }

    /// The same with the status's number.
    public func redirect(_ url: String, status code: Int) throws {
        guard (300...399).contains(code) else {
            throw HTTPOutputError(description: "cannot redirect: \(code) is no status of the 300s")
        }
        try redirect(url, status: HTTPResponse.Status(code: code))
    }

    /// Replaces what was written by the page for an error, and finishes. Tornado: `RequestHandler.send_error`.
    public func sendError(_ status: HTTPResponse.Status = .internalServerError) async {
        await sendError(status, nil)
    }
}
