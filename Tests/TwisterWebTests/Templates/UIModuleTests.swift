import Testing
import TwisterWeb

@Suite("UI modules")
struct UIModuleTests {
    private static let entry: UIModule = {
        var module = UIModule(name: "Entry", template: "<p>{{title}} {{number}}</p>\n")
        module.css = ".entry { color: red }"
        module.javascript = "entry();"
        module.cssFiles = ["entry.css", "https://cdn.example/a.css"]
        module.javascriptFiles = ["entry.js", "shared.js"]
        module.htmlHead = "<meta>"
        module.htmlBody = "<hr>"
        module.values = { ["number": $0.first ?? "none"] }
        return module
    }()

    private static let other: UIModule = {
        var module = UIModule(name: "Other", template: "other")
        module.javascriptFiles = ["shared.js", "/other.js?a&b"]
        return module
    }()

    private static func render(_ body: String, _ values: [String: Any] = ["title": "<T>"]) throws -> RenderedPage {
        let page = "<html><head></head><body>\(body)</body></html>"
        return try TemplateLibrary(templates: ["page.html": page], modules: [entry, other])
            .render("page", TemplateNamespace(values: values))
    }

    @Test(
        "BH-12: a module sees the values around it, and the words after its name",
        arguments: [
            ("{{#module}}Entry {{n}}{{/module}}", "<p>&lt;T&gt; 5</p>\n"),
            ("{{#module}} Entry {{/module}}", "<p>&lt;T&gt; none</p>\n"),
            ("{{> modules/Entry}}", "<p>&lt;T&gt; </p>\n"),
            ("{{#list}}{{#module}}Entry {{.}}{{/module}}{{/list}}", "<p>&lt;T&gt; 1</p>\n<p>&lt;T&gt; 2</p>\n"),
        ])
    func values(text: String, want: String) throws {
        let page = try Self.render(text, ["title": "<T>", "n": 5, "list": [1, 2]])
        #expect(page.html == "<html><head></head><body>\(want)</body></html>")
        #expect(page.modules.map(\.name) == ["Entry"])
    }

    @Test("RH-30 RH-32 BH-12: what modules need stands in the page once, in Tornado's order")
    func resources() throws {
        let page = try Self.render(
            "{{#module}}Entry{{/module}}{{> modules/Entry}}{{#module}}Other{{/module}}</body>")
        #expect(
            try page.withModules { "/static/\($0)" } == """
                <html><head><link href="/static/entry.css" type="text/css" rel="stylesheet"/>\
                <link href="https://cdn.example/a.css" type="text/css" rel="stylesheet"/>
                <style type="text/css">
                .entry { color: red }
                </style>
                <meta>
                </head><body><p>&lt;T&gt; none</p>
                <p>&lt;T&gt; </p>
                other</body><script src="/static/entry.js" type="text/javascript"></script>\
                <script src="/static/shared.js" type="text/javascript"></script>\
                <script src="/other.js?a&amp;b" type="text/javascript"></script>
                <script type="text/javascript">
                //<![CDATA[
                entry();
                //]]>
                </script>
                <hr>
                </body></html>
                """)
    }

    @Test("BH-12: a page without modules does not change; one without the place for them is an error")
    func places() throws {
        let plain = try Self.render("x")
        #expect(plain.modules.isEmpty)
        #expect(try plain.withModules { $0 } == plain.html)
        let library = try TemplateLibrary(templates: ["page.html": "{{> modules/Entry}}"], modules: [Self.entry])
        let page = try library.render("page")
        #expect(throws: TemplateError.self) { try page.withModules { $0 } }
    }

    @Test("BH-12: a module that does not exist is an error")
    func unknown() {
        #expect(throws: TemplateError.self) { try Self.render("{{#module}}None{{/module}}") }
        #expect(throws: TemplateError.self) { try Self.render("{{> modules/None}}") }
    }
}
