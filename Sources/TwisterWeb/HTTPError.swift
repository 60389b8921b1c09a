public import HTTPTypes

/// An error that becomes a response with its status when a handler throws it.
///
/// Tornado: `web.HTTPError`.
public struct HTTPError: Error, Sendable, CustomStringConvertible {
    /// The status of the response.
    public let status: HTTPResponse.Status
    /// A message for the log. It is not sent to the client.
    public let logMessage: String?
    /// Header fields of the response.
    public var headers: HTTPFields

    public init(_ status: HTTPResponse.Status, _ logMessage: String? = nil, headers: HTTPFields = HTTPFields()) {
        self.status = status
        self.logMessage = logMessage
        self.headers = headers
    }

    public init(_ code: Int, _ logMessage: String? = nil) {
        self.init(HTTPResponse.Status(code: code), logMessage)
    }

    /// Tornado: `web.MissingArgumentError`.
    public static func missingArgument(_ name: String) -> HTTPError {
        HTTPError(.badRequest, "missing argument \(name)")
    }

    public var description: String {
        let text = "HTTP \(status.code) \(status.reasonPhrase)"
        return logMessage.map { "\(text) (\($0))" } ?? text
    }
}

/// Thrown to end a request without an error: the response is what the handler has written. Tornado: `web.Finish`.
public struct Finish: Error, Sendable {
    public init() {}
}
