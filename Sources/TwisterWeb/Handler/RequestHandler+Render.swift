import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Pages from templates, and the language of their texts.
extension RequestHandler {
    /// Responds with the page that a template makes of these values, and finishes. CSS and JavaScript of the modules that the
    /// page uses are inserted.
    ///
    ///     try render("entry", ["entry": entry, "comments": comments])
    ///
    /// A section of a value that is nil is not rendered.
    ///
    /// - Throws: `TemplateError`, `MissingSettingError` without templates.
    ///
    /// Tornado: `RequestHandler.render`.
    public func render(_ name: String, _ values: [String: Any?] = [:]) throws {
        let page = try templates().render(name, templateNamespace(values))
        finish(try page.withModules(staticURL: { try staticURL($0) }))
    }

    /// The text that a template makes of these values. Tornado: `RequestHandler.render_string`.
    public func renderString(_ name: String, _ values: [String: Any?] = [:]) throws -> String {
        try templates().renderString(name, templateNamespace(values))
    }

    private func templates() throws -> TemplateLibrary {
        connection.checkThread("RequestHandler.render")
        return try require(application.templates, "templatePath", for: "templates")
    }

    private func templateNamespace(_ values: [String: Any?]) -> TemplateNamespace {
        var namespace = TemplateNamespace(
            handler: self, request: request, currentUser: currentUser, locale: locale,
            staticURL: { try self.staticURL($0) },
            reverseURL: { try self.application.reverseURL($0, arguments: $1) },
            xsrfFormHTML: { try self.xsrfFormHTML() })
        // For the URL of a form whose body is streamed, and for scripts.
        namespace.functions["xsrf_token"] = .words { _ in try self.xsrfToken() }
        // A nil among the values is one that no section is rendered for.
        namespace.values.merge(values.mapValues { $0 as Any }) { _, own in own }
        namespace.lazyValues["csp_nonce"] = { self.cspNonce }
        var flashes: [Flash]?
        namespace.lazyValues["flashes"] = {
            let taken = flashes ?? self.takeFlashes()
            flashes = taken
            return taken
        }
        namespace.values.merge(templateValues()) { own, _ in own }
        return namespace
    }

    /// The URL of a file of the setting `staticPath`, with the file's version, so that caches may keep it for years.
    ///
    /// - Parameters:
    ///   - path: the file's path below `staticPath`.
    ///   - includeHost: whether the URL names the protocol and the host, as `absoluteURL` does.
    /// - Throws: `MissingSettingError` without `staticPath`.
    ///
    /// Tornado: `RequestHandler.static_url`.
    public func staticURL(_ path: String, includeHost: Bool = false) throws(MissingSettingError) -> String {
        let root = try require(application.settings.staticPath, "staticPath", for: "staticURL")
        let url = application.staticURL(path, root: root)
        return includeHost ? absoluteURL(path: url) : url
    }

    /// The language of the response: `getUserLocale`'s, else the best that the browser asks for and the application has.
    /// Tornado: `RequestHandler.locale`.
    public final var locale: WebLocale {
        get {
            connection.checkThread("RequestHandler.locale")
            let extras = madeExtras
            if let known = extras.locale { return known }
            let locale = getUserLocale() ?? getBrowserLocale()
            extras.locale = locale
            return locale
        }
        set {
            connection.checkThread("RequestHandler.locale")
            madeExtras.locale = newValue
        }
    }

    /// The best of the application's languages for the request's `Accept-Language`.
    ///
    /// Tornado: `RequestHandler.get_browser_locale`.
    public final func getBrowserLocale(default code: String = "en_US") -> WebLocale {
        application.settings.translations.browserLocale(acceptLanguage: request.headers[.acceptLanguage], default: code)
    }
}
