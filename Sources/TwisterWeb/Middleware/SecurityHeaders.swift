import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// Sets the header fields with which browsers protect a page's users. A field that the handler sets by itself stays as it is.
///
///     let policy = ContentSecurityPolicy().defaultSrc(.self).scriptSrc(.self, .nonce).objectSrc(.none)
///     let application = try Application(routes, middleware: [SecurityHeaders(contentSecurityPolicy: policy)])
///
/// By default: `X-Content-Type-Options: nosniff`, `Referrer-Policy: strict-origin-when-cross-origin`, no page of another one
/// may show the response in a frame, `Cross-Origin-Opener-Policy: same-origin`, and over https `Strict-Transport-Security` for
/// a year. The content security policy depends on the application's pages, and so there is none by default.
public struct SecurityHeaders: Middleware {
    /// Which pages may show a response in a frame: the directive `frame-ancestors`, and `X-Frame-Options` for old browsers.
    public enum Frames: Sendable, Hashable {
        /// No page: otherwise a page could lay this one under another one in a frame, so that users click what they do not see.
        case deny
        /// Pages of the same origin.
        case sameOrigin
        /// Pages of the same origin and of these origins (`https://example.com`).
        case only([String])
        /// All pages.
        case any
    }

    /// The part of a page's address that a browser sends as `Referer` to the pages which it links to (Referrer Policy, 3).
    public enum ReferrerPolicy: String, Sendable, CaseIterable {
        case noReferrer = "no-referrer"
        case noReferrerWhenDowngrade = "no-referrer-when-downgrade"
        case origin
        case originWhenCrossOrigin = "origin-when-cross-origin"
        case sameOrigin = "same-origin"
        case strictOrigin = "strict-origin"
        case strictOriginWhenCrossOrigin = "strict-origin-when-cross-origin"
        case unsafeURL = "unsafe-url"
    }

    /// Whether a page shares its process and its `window` with the pages that it opens or that have opened it.
    public enum OpenerPolicy: String, Sendable, CaseIterable {
        case sameOrigin = "same-origin"
        case sameOriginAllowPopups = "same-origin-allow-popups"
        case noOpenerAllowPopups = "noopener-allow-popups"
        case unsafeNone = "unsafe-none"
    }

    /// How long browsers use https for the host, even where a link says http (RFC 6797).
    public struct TransportSecurity: Sendable, Hashable {
        /// How long, in whole seconds, this holds after the last response that said so.
        public var maxAge: Duration
        /// Whether this holds for all subdomains, too. Default false.
        public var includesSubdomains: Bool
        /// Whether the host may be in the list that browsers are delivered with, which is hard to undo. Default false.
        public var preload: Bool

        public init(
            maxAge: Duration = .seconds(365 * 86_400), includesSubdomains: Bool = false, preload: Bool = false
        ) {
            self.maxAge = maxAge
            self.includesSubdomains = includesSubdomains
            self.preload = preload
        }

        var text: String {
            "max-age=\(max(maxAge.components.seconds, 0))\(includesSubdomains ? "; includeSubDomains" : "")"
                + (preload ? "; preload" : "")
        }
    }

    private let fields: [(name: HTTPField.Name, value: String)]
    private let transportSecurity: String?
    private let policy: ContentSecurityPolicy

    /// - Parameters:
    ///   - contentSecurityPolicy: the sources from which a page may load and run content. Default: no policy but
    ///     `frame-ancestors`.
    ///   - frames: which pages may show a response in a frame. A policy that has `frameAncestors` takes precedence.
    ///   - referrerPolicy: what other pages learn of the page's address; nil: the browser decides.
    ///   - transportSecurity: `Strict-Transport-Security`, sent over https only (`request.protocol`), and not for
    ///     `localhost`, names below it and IP addresses; nil: it is not sent.
    ///   - openerPolicy: `Cross-Origin-Opener-Policy`; nil: not sent.
    ///   - permissions: features of the browser by their names in `Permissions-Policy`, with the origins that may use them; an
    ///     empty list is for none, and `"self"` the page's own: `["camera": [], "geolocation": ["self"]]`.
    public init(
        contentSecurityPolicy: ContentSecurityPolicy = ContentSecurityPolicy(), frames: Frames = .deny,
        referrerPolicy: ReferrerPolicy? = .strictOriginWhenCrossOrigin,
        transportSecurity: TransportSecurity? = TransportSecurity(), openerPolicy: OpenerPolicy? = .sameOrigin,
        permissions: KeyValuePairs<String, [String]> = [:]
    ) {
        var fields: [(name: HTTPField.Name, value: String)] = [(.xContentTypeOptions, "nosniff")]
        if let referrerPolicy { fields += Self.field("Referrer-Policy", referrerPolicy.rawValue) }
        if let openerPolicy { fields += Self.field("Cross-Origin-Opener-Policy", openerPolicy.rawValue) }
        if !permissions.isEmpty { fields += Self.field("Permissions-Policy", Self.text(permissions)) }
        switch frames {
        case .deny:
            fields += Self.field("X-Frame-Options", "DENY")
            policy = contentSecurityPolicy.defaultingFrameAncestors([.none])
        case .sameOrigin:
            fields += Self.field("X-Frame-Options", "SAMEORIGIN")
            policy = contentSecurityPolicy.defaultingFrameAncestors([.self])
        case .only(let origins):
            // `X-Frame-Options` cannot name other origins: browsers that do not know the directive show the page everywhere.
            policy = contentSecurityPolicy.defaultingFrameAncestors([.self] + origins.map { .host($0) })
        case .any: policy = contentSecurityPolicy
        }
        self.fields = fields
        self.transportSecurity = transportSecurity?.text
    }

    /// Runs around one handler.
    public func handle(_ handler: RequestHandler, next: () async throws -> Void) async throws {
        handler.beforeHead { handler in
            for field in fields { setDefault(field.name, field.value, handler) }
            if let transportSecurity, handler.request.protocol == "https", !Self.isLocal(handler.request.hostName) {
                setDefault(.strictTransportSecurity, transportSecurity, handler)
            }
            // A browser that keeps a page has the nonce of that page: a 304 must not tell it another one.
            guard !policy.isEmpty, !(policy.hasNonce && handler.connection.head.status == 304) else { return }
            let nonce = policy.hasNonce ? handler.cspNonce : ""
            let name: HTTPField.Name = policy.isReportOnly ? .contentSecurityPolicyReportOnly : .contentSecurityPolicy
            setDefault(name, policy.text(nonce: nonce), handler)
        }
        try await next()
    }

    /// Whether a host is this machine by its name, or an IP address. A browser would keep `Strict-Transport-Security` of
    /// `https://localhost` for all ports of the developer's machine; for an address it ignores the field (RFC 6797, 8.1.1).
    private static func isLocal(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host.hasPrefix("[") || isValidIP(host)
    }

    private func setDefault(_ name: HTTPField.Name, _ value: String, _ handler: RequestHandler) {
        if !handler.connection.head.contains(name) { handler.setTrustedHeader(name, value) }
    }

    private static func field(_ name: String, _ value: String) -> [(name: HTTPField.Name, value: String)] {
        HTTPField.Name(name).map { [($0, value)] } ?? []
    }

    /// `camera=(), geolocation=(self "https://example.com")`, a dictionary of structured fields (RFC 9651, 3.2).
    private static func text(_ permissions: KeyValuePairs<String, [String]>) -> String {
        permissions.map { feature, origins in
            precondition(
                !feature.isEmpty && feature.utf8.allSatisfy { $0 == UInt8(ascii: "-") || isLowercaseLetter($0) },
                "SecurityHeaders: \"\(feature)\" is no name of a feature in Permissions-Policy")
            let members = origins.map { origin in
                if origin == "self" || origin == "*" { return origin }
                precondition(
                    WebOrigin(origin) != nil, "SecurityHeaders: \"\(origin)\" is no origin: \"https://example.com\"")
                return "\"\(origin)\""
            }
            return "\(feature)=(\(members.joined(separator: " ")))"
        }.joined(separator: ", ")
    }

    private static func isLowercaseLetter(_ octet: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet)
    }
}
