public import FoundationEssentials
public import HTTPTypes

/// The settings that the handlers of an application share. Also known as `Application.Settings`.
///
/// Tornado: the keyword arguments of `Application`.
public struct ApplicationSettings: Sendable {
    /// Whether the application is being developed: error pages show the error (`serveTraceback`), templates are read again
    /// when they change, and the log has as warnings why requests are refused and what handlers change too late. Default
    /// false. Tornado: `debug`.
    public var debug: Bool
    /// Whether error pages show the error that a handler has thrown. Do not turn this on for a site that users see.
    /// Default: the value of `debug`. Tornado: `serve_traceback`.
    public var serveTraceback: Bool
    /// Whether errors are problem details (RFC 9457) for clients that accept HTML and JSON equally. For applications whose
    /// clients are programs. Default false: such clients get HTML.
    public var prefersProblemDetails: Bool
    /// Whether complete responses to GET get an `ETag`, which is a hash of their body, and 304 where the client has the same.
    /// This costs a hash for each such response. Default false; in Tornado it is always on.
    public var automaticETags: Bool
    /// The URL at which clients log in; see `Policy.authenticated`. Default nil: there is none. Tornado: `login_url`.
    public var loginURL: String?
    /// Finds the name of the user who sends a request, for handlers that do not override `getCurrentUser`, closures among them.
    /// Default nil: there are no users.
    public var currentUser: (@Sendable (RequestHandler) -> String?)?
    /// Writes the page for an error, for handlers that do not override `writeError`: closures, static files, and the 404 of a
    /// path that no route serves. The function gets the handler, the status (which is set already), and the error if there is
    /// one. An error that it throws is logged, and the client gets the built-in page. Default nil: the built-in page, in HTML
    /// or as problem details.
    public var errorPage: (@Sendable (RequestHandler, HTTPResponse.Status, (any Error)?) throws -> Void)?
    /// The URL of the application as its users know it, such as `https://example.com`: what `RequestHandler.absoluteURL`
    /// puts in front of paths. Behind a proxy it may end with the path that the proxy takes away. Default nil: the scheme
    /// and host of each request, which the client chooses.
    public var baseURL: String?
    /// The host to which clients are redirected that ask for a host which no route serves. Default nil: they get 404.
    /// Tornado: `default_host`.
    public var defaultHost: String?
    /// The largest number of parts in a form of type `multipart/form-data`; a form with more gets 413. Default 100.
    /// Tornado: `ParseMultipartConfig.max_parts`.
    public var maxFormParts: Int
    /// The most bytes of the header of one part of a form of type `multipart/form-data`; a longer one gets 413. Default 10 KiB.
    /// Tornado: `ParseMultipartConfig.max_part_header_size`.
    public var maxFormPartHeaderSize: Int
    /// The most arguments of a query or a form; more get 400. Default 1,000. Tornado: `ParseUrlEncodedConfig.max_arguments`.
    public var maxArguments: Int

    /// The encoder of values that are written as JSON. All loops share it, so it must not be changed once the application runs.
    /// Give it the output formatting `.sortedKeys` where responses have entity tags, because otherwise `JSONEncoder` writes the
    /// members of equal values in different orders. Default nil: Twister's own encoder, which is several times faster; it
    /// writes members in the order in which they are encoded, and dates as ISO 8601 texts.
    public var jsonEncoder: JSONEncoder?
    /// The decoder of requests in JSON. All loops share it, so it must not be changed once the application runs. Default: a
    /// decoder that reads dates as ISO 8601 texts.
    public var jsonDecoder: JSONDecoder
    /// The most cookies of a request; more get 400. Default 1,000.
    public var maxCookies: Int
    /// The key, or keys, of signed and encrypted values. Default: none. Tornado: `cookie_secret`, `key_version`.
    public var cookieSecret: CookieSecret?
    /// Whether requests that change something have to bring a token that only the application's own pages know. Another site
    /// can then not have a browser send them (cross-site request forgery). Default false. Tornado: `xsrf_cookies`.
    public var xsrfCookies: Bool
    /// The name and the attributes of the cookie that holds the XSRF token; its value is ignored. Default: `_xsrf`,
    /// `SameSite=Lax`. Tornado: `xsrf_cookie_name`, `xsrf_cookie_kwargs`.
    public var xsrfCookie: SetCookie
    /// The format of the XSRF token. Default: version 2. Tornado: `xsrf_cookie_version`.
    public var xsrfCookieVersion: SignedValueVersion
    /// The folder of the templates; nil: there are none. They are compiled when the application is made, and again when they
    /// change under `debug`. Tornado: `template_path`.
    public var templatePath: String?
    /// Templates that the program has made itself, in place of those in `templatePath`. Default nil.
    /// Tornado: `template_loader`.
    public var templates: TemplateLibrary?
    /// Parts of pages with CSS and JavaScript of their own, for the templates in `templatePath`. Tornado: `ui_modules`.
    public var uiModules: [UIModule]
    /// The translations of the application's texts. Default: none, and the locale en_US. Tornado: `locale.load_translations`.
    public var translations: Translations
    /// The folder whose files are served at `staticURLPrefix`, with `/favicon.ico` and `/robots.txt`; nil: none.
    /// Tornado: `static_path`.
    public var staticPath: String?
    /// Where the files of `staticPath` are served. Default `/static/`. Tornado: `static_url_prefix`.
    public var staticURLPrefix: String
    /// The time between two pings to a WebSocket's client; nil: none are sent. Default nil. Tornado: `websocket_ping_interval`.
    public var webSocketPingInterval: Duration?
    /// How long a WebSocket's client may take for the pong before its connection is closed; nil: as long as the interval. Default
    /// nil. Tornado: `websocket_ping_timeout`.
    public var webSocketPingTimeout: Duration?
    /// The most bytes of a WebSocket's message, before and after it is decompressed; a longer one closes the connection with
    /// 1009. Default 10 MiB. Tornado: `websocket_max_message_size`.
    public var webSocketMaxMessageSize: Int
    /// Settings of your own, which handlers read as `application.settings.other["name"]`. Tornado: all other keyword arguments.
    public var other: [String: any Sendable]

    public init(
        debug: Bool = false, serveTraceback: Bool? = nil, prefersProblemDetails: Bool = false,
        automaticETags: Bool = false, loginURL: String? = nil,
        currentUser: (@Sendable (RequestHandler) -> String?)? = nil,
        errorPage: (@Sendable (RequestHandler, HTTPResponse.Status, (any Error)?) throws -> Void)? = nil,
        baseURL: String? = nil, defaultHost: String? = nil, maxFormParts: Int = 100,
        maxFormPartHeaderSize: Int = 10_240,
        maxArguments: Int = 1_000, jsonEncoder: JSONEncoder? = nil, jsonDecoder: JSONDecoder? = nil,
        maxCookies: Int = 1_000,
        cookieSecret: CookieSecret? = nil, xsrfCookies: Bool = false,
        xsrfCookie: SetCookie = SetCookie(name: "_xsrf", value: "", sameSite: .lax),
        xsrfCookieVersion: SignedValueVersion = .standard, templatePath: String? = nil,
        templates: TemplateLibrary? = nil, uiModules: [UIModule] = [], translations: Translations = Translations(),
        staticPath: String? = nil, staticURLPrefix: String = "/static/", webSocketPingInterval: Duration? = nil,
        webSocketPingTimeout: Duration? = nil, webSocketMaxMessageSize: Int = 10_485_760,
        other: [String: any Sendable] = [:]
    ) {
        self.debug = debug
        self.serveTraceback = serveTraceback ?? debug
        self.prefersProblemDetails = prefersProblemDetails
        self.automaticETags = automaticETags
        self.loginURL = loginURL
        self.currentUser = currentUser
        self.errorPage = errorPage
        self.baseURL = baseURL
        self.defaultHost = defaultHost
        self.maxFormParts = maxFormParts
        self.maxFormPartHeaderSize = maxFormPartHeaderSize
        self.maxArguments = maxArguments
        self.jsonEncoder = jsonEncoder
        self.jsonDecoder = jsonDecoder ?? Self.standardJSONDecoder
        self.maxCookies = maxCookies
        self.cookieSecret = cookieSecret
        self.xsrfCookies = xsrfCookies
        self.xsrfCookie = xsrfCookie
        self.xsrfCookieVersion = xsrfCookieVersion
        self.templatePath = templatePath
        self.templates = templates
        self.uiModules = uiModules
        self.translations = translations
        self.staticPath = staticPath
        self.staticURLPrefix = staticURLPrefix
        self.webSocketPingInterval = webSocketPingInterval
        self.webSocketPingTimeout = webSocketPingTimeout
        self.webSocketMaxMessageSize = webSocketMaxMessageSize
        self.other = other
    }

    /// The decoder of requests whose application has none of its own: dates are ISO 8601 texts, with or without a fraction of
    /// the second.
    public static let standardJSONDecoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            let text = try container.decode(String.self)
            guard let date = date(iso8601: text) else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "\"\(text)\" is no date of ISO 8601")
            }
            return date
        }
        return decoder
    }()

    private static func date(iso8601 text: String) -> Date? {
        let whole = try? Date.ISO8601FormatStyle().parse(text)
        // What JavaScript's `toISOString` writes has a fraction.
        return whole ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
    }

    /// The JSON text of a value, by the setting `jsonEncoder`: what `write(json:)` adds to a response.
    ///
    /// - Throws: `EncodingError`, and what the value throws when it is encoded.
    ///
    /// Tornado: `json_encode`.
    public func encodeJSON<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        try JSONBodyEncoder.encode(value, with: jsonEncoder)
    }
}
