/// The values and functions that a template may name.
///
/// Values are texts, numbers, Booleans, optionals, arrays, sets, dictionaries with text keys, and structs and classes, whose
/// stored properties are found by name. Everything else is shown as its description. A section is rendered for each element of
/// a list, and once for another value, but not for nil, false or an empty list.
///
/// Tornado: `get_template_namespace`.
public struct TemplateNamespace {
    /// The values, by name.
    public var values: [String: Any]
    /// The functions, by name.
    public var functions: [String: TemplateFunction]
    /// Values that are made only where a template names them, because making them has an effect.
    var lazyValues: [String: () -> Any] = [:]

    /// A namespace with the functions that need no handler: `xhtml_escape`, `url_escape`, `squeeze`, `linkify`, and
    /// `json_encode` for values.
    public init(values: [String: Any] = [:], functions: [String: TemplateFunction] = [:]) {
        self.values = values
        self.functions = TemplateFunction.escapes.merging(functions) { _, own in own }
    }

    /// The namespace of a handler: also `handler`, `request`, `current_user` and `locale` (its `code` and `rtl`), and the
    /// functions `static_url`, `reverse_url` (a name and arguments), `_` (a translation; tags stand in the message as they
    /// are) and `xsrf_form_html`, which is called only if a template names it.
    public init(
        handler: Any, request: Any, currentUser: Any?, locale: WebLocale,
        staticURL: @escaping (_ path: String) throws -> String,
        reverseURL: @escaping (_ name: String, _ arguments: [String]) throws -> String,
        xsrfFormHTML: @escaping () throws -> String
    ) {
        self.init(
            values: [
                "handler": handler, "request": request, "current_user": currentUser as Any,
                "locale": ["code": locale.code, "rtl": locale.isRightToLeft] as [String: Any],
            ],
            functions: [
                "static_url": .text { try staticURL($0.trimmed) },
                "reverse_url": .words { words in try reverseURL(words.first ?? "", Array(words.dropFirst())) },
                "_": .message { locale.translate($0) },
                "xsrf_form_html": .words(markup: true) { _ in try xsrfFormHTML() },
            ])
    }
}
