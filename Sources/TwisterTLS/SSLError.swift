import CTwisterOpenSSL

/// TLS has failed: a certificate cannot be used, the peer was not verified, or it has broken the protocol.
///
/// Tornado: Python's `ssl.SSLError` and its subclasses.
public struct SSLError: Error, Equatable, CustomStringConvertible {
    /// What has failed.
    public enum Reason: Sendable, Equatable {
        /// The options name a file that is missing or cannot be used, or they contradict each other.
        case configuration
        /// The peers could not agree, or the peer has broken the protocol.
        case protocolViolation
        /// The peer's certificate was not verified: it is expired, for another host, or of an unknown authority, or there is
        /// none. Python: `SSLCertVerificationError`.
        case verification
        /// The connection ended without TLS's own end (`close_notify`), so that the last bytes may be missing. Python:
        /// `SSLEOFError`.
        case truncated
        /// More handshakes were under way than `SSLOptions.maxHandshakes`, and this one was the oldest.
        case tooManyHandshakes
        /// The peer does not speak TLS.
        case plainText
    }

    /// What has failed.
    public let reason: Reason
    public let description: String

    init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }

    /// Describes the failed call of OpenSSL.
    init(_ reason: Reason, after action: String) { self.init(reason, "\(action): \(Self.lastReason)") }

    /// Takes all errors from the thread's queue, and returns the text of the last one, which is the nearest to the cause.
    static var lastReason: String {
        var reason = "no reason is given"
        while true {
            let code = ERR_get_error()
            guard code != 0 else { return reason }
            if let text = ERR_reason_error_string(code) { reason = String(cString: text) }
        }
    }
}
