import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Protection from cross-site request forgery: a page of another site can have a browser send a request with the user's
/// cookies, and cannot read the token that the application's own pages send with theirs.
extension RequestHandler {
    /// The token for forms and scripts of the response. The client gets the cookie that belongs to it, unless it has one. Each
    /// text differs from the others, so that the compressed length of pages tells nothing of the token.
    ///
    /// Tornado: `RequestHandler.xsrf_token`.
    public func xsrfToken() throws -> String {
        connection.checkThread("RequestHandler.xsrfToken")
        let settings = application.settings
        let extras = madeExtras
        let token = extras.xsrfToken ?? knownXSRFToken ?? XSRFToken()
        extras.xsrfToken = token
        // A token that the client knows has the format in which it was read.
        if token.version == nil, !extras.newCookies.contains(where: { $0.name == settings.xsrfCookie.name }) {
            var cookie = settings.xsrfCookie
            cookie.value = token.text(version: settings.xsrfCookieVersion == .one ? .one : .two)
            try setCookie(cookie)
        }
        return token.text(version: settings.xsrfCookieVersion == .one ? .one : .two)
    }

    /// A hidden input that holds the token, for a form. Tornado: `RequestHandler.xsrf_form_html`.
    public func xsrfFormHTML() throws -> String {
        "<input type=\"hidden\" name=\"_xsrf\" value=\"\(xhtmlEscape(try xsrfToken()))\"/>"
    }

    /// Checks that the request has the token of its cookie, as the argument `_xsrf` or the field `X-XSRFToken` or `X-CSRFToken`.
    /// Called before `prepare` where the setting `xsrfCookies` is on and the policy `xsrf` is not false.
    ///
    /// - Throws: `HTTPError` 403.
    ///
    /// Tornado: `RequestHandler.check_xsrf_cookie`.
    public func checkXSRFCookie() throws {
        connection.checkThread("RequestHandler.checkXSRFCookie")
        // An empty text is no token: a form may have the hidden input without its value, while a script sends the field.
        let texts = [try sentXSRFArgument(), request.headers["X-XSRFToken"], request.headers["X-CSRFToken"]]
        guard let text = texts.compactMap(\.self).first(where: { !$0.isEmpty }) else {
            throw HTTPError(.forbidden, "the argument _xsrf is missing")
        }
        guard let sent = XSRFToken(text) else { throw HTTPError(.forbidden, "the argument _xsrf is malformed") }
        guard let known = knownXSRFToken else { throw HTTPError(.forbidden, "the XSRF cookie is missing or malformed") }
        guard sent.matches(known) else {
            throw HTTPError(.forbidden, "the XSRF cookie does not match the argument _xsrf")
        }
    }

    /// A form in a streamed body is not there yet: its token has to be in the query or in a field.
    private func sentXSRFArgument() throws -> String? {
        if traits.requestBody == .collected { return try getArgument("_xsrf", default: nil) }
        return try getQueryArgument("_xsrf", default: nil)
    }

    private var knownXSRFToken: XSRFToken? {
        getCookie(application.settings.xsrfCookie.name).flatMap { XSRFToken($0) }
    }
}
