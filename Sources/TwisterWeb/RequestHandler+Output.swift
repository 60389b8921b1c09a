import FoundationEssentials
public import HTTPTypes
import Logging
import TwisterCodec
import TwisterHTTP
import TwisterIO

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

    /// The same by its number; `reason` nil: the usual one.
    public func setStatus(_ code: Int, reason: String? = nil) {
        connection.checkThread("RequestHandler.setStatus")
        do throws(HTTPHeaderError) {
            guard code >= 200 else { throw .invalidStatus(code) }
            try connection.head.setStatus(code, reason: reason)
        } catch {
            Log.application.error("setStatus(\(code)): \(error)")
            try? connection.head.setStatus(500)
        }
    }

    /// Tornado: `RequestHandler.get_status`.
    public func getStatus() -> HTTPResponse.Status {
        connection.checkThread("RequestHandler.getStatus")
        return HTTPResponse.Status(code: connection.head.status)
    }

    func getReason() -> String {
        let head = connection.head
        return head.reason ?? "\(ReasonPhrase.of(head.status))"
    }

    /// Sets a field, replacing what was set under that name.
    ///
    /// - Throws: `HTTPHeaderError` where the value holds CR, LF, NUL or another control character.
    ///
    /// Tornado: `RequestHandler.set_header`.
    public func setHeader(_ name: HTTPField.Name, _ value: String) throws {
        try connection.setField(name, value)
    }

    /// Adds a field besides those of the same name. Tornado: `RequestHandler.add_header`.
    ///
    /// - Throws: `HTTPHeaderError`, as `setHeader`.
    public func addHeader(_ name: HTTPField.Name, _ value: String) throws {
        try connection.addField(name, value)
    }

    /// Tornado: `RequestHandler.clear_header`.
    public func clearHeader(_ name: HTTPField.Name) {
        connection.removeField(name)
    }

    /// For names and values of our own making, which are always well-formed.
    func setTrustedHeader(_ name: HTTPField.Name, _ value: String) {
        try? connection.head.set(name, value)
    }

    /// Forgets status, fields and body, where nothing is sent yet. Tornado: `RequestHandler.clear`.
    public func clear() {
        connection.clear()
    }

    // MARK: Body

    /// Adds text to the response, as UTF-8; `text/html` unless the `Content-Type` is set. Tornado: `RequestHandler.write`.
    public func write(_ text: String) {
        connection.write(text, as: "text/html; charset=utf-8")
    }

    /// Adds bytes to the response; `application/octet-stream` unless the `Content-Type` is set.
    public func write(_ bytes: [UInt8]) {
        connection.checkThread("RequestHandler.write")
        connection.setDefaultContentType("application/octet-stream")
        connection.write(bytes)
    }

    /// Adds a value as JSON; `application/json` unless the `Content-Type` is set.
    ///
    /// - Throws: `EncodingError` where the value cannot be encoded.
    public func write(json value: some Encodable) throws {
        connection.checkThread("RequestHandler.write(json:)")
        let data = try JSONEncoder().encode(value)
        connection.setDefaultContentType("application/json; charset=utf-8")
        connection.write([UInt8](data))
    }

    /// Sends the gathered bytes, and waits while the client lags behind. Tornado: `RequestHandler.flush`.
    ///
    /// - Throws: `StreamClosedError` where the client has disconnected, `CancellationError`.
    public func flush() async throws { try await connection.flush() }

    /// Sends the rest and ends the response; a second call is ignored. The connection goes on to its next request, while the
    /// handler may go on with work of its own. Tornado: `RequestHandler.finish`.
    public func finish() {
        connection.finish()
    }

    /// Adds text and ends the response.
    public func finish(_ text: String) {
        write(text)
        finish()
    }

    /// Whether the response is complete.
    public var isFinished: Bool { connection.isFinished }

    /// Sends the client elsewhere, and finishes. Tornado: `RequestHandler.redirect`.
    ///
    /// - Parameters:
    ///   - url: where to, absolute or relative to the request.
    ///   - status: a status of the 300s; default 302.
    /// - Throws: `HTTPHeaderError` for a URL that holds control characters, `HTTPOutputError` once the head is sent.
    public func redirect(_ url: String, status: HTTPResponse.Status = .found) throws {
        guard !connection.isHeadSent else {
            throw HTTPOutputError(description: "cannot redirect: the response's head is sent")
        }
        setStatus(status)
        try setHeader(.location, url)
        finish()
    }

    /// Replaces what was written by the page for an error, and finishes. Tornado: `RequestHandler.send_error`.
    public func sendError(_ status: HTTPResponse.Status = .internalServerError) async {
        await sendError(status, nil)
    }
}
