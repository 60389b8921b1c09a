public import HTTPTypes

/// An error that is an answer: thrown in a handler, it becomes its status.
///
/// Tornado: `web.HTTPError`.
public struct HTTPError: Error, Sendable, CustomStringConvertible {
    /// The status that the client is told.
    public let status: HTTPResponse.Status
    /// For the log alone: the client is not told.
    public let logMessage: String?
    /// Fields of the answer.
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

/// Thrown to end a request without an error: what was written is the answer. Tornado: `web.Finish`.
public struct Finish: Error, Sendable {
    public init() {}
}
