public import HTTPTypes
import TwisterCodec

/// An error that becomes a response with its status when a handler throws it.
///
/// Tornado: `web.HTTPError`.
public struct HTTPError: Error, Sendable, CustomStringConvertible {
    /// The status of the response, with its reason.
    public let status: HTTPResponse.Status
    /// A message for the log. It is not sent to the client.
    public let logMessage: String?
    /// The mistake in words for the client, which the error page shows; nil: the status says enough.
    public var detail: String?
    /// The mistakes in single values of the request, which the problem details list.
    public var failures: [ValidationFailure] = []
    /// Header fields of the response.
    public var headers: HTTPFields

    /// - Parameters:
    ///   - status: the status of the response.
    ///   - logMessage: a message for the log, which is not sent to the client.
    ///   - detail: the mistake in words for the client.
    ///   - headers: header fields of the response.
    public init(
        _ status: HTTPResponse.Status, _ logMessage: String? = nil, detail: String? = nil,
        headers: HTTPFields = HTTPFields()
    ) {
        self.status = status.reasonPhrase.isEmpty ? Self.status(status.code, nil) : status
        self.logMessage = logMessage
        self.detail = detail
        self.headers = headers
    }

    /// Creates an error by the status's number, with its usual reason or your own. A number outside of 200 to 999 is a mistake
    /// of the handler and becomes 500.
    public init(_ code: Int, _ logMessage: String? = nil, reason: String? = nil, detail: String? = nil) {
        self.init(Self.status(code, reason), logMessage, detail: detail)
    }

    private static func status(_ code: Int, _ reason: String?) -> HTTPResponse.Status {
        guard (200...999).contains(code) else { return .internalServerError }
        return HTTPResponse.Status(code: code, reasonPhrase: reason ?? "\(ReasonPhrase.of(code))")
    }

    /// The error for an argument that is missing: 400. Tornado: `web.MissingArgumentError`.
    public static func missingArgument(_ name: String) -> HTTPError {
        HTTPError(.badRequest, "missing argument \(name)", detail: "The argument \(name) is missing.")
    }

    /// An argument whose bytes are no text.
    static func undecodable(_ name: String?) -> HTTPError {
        let what = name.map { "The argument \($0)" } ?? "A part of the path"
        return HTTPError(.badRequest, "\(what) is not UTF-8", detail: "\(what) is not UTF-8.")
    }

    public var description: String {
        let text = "HTTP \(status.code) \(status.reasonPhrase)"
        return logMessage.map { "\(text) (\($0))" } ?? text
    }
}

/// Thrown to end a request without an error. The response is what the handler has written, followed by `text`.
///
/// Tornado: `web.Finish`.
public struct Finish: Error, Sendable {
    /// Text that is written before the response ends.
    public let text: String?

    public init(_ text: String? = nil) { self.text = text }
}
