import HTTPTypes
public import Logging
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The request's own entries in the log.
extension RequestHandler {
    /// Logs for this request: each line has the request's identifier as `request_id`, and whatever metadata is set here:
    ///
    ///     logger[metadataKey: "user"] = "\(user)"
    ///     logger.info("order accepted")
    ///
    /// It is made from `Log.application` when it is first used; a request that does not use it pays nothing for it.
    public final var logger: Logger {
        get {
            checkThread("RequestHandler.logger")
            let extras = madeExtras
            if let logger = extras.logger { return logger }
            var logger = Log.application
            logger[metadataKey: "request_id"] = .string(requestID)
            extras.logger = logger
            return logger
        }
        set {
            checkThread("RequestHandler.logger")
            madeExtras.logger = newValue
        }
    }

    /// The identifier of the request in logs, and in those of other services that it is passed on to: the value of its field
    /// `X-Request-Id`, or a new one, which is made when it is first read. Where `HTTPServer.Configuration.requestIDs` is set,
    /// the access log and the response have the same identifier; where it is not, the response has none.
    public final var requestID: String {
        checkThread("RequestHandler.requestID")
        let extras = madeExtras
        if let requestID = extras.requestID { return requestID }
        let made = isRequestReleased ? HTTPConnection.newRequestID() : connection.madeRequestID()
        extras.requestID = made
        return made
    }

    /// Logs an error that the handler has thrown.
    func logFailure(_ error: any Error) {
        if let status = Self.clientMistake(error) {
            let general = Log.general
            let level = Self.givesReason(error) && application.settings.debug ? Logger.Level.warning : .debug
            guard general.logLevel <= level else { return }
            // The message may repeat what the client sent, such as the decoded path of a file.
            let message = PercentCoding.encodeUnprintable("\(error)")
            general.log(
                level: level, "\(status) \(requestSummary): \(message)", metadata: ["request_id": .string(requestID)])
        } else if let error = error as? HTTPError, error.status != .internalServerError {
            // The handler, or one of its rules, has thrown this on purpose: it is busy, or something that it needs is not
            // available.
            logger.warning("\(error.status.code) \(requestSummary): \(error)")
        } else if error is TimeoutError {
            logger.error("Timeout \(requestSummary): \(error)")
        } else {
            logger.error("Uncaught exception \(requestSummary): \(error)")
        }
    }

    /// Whether an error says more than its status, such as which check has refused the request. While an application is being
    /// developed, its author is told.
    private static func givesReason(_ error: any Error) -> Bool {
        (error as? HTTPError).map { $0.logMessage != nil } ?? true
    }

    /// The status of an error that reports a mistake of the client; nil for an error of the handler.
    private static func clientMistake(_ error: any Error) -> Int? {
        switch error {
        // 501 is the response to a method that the server does not know: the client's mistake, too.
        case let error as HTTPError where error.status.code < 500 || error.status == .notImplemented: error.status.code
        // Clients decide whether a form is malformed or too large: they would fill the log.
        case let error as FormError where error.status < 500: error.status
        default: nil
        }
    }

    /// Tornado: `RequestHandler._request_summary`.
    var requestSummary: String {
        isRequestReleased
            ? "\(traits.label)"
            : "\(request.method.rawValue) \(Log.shown(target: request.head.asciiTarget)) (\(request.remoteIP))"
    }
}
