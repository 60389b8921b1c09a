/// A part of pages with its own CSS and JavaScript, used in a template as `{{#module}}Entry{{/module}}` or
/// `{{> modules/Entry}}`. What the modules of a page need is put into the page once.
///
/// Tornado: `UIModule`.
public struct UIModule: Sendable {
    /// A name of letters, digits and `_`.
    public var name: String
    /// The template. It sees the values of the place where it is used.
    public var template: String
    /// Tornado: `embedded_css`.
    public var css = ""
    /// Tornado: `embedded_javascript`.
    public var javascript = ""
    /// Paths below the static folder, or URLs. Tornado: `css_files`.
    public var cssFiles: [String] = []
    /// Paths below the static folder, or URLs. Tornado: `javascript_files`.
    public var javascriptFiles: [String] = []
    /// HTML for the end of the head. Tornado: `html_head`.
    public var htmlHead = ""
    /// HTML for the end of the body. Tornado: `html_body`.
    public var htmlBody = ""
    /// Further values for the template, made of the words after the module's name: `{{#module}}Entry {{id}}{{/module}}`.
    ///
    /// Tornado: `render`.
    public var values: @Sendable (_ arguments: [String]) -> [String: Any] = { _ in [:] }

    public init(name: String, template: String) {
        self.name = name
        self.template = template
    }

    /// The name by which the compiled template of a module tells that it is rendered.
    static let marker = "twister_module"

    /// The name of the module's template.
    var templateName: String { "modules/\(name)" }
}
