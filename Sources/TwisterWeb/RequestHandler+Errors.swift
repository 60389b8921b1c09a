import HTTPTypes
import TwisterHTTP
import TwisterIO

/// Turns errors into responses.
@_spi(TwisterServer) extension RequestHandler {
    /// Turns the error that a handler has thrown into a response; the one place where that is done.
    ///
    /// Tornado: `RequestHandler._handle_request_exception`.
    public func executionFailed(_ error: any Error) async {
        if error is Finish { return finish() }
        // A client that disconnects is no error of the handler, and there is no client to respond to.
        if connection.isClientDisconnected, Self.tellsOfDisconnect(error) { return connection.abort() }
        // The connection has told the client why its body is refused.
        if case .refused? = error as? HTTPBodyError { return }
        logException(error)
        guard !isFinished else { return }
        await sendError((error as? HTTPError)?.status ?? .internalServerError, error)
    }
}

extension RequestHandler {
    /// Whether the error is how a handler learns that its client has disconnected.
    fileprivate static func tellsOfDisconnect(_ error: any Error) -> Bool {
        switch error {
        case is CancellationError, is StreamClosedError, HTTPBodyError.clientDisconnected: true
        default: false
        }
    }

    func sendError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
        guard !connection.isFinished else { return }
        // The status is sent already. Closing the connection early is the only way to tell the client.
        guard !connection.isHeadSent else { return connection.abort() }
        clear()
        setStatus(status)
        if status == .methodNotAllowed { setTrustedHeader(.allow, allowedMethodsText) }
        let headers = (error as? HTTPError)?.headers ?? HTTPFields()
        // An `Allow` of the error takes precedence over that of the class.
        if headers.contains(.allow) { clearHeader(.allow) }
        for field in headers { try? addHeader(field.name, field.value) }
        await writeError(status, error)
        finish()
    }
}
