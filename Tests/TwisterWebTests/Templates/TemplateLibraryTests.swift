import FoundationEssentials
import Testing
import TwisterWeb

@Suite("Template libraries")
struct TemplateLibraryTests {
    private static func render(_ text: String, _ values: [String: Any] = [:]) throws -> String {
        try TemplateLibrary(templates: ["page.html": text]).renderString("page", TemplateNamespace(values: values))
    }

    private static func error(_ templates: [String: String], modules: [UIModule] = []) -> TemplateError? {
        do {
            _ = try TemplateLibrary(templates: templates, modules: modules)
            return nil
        } catch {
            return error
        }
    }

    private static let page = [
        "layout.html": """
        <!DOCTYPE html>
        <html><head><title>{{$title}}Twin{{/title}}</title></head>
        <body>{{$body}}{{/body}}</body></html>

        """,
        "page.html": "{{<layout}}{{$title}}Hello {{name}}{{/title}}{{$body}}<h1>Hello, {{name}}!</h1>"
            + "<p>{{#admin}}admin{{/admin}}{{^admin}}guest{{/admin}}</p>"
            + "{{^empty(items)}}<ul>{{#items}}<li>ITEM {{plusone(index())}}: {{.}}</li>{{/items}}</ul>{{/empty(items)}}"
            + "{{^items}}<p>nothing</p>{{/items}}<p>{{{note}}}</p>{{/body}}{{/layout}}",
    ]

    @Test("TP-3 TP-4 TP-6 RH-30: a page with a layout, a list, conditions and markup, by octets")
    func twinPage() throws {
        let library = try TemplateLibrary(templates: Self.page)
        let values: [String: Any] = [
            "name": "<&\"'>", "items": ["first", "<b>"], "admin": true, "note": "<b>raw</b>",
        ]
        let name = "&lt;&amp;&quot;&#x27;&gt;"
        #expect(
            try library.renderString("page.html", TemplateNamespace(values: values))
                == "<!DOCTYPE html>\n<html><head><title>Hello \(name)</title></head>\n<body><h1>Hello, \(name)!</h1><p>admin</p>"
                + "<ul><li>ITEM 1: first</li><li>ITEM 2: &lt;b&gt;</li></ul><p><b>raw</b></p></body></html>\n")
        let few: [String: Any] = ["name": "A", "items": [String](), "admin": false, "note": "<b>raw</b>"]
        #expect(
            try library.renderString("page", TemplateNamespace(values: few))
                == "<!DOCTYPE html>\n<html><head><title>Hello A</title></head>\n<body><h1>Hello, A!</h1><p>guest</p>"
                + "<p>nothing</p><p><b>raw</b></p></body></html>\n")
    }

    @Test(
        "SET-15 ES-1: no value leaves an attribute or starts a tag, not even one with combining characters",
        arguments: ["\"", "'", "<", ">", "&"])
    func escaping(dangerous: String) throws {
        for joined in ["\u{301}", "\u{200D}", "\u{FE0F}", "\u{20DD}", ""] {
            let html = try Self.render(
                "<a title=\"{{x}}\">{{#list}}{{.}}{{/list}}</a>",
                ["x": dangerous + joined, "list": [dangerous + joined]])
            #expect(html == "<a title=\"\(xhtmlEscape(dangerous))\(joined)\">\(xhtmlEscape(dangerous))\(joined)</a>")
        }
    }

    @Test("SET-15: a partial, a layout and a block escape as well; {{{ and {{& do not")
    func escapingEverywhere() throws {
        let library = try TemplateLibrary(templates: [
            "part.html": "{{x}}", "layout.html": "[{{$a}}{{/a}}|{{$b}}{{x}}{{/b}}]",
            "page.html": "{{> part}}{{<layout}}{{$a}}{{x}}{{/a}}{{/layout}}{{{x}}}{{&x}}",
        ])
        #expect(
            try library.renderString("page", TemplateNamespace(values: ["x": "\"\u{301}"]))
                == "&quot;\u{301}[&quot;\u{301}|&quot;\u{301}]\"\u{301}\"\u{301}")
    }

    @Test("SET-15: text files, a library and a template without escaping")
    func unescaped() throws {
        let templates = ["a.txt": "{{x}}", "b.html": "{{x}}", "c.html": "{{% CONTENT_TYPE:TEXT}}{{x}}"]
        let values = TemplateNamespace(values: ["x": "<"])
        let library = try TemplateLibrary(templates: templates)
        #expect(try ["a.txt", "b", "c"].map { try library.renderString($0, values) } == ["<", "&lt;", "<"])
        let plain = try TemplateLibrary(
            templates: ["b.html": "{{x}}", "d.html": "{{% CONTENT_TYPE:HTML}}\n{{x}}"],
            options: .init(autoescape: false))
        #expect(
            try ["b", "d"].map { try plain.renderString($0, TemplateNamespace(values: ["x": "\"\u{301}"])) }
                == ["\"\u{301}", "&quot;\u{301}"])
    }

    @Test("TP-6: partials are indented, and standalone tags leave no lines")
    func indentation() throws {
        let library = try TemplateLibrary(templates: [
            "sub/part.html": "<li>{{.}}</li>\n",
            "page.html": "{{! a comment }}\n<ul>\n  {{#items}}\n  {{> sub/part}}\n  {{/items}}\n</ul>\n",
        ])
        #expect(
            try library.renderString("page", TemplateNamespace(values: ["items": [1, 2]]))
                == "<ul>\n  <li>1</li>\n  <li>2</li>\n</ul>\n")
    }

    @Test("TP-5: white space is kept, made single, or made one line")
    func whitespace() throws {
        let text = "<p>\n\n   a \t b\n  {{x}}  </p>\n"
        for (mode, want) in [
            (TemplateWhitespace.all, "<p>\n\n   a \t b\n  1  </p>\n"), (.single, "<p>\na b\n1 </p>\n"),
            (.oneLine, "<p> a b 1 </p> "),
        ] {
            let library = try TemplateLibrary(templates: ["p.html": text], options: .init(whitespace: mode))
            #expect(try library.renderString("p", TemplateNamespace(values: ["x": 1])) == want)
        }
    }

    @Test(
        "TP-8: a template that cannot be compiled is an error with its file and line",
        arguments: [
            ("a\n{{#x}}\nb", 2), ("a\n\n{{/x}}", 3), ("{{x", 1), ("\n{{x y}}", 2), ("\n{{=| |=}}|#a||/a|", 2),
            ("{{#f}}{{/f}}", 1),
            ("\n\n{{% NO:1}}", 3), ("a\n{{> none}}", 2), ("a\n\n{{<none}}{{/none}}", 3), ("x\n{{> page}}", 2),
            ("{{^a}}{{> page}}{{/a}}", 1),
        ])
    func malformed(text: String, line: Int) throws {
        for whitespace in [TemplateWhitespace.all, .oneLine] {
            let error = try #require(throws: TemplateError.self) {
                try TemplateLibrary(templates: ["page.html": text], options: .init(whitespace: whitespace))
            }
            #expect(error.file == "page.html")
            #expect(error.line == line)
            #expect(!error.reason.isEmpty)
        }
    }

    @Test(
        "TP-8: the error for a section that does not end by its own name has both tags",
        arguments: [
            ("\n{{#items}}\na\n{{/item}}", 4, "{{/item}} does not end {{#items}}, which is open since line 2"),
            ("{{^a}}{{#b}}x{{/a}}{{/b}}", 1, "{{/a}} does not end {{#b}}, which is open since line 1"),
            ("a\n{{/a}}", 2, "{{/a}} ends a section that is not open"),
            ("a\n{{#a}}\n\n{{#b}}x{{/b}}\n", 2, "{{#a}} is not closed"),
        ])
    func sections(text: String, line: Int, reason: String) {
        #expect(Self.error(["page.html": text]) == TemplateError(file: "page.html", line: line, reason: reason))
    }

    @Test("TP-8: two templates of one name, a circle of templates, a bad module: errors")
    func sets() {
        #expect(Self.error(["a.html": "", "a.mustache": ""])?.reason == #"there is another template named "a""#)
        #expect(Self.error(["a.html": "{{> b}}", "b.html": "{{<c}}{{/c}}", "c.html": "\n{{> a}}"])?.line != nil)
        #expect(Self.error(["a.html": "{{#x}}{{> a}}{{/x}}"]) == nil)
        #expect(Self.error([:], modules: [UIModule(name: "a b", template: "")]) != nil)
        #expect(Self.error([:], modules: [UIModule(name: "A", template: "{{#x}}")])?.file == "modules/A")
    }

    @Test("TP-8: no text traps the compiler, cut at every point or with flipped bits")
    func mutations() {
        let text =
            "{{<layout}}{{$t}}a{{/t}}{{/layout}}{{=<% %>=}}<%#x(y)%> <%{z}%>\n<%> p%><%/x(y)%><%={{ }}=%>{{! c }}{{{q}}}"
        let octets = Array(text.utf8)
        for index in octets.indices {
            _ = Self.error(["a.html": String(decoding: octets[..<index], as: UTF8.self)])
            _ = Self.error(["a.html": String(decoding: octets[index...], as: UTF8.self)])
            for bit in 0..<8 {
                var flipped = octets
                flipped[index] ^= 1 << bit
                _ = Self.error(["a.html": String(decoding: flipped, as: UTF8.self), "layout.html": "", "p.html": ""])
            }
        }
    }

    @Test("a template that includes itself for data without an end is an error")
    func recursion() throws {
        let library = try TemplateLibrary(templates: ["node.html": "{{name}}{{#children}}{{> node}}{{/children}}"])
        // A leaf without its own list finds the list around it, again and again.
        let trap: [String: Any] = ["name": "a", "children": [["name": "b"]]]
        #expect(throws: TemplateError.self) { try library.renderString("node", TemplateNamespace(values: trap)) }
        var deep: [String: Any] = ["name": "x", "children": [Any]()]
        for _ in 0..<20 { deep = ["name": "x", "children": [deep]] }
        #expect(try library.renderString("node", TemplateNamespace(values: deep)) == String(repeating: "x", count: 21))
    }

    @Test("TP-1: a value that does not exist is empty; in development it is an error where it is shown")
    func missing() throws {
        let text = "{{#a}}{{a}}{{/a}}\n{{url_escape(q)}}"
        #expect(try Self.render(text) == "\n")
        let library = try TemplateLibrary(templates: ["page.html": text], options: .init(reloads: true))
        #expect(throws: TemplateError(file: "page.html", line: 2, reason: #"there is no value named "q""#)) {
            try library.renderString("page")
        }
        let typo = "{{uppercase(x)}}{{#sorted(mixed)}}{{.}}{{/sorted(mixed)}}"
        #expect(try Self.render(typo, ["x": "a", "mixed": ["a", 1] as [Any]]) == "")
        let strict = try TemplateLibrary(templates: ["page.html": typo], options: .init(reloads: true))
        #expect(throws: TemplateError.self) { try strict.renderString("page", TemplateNamespace(values: ["x": "a"])) }
        #expect(try library.renderString("page", TemplateNamespace(values: ["q": String?.none as Any])) == "\n")
        #expect(throws: TemplateError(file: "none", reason: #"there is no template named "none""#)) {
            try library.renderString("none")
        }
    }

    @Test(
        "TP-2 SET-16 SET-17: the files of a folder; with reloads, changed files count, and a broken one is an error until it is mended"
    )
    func folder() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "templates-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder.appending(path: "sub"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
        try write("one {{> sub/part}}", "page.html")
        try write("part", "sub/part.mustache")
        try write("{{#", ".hidden.html")
        try write("{{#", "notes.md")
        let fixed = try TemplateLibrary(folder: folder.path)
        let library = try TemplateLibrary(folder: folder.path, options: .init(reloads: true))
        #expect(try library.renderString("page") == "one part")
        try write("three", "sub/part.mustache")
        #expect(try library.renderString("page") == "one three")
        try write("one\n{{#broken}}", "page.html")
        for _ in 0..<2 {
            let error = #expect(throws: TemplateError.self) { try library.renderString("page") }
            #expect(error?.file == "page.html")
            #expect(error?.line == 2)
        }
        try write("four {{> new}}", "page.html")
        try write("new", "new.html")
        #expect(try library.renderString("page") == "four new")
        #expect(try fixed.renderString("page") == "one part")
        try Data([0x61, 0xFF]).write(to: folder.appending(path: "new.html"))
        #expect(throws: TemplateError.self) { try library.renderString("page") }
        #expect(throws: TemplateError.self) { try TemplateLibrary(folder: folder.path + "/none") }
    }
}
