import HTTPTypes
import TwisterHTTP
import TwisterIO

/// URLs of the application's own routes.
extension RequestHandler {
    // MARK: Paths

    /// A path that the route called `name` serves with these arguments.
    ///
    /// - Throws: `URLReverseError` if there is no such route, or its pattern does not allow it.
    ///
    /// Tornado: `RequestHandler.reverse_url`.
    public func reverseURL(_ name: String, _ arguments: any CustomStringConvertible...) throws(URLReverseError)
        -> String
    {
        try application.reverseURL(name, arguments: arguments)
    }

    /// The same for a route whose name knows the types of its arguments.
    public func reverseURL<each Argument: PathValue>(
        _ name: RouteName<repeat each Argument>, _ arguments: repeat each Argument
    ) throws(URLReverseError) -> String {
        try application.reverseURL(name, repeat each arguments)
    }

    // MARK: Absolute URLs

    /// The URL of a route with scheme and host, for mails and for other servers:
    ///
    ///     let link = try absoluteURL(Names.track, 7)       // https://example.com/tracks/7
    ///
    /// Scheme and host are those of the setting `baseURL`. Without the setting they are the request's own: the client
    /// chooses the host, also one that is not yours, so that mails to others need the setting.
    ///
    /// - Throws: `URLReverseError` if there is no such route, or its pattern does not allow it.
    ///
    /// Tornado: `RequestHandler.reverse_url` with the scheme and the host of `HTTPServerRequest.full_url`.
    public func absoluteURL(_ name: String, _ arguments: any CustomStringConvertible...) throws(URLReverseError)
        -> String
    {
        absoluteURL(path: try application.reverseURL(name, arguments: arguments))
    }

    /// The same for a route whose name knows the types of its arguments.
    public func absoluteURL<each Argument: PathValue>(
        _ name: RouteName<repeat each Argument>, _ arguments: repeat each Argument
    ) throws(URLReverseError) -> String {
        absoluteURL(path: try application.reverseURL(name, repeat each arguments))
    }

    /// The same for a path, with its query, that begins with `/` and is percent-encoded: what `reverseURL`, `signedURL` and
    /// `staticURL` return.
    public func absoluteURL(path: String) -> String {
        guard var base = application.settings.baseURL else { return "\(request.protocol)://\(request.host)\(path)" }
        while base.utf8.last == UInt8(ascii: "/") { base.unicodeScalars.removeLast() }
        return base + path
    }

    // MARK: Signed URLs

    /// A path of a route that ends after `lifetime`, and that nobody else can make: for links to reset a password, or to a
    /// file that not everybody may have. The route's handler calls `requireSignedURL()`.
    ///
    ///     let path = try signedURL(Names.reset, user.id, lifetime: .seconds(3600))
    ///     mail(user, "Choose a new password: \(absoluteURL(path: path))")
    ///
    /// Anybody who has the link can use it until it ends, any number of times. Its end is rounded up to a whole second. A
    /// link with a negative `lifetime` has ended already. The setting `cookieSecret` signs the path and its query, not
    /// the host and not the method. `Log.hiddenArguments` keeps signatures out of the log.
    ///
    /// - Throws: `MissingSettingError` without a secret, `URLReverseError` if there is no such route.
    public func signedURL(_ name: String, _ arguments: any CustomStringConvertible..., lifetime: Duration) throws
        -> String
    {
        try signedURL(path: application.reverseURL(name, arguments: arguments), lifetime: lifetime)
    }

    /// The same for a route whose name knows the types of its arguments.
    public func signedURL<each Argument: PathValue>(
        _ name: RouteName<repeat each Argument>, _ arguments: repeat each Argument, lifetime: Duration
    ) throws -> String {
        try signedURL(path: application.reverseURL(name, repeat each arguments), lifetime: lifetime)
    }

    /// The same for a path, with its query, that is percent-encoded. What is in the query is signed, too: a link that can be
    /// used once has there what changes by its use, such as the number of the user's passwords so far.
    public func signedURL(path: String, lifetime: Duration) throws -> String {
        let seconds = Double(lifetime.components.seconds) + Double(lifetime.components.attoseconds) / 1e18
        let end = min(max(ValueTime.now + seconds, 0), 1e15).rounded(.up)
        return try SignedURL.sign(path, end: Int(end), urlSecret())
    }

    /// Ends the request unless its URL was made by `signedURL` and has not ended.
    ///
    /// - Throws: `HTTPError` 403 for a URL that was not signed or was changed, 410 for one that has ended;
    ///   `MissingSettingError` without a secret.
    public func requireSignedURL() throws {
        let request = request
        let verdict = SignedURL.check(
            path: request.path, query: request.query, at: ValueTime.now, try urlSecret())
        switch verdict {
        case .valid: return
        case .expired: throw HTTPError(.gone, "the signed URL has ended", detail: "This link has expired.")
        case .invalid: throw HTTPError(.forbidden, "the URL is not signed", detail: "This link is not valid.")
        }
    }

    private func urlSecret() throws(MissingSettingError) -> CookieSecret {
        try require(application.settings.cookieSecret, "cookieSecret", for: "signed URLs")
    }
}
