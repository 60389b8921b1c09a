import HTTPTypes
import Logging
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Turns errors into responses.
@_spi(TwisterServer) extension RequestHandler {
    /// Turns the error that a handler has thrown into a response; the one place where that is done.
    ///
    /// Tornado: `RequestHandler._handle_request_exception`.
    public func executionFailed(_ thrown: any Error) async {
        let error = ClientValue.refusal(of: thrown) ?? serverRefusal(thrown) ?? thrown
        if let finish = error as? Finish {
            if let text = finish.text, !isFinished { write(text) }
            return self.finish()
        }
        // A client that disconnects is no error of the handler, and there is no client to respond to.
        if connection.isClientDisconnected, Self.tellsOfDisconnect(error) { return connection.abort() }
        if connection.isEndOfShutdown(error) { return await sendError(.serviceUnavailable, error) }
        // The server has cut the response, which was begun when it refused the request's body.
        if isFinished, thrown is HTTPBodyError { return }
        logException(error)
        guard !isFinished else { return }
        await sendError(Self.status(of: error), error)
    }

    /// The status of the response for an error.
    private static func status(of error: any Error) -> HTTPResponse.Status {
        switch error {
        case let error as HTTPError: error.status
        case let error as FormError:
            HTTPResponse.Status(code: error.status, reasonPhrase: "\(ReasonPhrase.of(error.status))")
        // A server that the handler has asked has not responded in time.
        case is TimeoutError: .gatewayTimeout
        default: .internalServerError
        }
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
        restoreHeaders()
        setStatus(status)
        if status == .methodNotAllowed { setTrustedHeader(.allow, allowedMethodsText) }
        let headers = (error as? HTTPError)?.headers ?? HTTPFields()
        // An `Allow` of the error takes precedence over that of the class.
        if headers.contains(.allow) { clearHeader(.allow) }
        for field in headers { try? addHeader(field.name, field.value) }
        await writePage(of: error)
        finish()
    }

    /// Calls `writeError`, once for a request: one that calls `sendError` itself would go on for ever, and take all memory.
    private func writePage(of error: (any Error)?) async {
        let extras = madeExtras
        guard !extras.hasBegunErrorPage else {
            logger.error("writeError calls sendError: the page for \(getStatus().code) is the default one")
            return writeBuiltInErrorPage(error)
        }
        extras.hasBegunErrorPage = true
        await writeError(getStatus(), error)
    }

    /// Writes the application's page for an error, or the built-in one.
    func writeErrorPage(_ error: (any Error)?) {
        guard let write = application.settings.errorPage else { return writeBuiltInErrorPage(error) }
        do {
            try write(self, getStatus(), error)
        } catch let failure {
            logException(failure)
            guard !connection.isHeadSent else { return connection.abort() }
            connection.responseBody.removeAll()
            writeBuiltInErrorPage(error)
        }
    }

    /// Writes the page for an error, in the format that the client prefers.
    private func writeBuiltInErrorPage(_ error: (any Error)?) {
        let failure = error as? HTTPError
        let failures = failure?.failures.map { (path: $0.path, message: $0.message) } ?? []
        var detail = failure?.detail ?? Self.detail(of: error)
        if application.settings.serveTraceback, let error { detail = "\(detail.map { $0 + "\n" } ?? "")\(error)" }
        connection.writeErrorPage(
            reason: getReason(), detail: detail, failures: failures,
            prefersProblemDetails: application.settings.prefersProblemDetails)
    }

    /// What the client learns of a form that it has sent and that is refused.
    private static func detail(of error: (any Error)?) -> String? {
        guard let error = error as? FormError, error.status < 500 else { return nil }
        return error.description
    }

    // MARK: Header fields that errors keep

    /// Notes the header fields that are set by now: an error that comes later keeps them.
    final func keepHeaders() {
        guard extras?.keptHeaders != nil || !connection.head.fields.isEmpty else { return }
        madeExtras.keptHeaders = connection.head.fields
    }

    /// Sets the header fields that were set before the handler's method, except those that describe a body.
    final func restoreHeaders() {
        if let kept = extras?.keptHeaders {
            for field in kept where !Self.describesBody(field.name) {
                if let name = HTTPField.Name(field.name) { try? connection.head.add(name, field.value) }
            }
        } else if traits.overridesDefaultHeaders {
            do { try setDefaultHeaders() } catch { logException(error) }
        }
        for cookie in extras?.newCookies ?? [] {
            if connection.head.values(for: .setCookie).contains(cookie.text) { continue }
            try? connection.head.add(.setCookie, cookie.text)
        }
    }

    private static func describesBody(_ name: String) -> Bool {
        [
            "content-type", "content-length", "content-encoding", "content-range", "content-language", "etag",
            "last-modified", "allow",
        ]
        .contains(name.lowercased())
    }
}
