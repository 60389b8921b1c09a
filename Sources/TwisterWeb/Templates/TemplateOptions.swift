/// How templates are compiled and rendered.
public struct TemplateOptions: Sendable {
    /// Whether values are escaped for HTML. A template may differ by `{{% CONTENT_TYPE:TEXT}}` or `{{% CONTENT_TYPE:HTML}}` at
    /// its beginning; one whose name ends in `.txt` is text. The default is true.
    ///
    /// Tornado: `autoescape`.
    public var autoescape: Bool
    /// The default is `all`.
    public var whitespace: TemplateWhitespace
    /// Whether changed files are compiled again, and a value that is shown but does not exist is an error instead of
    /// empty text. For development. The default is false.
    ///
    /// Tornado: `compiled_template_cache` set to False.
    public var reloads: Bool

    public init(autoescape: Bool = true, whitespace: TemplateWhitespace = .all, reloads: Bool = false) {
        self.autoescape = autoescape
        self.whitespace = whitespace
        self.reloads = reloads
    }
}
