import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// The user who sends the request.
extension RequestHandler {
    /// The name of the user who sends the request; nil: nobody has logged in. This is what `getCurrentUser` returned at the
    /// first access, or what was set: `prepare` and middleware may set it, where finding out the user takes time.
    ///
    /// Tornado: `RequestHandler.current_user`.
    public final var currentUser: String? {
        get {
            connection.checkThread("RequestHandler.currentUser")
            let extras = madeExtras
            if case .known(let user) = extras.user { return user }
            let user = getCurrentUser()
            extras.user = .known(user)
            return user
        }
        set {
            connection.checkThread("RequestHandler.currentUser")
            madeExtras.user = .known(newValue)
        }
    }

    /// The name of the user who sends the request, for handlers that serve only users who have logged in.
    ///
    /// - Throws: `HTTPError` 403 if nobody has logged in.
    public final func requireUser() throws -> String {
        guard let user = currentUser else { throw HTTPError(.forbidden, "nobody has logged in") }
        return user
    }

    /// The page to which a login page sends the client back: the argument `next`, which the policy `authenticated` adds to the
    /// login URL, if it is a path of this server; otherwise `path`. It never leads to another host.
    public final func nextURL(default path: String = "/") throws -> String {
        let next = try getArgument("next", default: path)
        // A browser takes a backslash for a slash, and two of them at the beginning for a host.
        let isPath = next.hasPrefix("/") && !["/", "\\"].contains(next.dropFirst().first)
        return isPath && next.utf8.allSatisfy { 0x21...0x7E ~= $0 } ? next : path
    }

    /// Whether there is a user; otherwise sends the client to the login URL, with the request's own URL as `next`, or refuses it.
    ///
    /// - Throws: `HTTPError` 403 for methods other than GET and HEAD, and where there is no login URL.
    ///
    /// Tornado: the decorator `authenticated`.
    final func admitUser() throws -> Bool {
        if currentUser != nil { return true }
        guard request.method == .get || request.method == .head else {
            throw HTTPError(.forbidden, "nobody has logged in")
        }
        guard var url = getLoginURL() else {
            throw HTTPError(.forbidden, "nobody has logged in, and there is no loginURL")
        }
        if !url.utf8.prefix(while: { $0 != UInt8(ascii: "#") }).contains(UInt8(ascii: "?")) {
            // A login page on another host needs to know this one.
            let isAbsolute = url.hasPrefix("http://") || url.hasPrefix("https://") || url.hasPrefix("//")
            url = addingQuery("next=" + urlEscape(isAbsolute ? request.fullURL() : request.uri), to: url)
        }
        try redirect(url)
        return false
    }

    /// Values of the request, by their type, with which middleware tells handlers what it has found out:
    ///
    ///     handler[Account.self] = account
    ///     let account = handler[Account.self]
    public final subscript<Value>(type: Value.Type) -> Value? {
        get {
            connection.checkThread("RequestHandler.subscript")
            return extras?.values[ObjectIdentifier(type)] as? Value
        }
        set {
            connection.checkThread("RequestHandler.subscript")
            madeExtras.values[ObjectIdentifier(type)] = newValue
        }
    }
}

/// Whether it is known who sends a request.
enum KnownUser {
    case unknown
    case known(String?)
}
