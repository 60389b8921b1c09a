import TwisterHTTP

/// The sources from which a page may load and run content (Content Security Policy Level 3). Each function returns the policy
/// with one more directive:
///
///     let policy = ContentSecurityPolicy()
///         .defaultSrc(.self)
///         .scriptSrc(.nonce, .strictDynamic)
///         .imgSrc(.self, .host("https://images.example.com"), .data)
///         .upgradeInsecureRequests()
///
/// A directive that is set again is replaced. A source or a name that would begin another directive ends the program, because
/// policies are written by programmers and not by clients.
public struct ContentSecurityPolicy: Sendable, Hashable {
    private var directives: [Directive] = []
    /// Whether browsers only report what the policy would forbid (`Content-Security-Policy-Report-Only`). Default false.
    public var isReportOnly: Bool

    private struct Directive: Sendable, Hashable {
        var name: String
        var sources: [Source]
    }

    public init(reportOnly: Bool = false) { isReportOnly = reportOnly }

    /// A source of content.
    public struct Source: Sendable, Hashable {
        /// Nil for the nonce of the response.
        let text: String?

        /// No source. It has to be the only one of its directive.
        public static let none = Source("'none'")
        /// The page's own origin.
        public static let `self` = Source("'self'")
        /// Scripts and styles with the attribute `nonce`, whose value is `RequestHandler.cspNonce`, in templates `{{csp_nonce}}`.
        public static let nonce = Source(nil)
        /// Scripts that a trusted script loads.
        public static let strictDynamic = Source("'strict-dynamic'")
        /// Scripts and styles in the page itself, even those that an attacker has brought into it.
        public static let unsafeInline = Source("'unsafe-inline'")
        /// `eval` in scripts.
        public static let unsafeEval = Source("'unsafe-eval'")
        /// WebAssembly in scripts.
        public static let wasmUnsafeEval = Source("'wasm-unsafe-eval'")
        /// URLs with the scheme `data:`.
        public static let data = Source("data:")
        /// URLs with the scheme `blob:`.
        public static let blob = Source("blob:")
        /// URLs with the scheme `https:`.
        public static let https = Source("https:")

        /// A host, with or without scheme, port and path: `https://cdn.example.com`, `*.example.com`.
        public static func host(_ text: String) -> Source { Source(text) }

        /// Scripts and styles with this hash, in base64: `.hash("sha256", "…")`.
        public static func hash(_ algorithm: String, _ digest: String) -> Source { Source("'\(algorithm)-\(digest)'") }

        private init(_ text: String?) {
            if let text { ContentSecurityPolicy.check(text) }
            self.text = text
        }
    }

    // MARK: Directives

    /// Sources for everything that has no directive of its own.
    public func defaultSrc(_ sources: Source...) -> Self { setting("default-src", sources) }
    /// Sources of scripts.
    public func scriptSrc(_ sources: Source...) -> Self { setting("script-src", sources) }
    /// Sources of style sheets.
    public func styleSrc(_ sources: Source...) -> Self { setting("style-src", sources) }
    /// Sources of images.
    public func imgSrc(_ sources: Source...) -> Self { setting("img-src", sources) }
    /// Sources of fonts.
    public func fontSrc(_ sources: Source...) -> Self { setting("font-src", sources) }
    /// The addresses that scripts may connect to by `fetch`, WebSocket and `EventSource`.
    public func connectSrc(_ sources: Source...) -> Self { setting("connect-src", sources) }
    /// Sources of audio and video.
    public func mediaSrc(_ sources: Source...) -> Self { setting("media-src", sources) }
    /// Sources of plugins; `.none` is best.
    public func objectSrc(_ sources: Source...) -> Self { setting("object-src", sources) }
    /// Sources of frames that the page shows.
    public func frameSrc(_ sources: Source...) -> Self { setting("frame-src", sources) }
    /// Sources of workers.
    public func workerSrc(_ sources: Source...) -> Self { setting("worker-src", sources) }
    /// Sources of the application manifest.
    public func manifestSrc(_ sources: Source...) -> Self { setting("manifest-src", sources) }
    /// The addresses that `<base>` may name.
    public func baseURI(_ sources: Source...) -> Self { setting("base-uri", sources) }
    /// The addresses that forms may be sent to.
    public func formAction(_ sources: Source...) -> Self { setting("form-action", sources) }
    /// The pages that may show this one in a frame. Takes precedence over `SecurityHeaders.Frames`.
    public func frameAncestors(_ sources: Source...) -> Self { setting("frame-ancestors", sources) }
    /// Has the browser load URLs with `http:` by `https:`.
    public func upgradeInsecureRequests() -> Self { setting("upgrade-insecure-requests", []) }
    /// The group of `Reporting-Endpoints` that violations are reported to.
    public func reportTo(_ group: String) -> Self { setting("report-to", [.host(group)]) }

    /// A directive by its name, for those that have no function here.
    public func directive(_ name: String, _ sources: Source...) -> Self { setting(name, sources) }

    private func setting(_ name: String, _ sources: [Source]) -> Self {
        Self.check(name)
        precondition(
            sources.count < 2 || !sources.contains(.none), "ContentSecurityPolicy: 'none' stands alone in \(name)")
        var policy = self
        policy.directives.removeAll { $0.name == name }
        policy.directives.append(Directive(name: name, sources: sources))
        return policy
    }

    private static func check(_ text: String) {
        precondition(
            !text.isEmpty
                && text.utf8.allSatisfy {
                    $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",")
                },
            "ContentSecurityPolicy: \"\(text)\" has white space, a comma, a semicolon, or is empty")
    }

    // MARK: The field

    var isEmpty: Bool { directives.isEmpty }
    var hasNonce: Bool { directives.contains { $0.sources.contains(.nonce) } }

    /// The policy with a directive `frame-ancestors`, unless it has one, or only reports.
    func defaultingFrameAncestors(_ sources: [Source]) -> ContentSecurityPolicy {
        if isReportOnly || directives.contains(where: { $0.name == "frame-ancestors" }) { return self }
        return setting("frame-ancestors", sources)
    }

    func text(nonce: String) -> String {
        directives.map { directive in
            ([directive.name] + directive.sources.map { $0.text ?? "'nonce-\(nonce)'" }).joined(separator: " ")
        }.joined(separator: "; ")
    }
}

extension RequestHandler {
    /// The value of the attribute `nonce` of the scripts and styles of this response that a `ContentSecurityPolicy` with `.nonce`
    /// allows: 128 random bits in base64, other ones for each request. Templates have it as `{{csp_nonce}}`.
    public final var cspNonce: String {
        connection.checkThread("RequestHandler.cspNonce")
        let extras = madeExtras
        if let known = extras.cspNonce { return known }
        let nonce = String(decoding: Base64.standard.encode(RandomOctets.make(16)), as: UTF8.self)
        extras.cspNonce = nonce
        return nonce
    }
}
