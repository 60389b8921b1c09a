/// Why the client of a test has no response, or only a part of one.
public enum TestClientError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The response, or its next piece, did not come in time.
    case timedOut(request: String, after: Duration)
    /// The server closed the connection before the response was whole, or cut the response.
    case connectionClosed(String)
    /// The response is not well-formed HTTP.
    case malformedResponse(String)
    /// The response's body is longer than `TestConfiguration.maxResponseSize`.
    case responseTooLarge(limit: Int)
    /// The server redirected more often than `maxRedirects` allows.
    case tooManyRedirects(limit: Int)
    /// A redirect leads to another host, or to a `Location` that is no http URL.
    case redirectElsewhere(String)
    /// The request cannot be sent as it was given.
    case invalidRequest(String)
    /// `advance` was called, and the loop has the real clock.
    case clockIsReal
    /// The test has ended, and with it the server.
    case ended

    public var description: String {
        switch self {
        case .timedOut(let request, let timeout): "\(request): no response within \(timeout)"
        case .connectionClosed(let reason): "the response is not whole: \(reason)"
        case .malformedResponse(let reason): "malformed response: \(reason)"
        case .responseTooLarge(let limit): "the response's body is longer than \(limit) bytes"
        case .tooManyRedirects(let limit): "more than \(limit) redirects"
        case .redirectElsewhere(let location): "a redirect to \(location), which is not of this server"
        case .invalidRequest(let reason): "invalid request: \(reason)"
        case .clockIsReal: "the clock can only be advanced where TestConfiguration.clock is .virtual"
        case .ended: "the test's server has stopped"
        }
    }
}
