/// A page, and the modules that it uses.
public struct RenderedPage {
    /// The text that the template rendered, without the CSS and JavaScript of its modules.
    public let html: String
    /// The modules in the order of their first use.
    public let modules: [UIModule]

    /// The page with the CSS and HTML of its modules before `</head>`, and with their JavaScript and HTML before the last
    /// `</body>`. A file that several modules need is linked once.
    ///
    /// - Throws: `TemplateError` if something is needed where the page has no `</head>` or `</body>`, and what `staticURL`
    ///   throws.
    ///
    /// Tornado: `render`, with `render_linked_js`, `render_embed_js`, `render_linked_css` and `render_embed_css`.
    public func withModules(staticURL: (_ path: String) throws -> String) throws -> String {
        let scripts = try Self.urls(modules.flatMap(\.javascriptFiles), staticURL)
            .map { #"<script src="\#(xhtmlEscape($0))" type="text/javascript"></script>"# }.joined()
        let script = modules.map(\.javascript).filter { !$0.isEmpty }.joined(separator: "\n")
        let styles = try Self.urls(modules.flatMap(\.cssFiles), staticURL)
            .map { #"<link href="\#(xhtmlEscape($0))" type="text/css" rel="stylesheet"/>"# }.joined()
        let style = modules.map(\.css).filter { !$0.isEmpty }.joined(separator: "\n")
        let head = [
            styles, style.isEmpty ? "" : "<style type=\"text/css\">\n\(style)\n</style>",
            modules.map(\.htmlHead).joined(),
        ]
        let body = [
            scripts,
            script.isEmpty ? "" : "<script type=\"text/javascript\">\n//<![CDATA[\n\(script)\n//]]>\n</script>",
            modules.map(\.htmlBody).joined(),
        ]
        let page = try Self.insert(head, before: "</head>", in: html[...], isLast: false)
        return try Self.insert(body, before: "</body>", in: page[...], isLast: true)
    }

    /// The URLs of files, each once.
    private static func urls(_ files: [String], _ staticURL: (String) throws -> String) rethrows -> [String] {
        var known: Set<String> = []
        return try files.map { isAbsolute($0) ? $0 : try staticURL($0) }.filter { known.insert($0).inserted }
    }

    private static func isAbsolute(_ path: String) -> Bool {
        ["/", "http:", "https:"].contains { path.hasPrefix($0) }
    }

    private static func insert(
        _ parts: [String], before tag: String, in page: Substring, isLast: Bool
    ) throws -> String {
        let text = parts.filter { !$0.isEmpty }.map { $0 + "\n" }.joined()
        guard !text.isEmpty else { return String(page) }
        guard var place = page.range(of: tag)?.lowerBound else {
            throw TemplateError(file: "page", reason: "its modules need \(tag), which it does not have")
        }
        while isLast, let next = page[page.utf8.index(after: place)...].range(of: tag)?.lowerBound { place = next }
        return page[..<place] + text + page[place...]
    }
}
