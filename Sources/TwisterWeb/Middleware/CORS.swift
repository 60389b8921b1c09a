public import HTTPTypes
import TwisterCodec
import TwisterHTTP

/// Lets pages of other origins read the application's responses (cross-origin resource sharing, fetch.spec.whatwg.org).
///
///     let cors = try CORS(origins: ["https://app.example.com", "https://*.example.org"], credentials: true)
///     let application = try Application(routes, middleware: [cors])
///
/// A preflight request (OPTIONS with `Origin` and `Access-Control-Request-Method`) gets its response here: neither the handler
/// nor the middleware after this one sees it. Browsers send preflights without credentials, so this middleware has to come
/// before those that ask for credentials. All other responses, those for errors among them, get the fields that let the page
/// read them.
///
/// CORS only permits what browsers forbid by default. It does not refuse requests of other origins: `CrossOriginProtection`
/// does.
public struct CORS: Middleware {
    /// Whose pages may read responses.
    public enum Origins: Sendable, ExpressibleByArrayLiteral {
        /// All pages.
        case any
        /// Pages of these origins, such as `https://example.com:8443`; `https://*.example.com` stands for all subdomains. Only
        /// with `null` in the list, sandboxed frames and local files.
        case only([String])

        public init(arrayLiteral origins: String...) { self = .only(origins) }
    }

    /// The list; nil: any.
    private let origins: OriginList?
    private let methods: String
    private let headers: String
    private let exposedHeaders: String
    private let credentials: Bool
    private let maxAge: String

    /// - Parameters:
    ///   - origins: whose pages may read responses.
    ///   - methods: the methods that these pages may use.
    ///   - headers: the header fields that these pages may send, besides those that every page may.
    ///   - exposedHeaders: the fields of responses that scripts may read, besides those that every script may.
    ///   - credentials: whether browsers send cookies along, and let scripts read the responses to such requests. Default false.
    ///   - maxAge: how long a browser remembers the response to a preflight. Default 10 minutes.
    /// - Throws: `OriginError` for a text that is no origin, and for credentials together with any origin or with `null`.
    public init(
        origins: Origins, methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete],
        headers: [HTTPField.Name] = [.accept, .authorization, .contentType], exposedHeaders: [HTTPField.Name] = [],
        credentials: Bool = false, maxAge: Duration = .seconds(600)
    ) throws(OriginError) {
        switch origins {
        case .any:
            if credentials { throw .credentialsForAll }
            self.origins = nil
        case .only(let texts):
            let list = try OriginList(texts)
            if credentials, list.allowsNull { throw .credentialsForNull }
            self.origins = list
        }
        self.methods = methods.map(\.rawValue).joined(separator: ", ")
        self.headers = headers.map(\.rawName).joined(separator: ", ")
        self.exposedHeaders = exposedHeaders.map(\.rawName).joined(separator: ", ")
        self.credentials = credentials
        self.maxAge = String(max(maxAge.components.seconds, 0))
    }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        let allowed = allowedOrigin(handler)
        guard !isPreflight(handler) else { return respond(handler, allowed) }
        // At the last moment, so that responses for errors have the fields, too.
        handler.beforeHead { handler in
            if origins != nil { handler.connection.addVary("Origin") }
            guard let allowed, !handler.connection.head.contains(.accessControlAllowOrigin) else { return }
            share(handler, with: allowed)
            if !exposedHeaders.isEmpty { handler.setTrustedHeader(.accessControlExposeHeaders, exposedHeaders) }
        }
        try await next()
    }

    /// The value of `Access-Control-Allow-Origin`; nil: the page may not read the response. It is `*` or one of the listed
    /// origins: nothing else of the request gets into the response.
    private func allowedOrigin(_ handler: RequestHandler) -> String? {
        guard let origins else { return "*" }
        let sent = handler.request.headers.values(for: .origin)
        guard sent.count == 1, origins.contains(sent[0]) else { return nil }
        return WebOrigin(sent[0])?.text ?? "null"
    }

    private func isPreflight(_ handler: RequestHandler) -> Bool {
        let request = handler.request
        return request.method == .options && request.headers.contains(.origin)
            && request.headers.contains(.accessControlRequestMethod)
    }

    private func respond(_ handler: RequestHandler, _ allowed: String?) {
        handler.setStatus(.noContent)
        if origins != nil {
            handler.connection.addVary("Origin")
            handler.connection.addVary("Access-Control-Request-Method")
            handler.connection.addVary("Access-Control-Request-Headers")
        }
        if let allowed {
            share(handler, with: allowed)
            handler.setTrustedHeader(.accessControlAllowMethods, methods)
            if !headers.isEmpty { handler.setTrustedHeader(.accessControlAllowHeaders, headers) }
            handler.setTrustedHeader(.accessControlMaxAge, maxAge)
        }
        handler.finish()
    }

    private func share(_ handler: RequestHandler, with allowed: String) {
        handler.setTrustedHeader(.accessControlAllowOrigin, allowed)
        if credentials { handler.setTrustedHeader(.accessControlAllowCredentials, "true") }
    }
}
