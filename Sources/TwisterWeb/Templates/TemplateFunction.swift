/// A function that templates call: `{{#static_url}}hello.txt{{/static_url}}` with a text in which tags may stand, or
/// `{{static_url(image)}}` with a value.
///
/// What it returns is escaped as any other text, unless it returns markup and is called as a section, or stands in
/// `{{{...}}}`.
///
/// Tornado: a function of the template's namespace, `ui_methods`.
public struct TemplateFunction {
    enum Form {
        case text((String) throws -> String)
        case words(([String]) throws -> String)
        /// The function returns a template, which is rendered where the call stands.
        case message((String) throws -> String)
    }

    let form: Form
    let isMarkup: Bool

    /// A function of one argument: all the text of the section.
    public static func text(markup: Bool = false, _ body: @escaping (String) throws -> String) -> Self {
        Self(form: .text(body), isMarkup: markup)
    }

    /// A function of several arguments: the words of the section. A tag is one word or a part of one, also if its value has
    /// blanks.
    public static func words(markup: Bool = false, _ body: @escaping ([String]) throws -> String) -> Self {
        Self(form: .words(body), isMarkup: markup)
    }

    /// A function that changes the template in the section before it is rendered, such as a translation.
    static func message(_ body: @escaping (String) throws -> String) -> Self {
        Self(form: .message(body), isMarkup: true)
    }

    /// The result for arguments that are values already.
    func call(_ arguments: [String]) throws -> String {
        switch form {
        case .text(let body), .message(let body): try body(arguments.joined(separator: " "))
        case .words(let body): try body(arguments)
        }
    }

    /// The escapes that each template may use.
    static var escapes: [String: TemplateFunction] {
        [
            "xhtml_escape": .text(xhtmlEscape), "url_escape": .text { urlEscape($0) }, "squeeze": .text(squeeze),
            "linkify": .text(markup: true) { linkify($0) },
        ]
    }
}
