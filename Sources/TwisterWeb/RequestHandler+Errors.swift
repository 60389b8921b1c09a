import HTTPTypes
import TwisterHTTP
import TwisterIO

/// From errors to answers.
extension RequestHandler {
    /// Turns what a handler throws into an answer; the one place where that is done.
    ///
    /// Tornado: `RequestHandler._handle_request_exception`.
    public func executionFailed(_ error: any Error) async {
        if error is Finish { return finish() }
        // Nobody is left to tell.
        if error is CancellationError, connection.isClientGone { return connection.abort() }
        if let error = error as? HTTPBodyError {
            // It has left in the middle of its body; or the connection has told it why the body is refused.
            if case .clientWent = error { connection.abort() }
            return
        }
        logException(error)
        guard !isFinished else { return }
        await sendError((error as? HTTPError)?.status ?? .internalServerError, error)
    }

    func sendError(_ status: HTTPResponse.Status, _ error: (any Error)?) async {
        guard !connection.isFinished else { return }
        // The status is out: to cut the answer is all that is left to tell the client.
        guard !connection.isHeadSent else { return connection.abort() }
        clear()
        setStatus(status)
        if status == .methodNotAllowed { setTrustedHeader(.allow, allowedMethodsText) }
        let headers = (error as? HTTPError)?.headers ?? HTTPFields()
        // The error knows better what is allowed than the class does.
        if headers.contains(.allow) { clearHeader(.allow) }
        for field in headers { try? addHeader(field.name, field.value) }
        await writeError(status, error)
        finish()
    }
}
