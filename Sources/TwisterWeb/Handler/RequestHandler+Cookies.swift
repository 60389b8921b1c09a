import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Cookies (RFC 6265bis), plain, signed and encrypted.
extension RequestHandler {
    // MARK: Reading

    /// The request's cookies. Of two with the same name the first counts: browsers send the more specific path first.
    /// Tornado: `RequestHandler.cookies`.
    public var cookies: [String: String] { request.cookies }

    /// The value of the cookie `name`; nil if the client has sent none. Tornado: `RequestHandler.get_cookie`.
    public func getCookie(_ name: String) -> String? { request.cookie(name) }

    /// The same with a default.
    public func getCookie(_ name: String, default value: String) -> String { request.cookie(name) ?? value }

    // MARK: Setting

    /// Sets a cookie with the response, in place of one of the same name that was set before. Cookies stay where an error
    /// replaces the response.
    ///
    /// - Throws: `SetCookieError` for what must not stand in a cookie.
    ///
    /// Tornado: `RequestHandler.set_cookie`.
    public func setCookie(_ cookie: SetCookie) throws {
        connection.checkThread("RequestHandler.setCookie")
        let text = try cookie.encoded()
        if connection.isHeadSent { noteLateChange("the cookie \(cookie.name)") }
        if connection.isHeld { return }
        let extras = madeExtras
        extras.newCookies.removeAll { $0.name == cookie.name }
        extras.newCookies.append((cookie.name, text))
        guard !connection.isHeadSent else { return }
        // Fields that the handler has set by itself stay.
        let others = connection.head.values(for: .setCookie).filter { !$0.utf8.starts(with: "\(cookie.name)=".utf8) }
        connection.removeField(.setCookie)
        for other in others { try connection.addField(.setCookie, other) }
        try connection.addField(.setCookie, text)
    }

    /// Sets a cookie with the response.
    ///
    ///     try setCookie("theme", "dark", maxAge: .seconds(86_400 * 365))
    ///
    /// - Parameters:
    ///   - name: a token (RFC 9110, 5.6.2).
    ///   - value: the value; what a cookie cannot hold as it is, is quoted.
    ///   - domain: the domain whose hosts get the cookie; nil: this host alone.
    ///   - path: the path below which it is sent.
    ///   - expires: when it ends, in seconds since 1970; nil: with the browser's session.
    ///   - maxAge: how long it lasts; takes precedence over `expires`.
    ///   - httpOnly: whether scripts of the page cannot read it.
    ///   - secure: whether it is sent over https only.
    ///   - sameSite: with which requests of other sites it is sent.
    ///   - partitioned: whether pages of other sites that embed this one have a cookie of their own.
    /// - Throws: `SetCookieError` for what must not stand in a cookie.
    ///
    /// Tornado: `RequestHandler.set_cookie`.
    public func setCookie(
        _ name: String, _ value: String, domain: String? = nil, path: String = "/", expires: Int64? = nil,
        maxAge: Duration? = nil, httpOnly: Bool = false, secure: Bool = false,
        sameSite: SetCookie.SameSite = .unspecified, partitioned: Bool = false
    ) throws {
        try setCookie(
            SetCookie(
                name: name, value: value, domain: domain, path: path, expires: expires, maxAge: maxAge,
                httpOnly: httpOnly,
                secure: secure, sameSite: sameSite, partitioned: partitioned))
    }

    /// Has the client forget a cookie. `domain`, `path` and the attributes have to be those with which it was set.
    /// Tornado: `RequestHandler.clear_cookie`.
    public func clearCookie(
        _ name: String, domain: String? = nil, path: String = "/", httpOnly: Bool = false, secure: Bool = false,
        sameSite: SetCookie.SameSite = .unspecified, partitioned: Bool = false
    ) throws {
        let cookie = SetCookie(
            name: name, value: "", domain: domain, path: path, httpOnly: httpOnly,
            secure: secure || name.hasPrefix("__Host-") || name.hasPrefix("__Secure-"), sameSite: sameSite,
            partitioned: partitioned)
        try setCookie(cookie.deletion)
    }

    // MARK: Signed

    /// Sets a cookie that clients can read and cannot change: `cookie`, with its value signed by the setting `cookieSecret`.
    /// Without `maxAge` and `expires` it lasts 30 days.
    ///
    /// - Throws: `MissingSettingError` without a secret, `SetCookieError`, `SignedValueError`.
    ///
    /// Tornado: `RequestHandler.set_signed_cookie`.
    public func setSignedCookie(_ cookie: SetCookie) throws {
        var signed = cookie
        signed.value = try createSignedValue(cookie.name, cookie.value)
        try setCookie(lasting(signed))
    }

    /// The same for a name and a value, with the attributes that suit a login: `HttpOnly` and `SameSite=Lax`.
    public func setSignedCookie(_ name: String, _ value: String, secure: Bool = false, maxAge: Duration? = nil) throws {
        try setSignedCookie(
            SetCookie(name: name, value: value, maxAge: maxAge, httpOnly: true, secure: secure, sameSite: .lax))
    }

    /// The value of a signed cookie; nil if there is none, it was changed, or it is older than `maxAgeDays`.
    ///
    /// - Parameters:
    ///   - name: the cookie's name, which is signed, too.
    ///   - maxAgeDays: the most days since it was signed.
    ///   - minVersion: the oldest format that is read.
    /// - Throws: `MissingSettingError` without a secret.
    ///
    /// Tornado: `RequestHandler.get_signed_cookie`.
    public func getSignedCookie(
        _ name: String, maxAgeDays: Double = 31, minVersion: SignedValueVersion = .standardMinimum
    ) throws -> String? {
        let secret = try cookieSecret()
        guard let value = getCookie(name) else { return nil }
        return try getSignedCookie(name, value: value, maxAgeDays: maxAgeDays, minVersion: minVersion, secret)
    }

    /// The same for a signed value that came in another way than a cookie.
    public func getSignedCookie(
        _ name: String, value: String, maxAgeDays: Double = 31, minVersion: SignedValueVersion = .standardMinimum
    ) throws -> String? {
        try getSignedCookie(name, value: value, maxAgeDays: maxAgeDays, minVersion: minVersion, cookieSecret())
    }

    private func getSignedCookie(
        _ name: String, value: String, maxAgeDays: Double, minVersion: SignedValueVersion, _ secret: CookieSecret
    ) throws -> String? {
        let bytes = decodeSignedValue(
            secret: secret, name: name, value: value, maxAgeDays: maxAgeDays, minVersion: minVersion)
        return bytes.flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// The version of the key that has signed a cookie, whether or not the signature is right; nil if there is none.
    /// Tornado: `RequestHandler.get_signed_cookie_key_version`.
    public func getSignedCookieKeyVersion(_ name: String) throws -> Int? {
        _ = try cookieSecret()
        return getCookie(name).flatMap(signatureKeyVersion(of:))
    }

    /// A value signed for `name`, in the format of Tornado's signed cookies, for other uses than a cookie.
    /// Tornado: `RequestHandler.create_signed_value`.
    public func createSignedValue(_ name: String, _ value: String, version: SignedValueVersion = .standard) throws
        -> String
    {
        try TwisterWeb.createSignedValue(secret: cookieSecret(), name: name, value: value, version: version)
    }

    // MARK: Encrypted

    /// Sets a cookie that clients can neither read nor change. Without `maxAge` and `expires` it lasts 30 days.
    ///
    /// - Throws: `MissingSettingError` without a secret, `SetCookieError`, `SignedValueError`.
    public func setEncryptedCookie(_ cookie: SetCookie) throws {
        var encrypted = cookie
        encrypted.value = try createEncryptedValue(secret: cookieSecret(), name: cookie.name, value: cookie.value)
        try setCookie(lasting(encrypted))
    }

    /// The value of an encrypted cookie; nil if there is none, it was changed, or it is older than `maxAgeDays`.
    public func getEncryptedCookie(_ name: String, maxAgeDays: Double = 31) throws -> String? {
        let secret = try cookieSecret()
        guard let value = getCookie(name) else { return nil }
        let bytes = decodeEncryptedValue(secret: secret, name: name, value: value, maxAgeDays: maxAgeDays)
        return bytes.flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// A cookie that says for how long it lasts.
    private func lasting(_ cookie: SetCookie) -> SetCookie {
        var cookie = cookie
        if cookie.maxAge == nil, cookie.expires == nil { cookie.expires = connection.responseTime + 30 * 86_400 }
        return cookie
    }

    private func cookieSecret() throws(MissingSettingError) -> CookieSecret {
        try require(application.settings.cookieSecret, "cookieSecret", for: "signed and encrypted cookies")
    }

    /// A setting that a feature needs.
    ///
    /// - Throws: `MissingSettingError` where it is nil.
    ///
    /// Tornado: `RequestHandler.require_setting`.
    public func require<Value>(
        _ setting: Value?, _ name: String, for feature: String
    ) throws(MissingSettingError) -> Value {
        guard let setting else { throw MissingSettingError(name: name, feature: feature) }
        return setting
    }
}

/// A handler uses a feature whose setting the application was not given.
public struct MissingSettingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of the setting in `ApplicationSettings`.
    public let name: String
    /// The feature that needs it.
    public let feature: String

    public var description: String { "the application needs the setting \(name) for \(feature)" }
}
