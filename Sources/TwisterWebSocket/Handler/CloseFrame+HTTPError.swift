import HTTPTypes
import TwisterWeb

extension CloseFrame {
    /// The close frame for a client whose message was refused by that error.
    init(_ error: HTTPError) {
        let code: WebSocketCloseCode
        switch error.status.code {
        case 400, 422: code = .invalidPayload
        case 413: code = .messageTooBig
        case 415: code = .unsupportedData
        case 503: code = .tryAgainLater
        case ..<500: code = .policyViolation
        default: code = .internalError
        }
        // As on the error pages of HTTP, nobody outside is told more of an error of the server than its handler has put into
        // words.
        self.init(code: code, reason: error.detail ?? (code == .internalError ? "" : error.status.reasonPhrase))
    }
}
