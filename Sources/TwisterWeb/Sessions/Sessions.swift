import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Gives handlers a `session`: values that the server keeps for each client.
///
///     let application = try Application(routes, middleware: [Sessions(store: MemorySessionStore())])
///
/// The cookie has 256 random bits, and is `HttpOnly`, with `SameSite=Lax`. Over https it is also `Secure`, and its name begins
/// with `__Host-`, so that no other host can set it. Keys that the server did not make are never accepted.
///
/// Changes of a request are saved before its client gets the response: a response that the handler finishes by itself
/// (`finish`, `redirect`, `render`) waits until then, while the handler goes on; `flush` waits, too. Where the store fails, the
/// response becomes an error: 500. Changes are saved even where the handler throws an error, as cookies are kept. Responses of
/// handlers that have read the session get `Vary: Cookie`. Responses that set the cookie are `private` in `Cache-Control`,
/// whatever else the field says: a shared cache may store `Set-Cookie`, and hand one client's session to others.
public struct Sessions: Middleware {
    private let rules: SessionRules
    private let name: String
    private let secure: Bool?
    private let sameSite: SetCookie.SameSite

    /// - Parameters:
    ///   - store: where the sessions are kept. Default: in this process's memory.
    ///   - cookie: the cookie's name, without `__Host-`. Default `session`.
    ///   - lifetime: how long a session lasts, in whole seconds. Default 12 hours.
    ///   - sliding: whether the lifetime counts from the last request, and not from the first one. Default true.
    ///   - secure: whether the cookie is sent over https only. Default nil: if the request came over https.
    ///   - sameSite: with which requests of other sites the cookie is sent; `.none` needs `secure: true`.
    ///   - maxSize: the most octets of the keys and values of a session, as JSON. Default 64 KiB.
    public init(
        store: any SessionStore = MemorySessionStore(), cookie name: String = "session",
        lifetime: Duration = .seconds(12 * 3_600), sliding: Bool = true, secure: Bool? = nil,
        sameSite: SetCookie.SameSite = .lax, maxSize: Int = 65_536
    ) {
        self.init(
            store: store, cookie: name, lifetime: lifetime, sliding: sliding, secure: secure, sameSite: sameSite,
            maxSize: maxSize, now: { Int64(ValueTime.now) })
    }

    /// - Parameter now: seconds since 1970.
    init(
        store: any SessionStore, cookie name: String = "session", lifetime: Duration = .seconds(12 * 3_600),
        sliding: Bool = true, secure: Bool? = nil, sameSite: SetCookie.SameSite = .lax, maxSize: Int = 65_536,
        now: @escaping @Sendable () -> Int64
    ) {
        let seconds = lifetime.components.seconds
        precondition((1...3_155_760_000).contains(seconds), "Sessions: the lifetime is not 1 second to 100 years")
        precondition(sameSite != .none || secure == true, "Sessions: SameSite=None needs secure: true")
        precondition(
            (try? SetCookie(name: name, value: "").encoded()) != nil && !name.hasPrefix("__"),
            "Sessions: \"\(name)\" is no name of a cookie, or begins with __, which is added where it belongs")
        rules = SessionRules(store: store, lifetime: seconds, isSliding: sliding, maxSize: maxSize, now: now)
        self.name = name
        self.secure = secure
        self.sameSite = sameSite
    }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        // One `Sessions` around another one would know other sessions.
        if let outer = handler.extras?.session, !outer.isDetached { return try await next() }
        let cookie = cookie(for: handler)
        let session = Session(rules, try await stored(handler, cookie.name))
        handler.madeExtras.session = session
        handler.beforeHead { try tell($0, session, cookie) }
        do {
            try await next()
        } catch {
            do { try await settle(handler, session) } catch { handler.logException(error) }
            throw error
        }
        try await settle(handler, session)
    }

    /// Everything is saved, and a response that waits for it is sent, before this middleware is left.
    private func settle(_ handler: RequestHandler, _ session: Session) async throws {
        defer { session.isOpen = false }
        do {
            try await handler.saveSession()
        } catch {
            // The error replaces a long response that waits until it is compressed.
            handler.madeResponseCourse.reopen(handler.connection)
            throw error
        }
    }

    /// The session whose key the client has sent, if there is one.
    private func stored(
        _ handler: RequestHandler, _ name: String
    ) async throws -> (token: SessionToken, data: SessionData)? {
        guard let token = handler.getCookie(name).flatMap(SessionToken.init),
            let data = try await rules.store.load(token.id), data.expires > rules.now()
        else { return nil }
        return (token, data)
    }

    private func cookie(for handler: RequestHandler) -> SetCookie {
        let isSecure = secure ?? (handler.request.protocol == "https")
        return SetCookie(
            name: isSecure ? "__Host-\(name)" : name, value: "", maxAge: .seconds(rules.lifetime), httpOnly: true,
            secure: isSecure, sameSite: sameSite)
    }

    /// Writes into the head what the client has to know of its session.
    private func tell(_ handler: RequestHandler, _ session: Session, _ cookie: SetCookie) throws {
        if session.isUsed { handler.connection.addVary("Cookie") }
        guard let change = session.cookie else { return }
        switch change {
        case .set(let token):
            var cookie = cookie
            cookie.value = token.text
            try handler.setCookie(cookie)
        case .deleted: try handler.setCookie(cookie.deletion)
        }
        let cacheControl = Self.keptPrivate(handler.connection.head.get(.cacheControl))
        handler.setTrustedHeader(.cacheControl, cacheControl)
    }

    /// A `Cache-Control` that keeps the response out of shared caches (RFC 9111, 7.3), and is otherwise the handler's own.
    private static func keptPrivate(_ field: String?) -> String {
        let directives = TokenList.elements(of: field ?? "")
        let names = directives.map { $0.lowercased() }
        if names.contains("private") || names.contains("no-store") { return directives.joined(separator: ", ") }
        let kept = zip(directives, names).filter { $0.1 != "public" && !$0.1.hasPrefix("s-maxage") }.map(\.0)
        return (["private"] + kept).joined(separator: ", ")
    }
}
