import Logging
import TwisterCodec

/// The properties that few handlers use. They are in an object of their own, so that every other handler has one empty reference.
final class HandlerExtras {
    /// The parts of a form of type `multipart/form-data`.
    var form: [MultipartParser.Part]?
    /// The arguments of the query and of the form, once they are parsed.
    var queryArguments: ArgumentList?
    var bodyArguments: ArgumentList?
    var logger: Logger?
    var requestID: String?
    var user = KnownUser.unknown
    /// What middleware tells the handler, by type.
    var values: [ObjectIdentifier: Any] = [:]
    /// The header fields of the response that an error keeps.
    var keptHeaders: [(name: String, value: String)]?
    /// The cookies that the response sets: the name, and the value of `Set-Cookie`.
    var newCookies: [(name: String, text: String)] = []
    var xsrfToken: XSRFToken?
    var locale: WebLocale?
    /// Compresses the response, where middleware does that.
    var compression: (any ResponseCompressor)?
    /// Whether the response may be compressed, where the route says it.
    var allowsCompression: Bool?
    /// The nonce of the response's content security policy, once it is asked for.
    var cspNonce: String?
    var session: Session?
    /// Whether `writeError` has been called: what fails there is not reported by calling it again.
    var hasBegunErrorPage = false
    /// Whether the log tells of a change of the head that came too late.
    var hasNotedLateChange = false
    /// Whether the log tells of a write that came too late.
    var hasNotedLateWrite = false
    /// Why the server has refused the request, once it has.
    var refusal: HTTPError?
}

extension RequestHandler {
    final var madeExtras: HandlerExtras {
        if let extras { return extras }
        let made = HandlerExtras()
        extras = made
        return made
    }

    /// The parts of a form of type `multipart/form-data`.
    final var form: [MultipartParser.Part]? {
        get { extras?.form }
        set { madeExtras.form = newValue }
    }
}
