import Testing
import TwisterWeb

@Suite("Values and functions of templates")
struct TemplateNamespaceTests {
    private struct Failure: Error {}

    private struct Person {
        var name: String
        var age: Int?
        var tags: [String] = []
    }

    private class Base { let inherited = "i" }
    private final class Derived: Base { let own = 2 }

    private static func namespace(_ values: [String: Any] = [:]) -> TemplateNamespace {
        var namespace = TemplateNamespace(
            handler: "handler", request: ["path": "/p"], currentUser: nil,
            locale: Translations(defaultLocale: "de").get("de"),
            staticURL: { "/static/\($0)?v=1&w" },
            reverseURL: { name, arguments in
                guard name != "unknown" else { throw Failure() }
                return "/" + ([name] + arguments).joined(separator: "/")
            },
            xsrfFormHTML: { "<input>" })
        namespace.values.merge(values) { _, own in own }
        return namespace
    }

    private static func render(_ text: String, _ values: [String: Any] = [:]) throws -> String {
        try TemplateLibrary(templates: ["page.html": text]).renderString("page", namespace(values))
    }

    @Test(
        "TP-1 RH-31: what a value may be",
        arguments: [
            ("{{text}} {{int}} {{double}} {{flag}} {{character}}", "&lt;t&gt; 3 1.5 true c"),
            ("{{none}}{{#none}}x{{/none}}{{^none}}no{{/none}} {{some}}{{#some}}!{{/some}}", "no 7!"),
            ("{{person.name}} {{person.age}} {{#person}}{{name}}{{^age}}?{{/age}}{{/person}}", "Ann  Ann?"),
            ("{{#people}}{{name}}{{age}}{{^last()}}, {{/last()}}{{/people}}", "Ann, Bob7"),
            ("{{#person.tags}}{{.}};{{/person.tags}}", "a;&amp;;"),
            ("{{object.own}}{{object.inherited}}", "2i"),
            ("{{map.inner.deep}} {{#map.inner}}{{deep}}{{/map.inner}}", "d d"),
            ("{{#yes}}y{{/yes}}{{^yes}}n{{/yes}}{{#no}}y{{/no}}{{^no}}n{{/no}}", "yn"),
            ("{{#optionalNo}}y{{/optionalNo}}{{^optionalNo}}n{{/optionalNo}}", "n"),
            ("{{^nobody}}empty{{/nobody}}{{#nobody}}x{{/nobody}}", "empty"),
            (
                "{{count(tags)}} {{first(tags)}} {{last(tags)}} {{#reversed(tags)}}{{.}}{{/reversed(tags)}}",
                "2 a &amp; &amp;a"
            ),
            ("{{#tags}}{{index()}}{{#first()}}F{{/first()}}{{#last()}}L{{/last()}}{{/tags}}", "0F1L"),
            (
                "{{uppercased(text)}} {{plusone(int)}} {{plusone(most)}} {{minusone(least)}}",
                "&lt;T&gt; 4 \(Int.max) -128"
            ),
            ("{{#sorted(map)}}{{key}}{{/sorted(map)}} {{count(map)}} {{#empty(text)}}e{{/empty(text)}}", "inner 1 "),
            ("{{#nested}}{{#.}}{{.}}{{/.}}|{{/nested}}", "12|3|"),
            ("{{#sorted(unsorted)}}{{.}}{{/sorted(unsorted)}}", "123"),
            ("{{#flags}}{{.}} {{/flags}}", "true false "),
            (
                "{{handler}} {{request.path}} {{current_user}}{{^current_user}}nobody{{/current_user}} {{locale.code}}",
                "handler /p nobody de"
            ),
            (
                "{{json_encode(text)}} {{{json_encode(json)}}}",
                #"&quot;\u003ct\u003e&quot; {"a":[1,null,true,"\u003c/\u0026\u000a"],"b":0.5}"#
            ),
        ])
    func values(text: String, want: String) throws {
        let values: [String: Any] = [
            "text": "<t>", "int": 3, "double": 1.5, "flag": true, "character": Character("c"), "none": Int?.none as Any,
            "some": Int?.some(7) as Any, "person": Person(name: "Ann", tags: ["a", "&"]),
            "people": [Person(name: "Ann"), Person(name: "Bob", age: 7)], "object": Derived(),
            "map": ["inner": ["deep": "d"]],
            "yes": true, "no": false, "optionalNo": Bool?.some(false) as Any, "nobody": [Person](), "tags": ["a", "&"],
            "most": Int.max,
            "least": Int8.min, "nested": [[1, 2], [3]], "flags": [true, false], "unsorted": [3, 1, 2],
            "json": ["a": [1, Int?.none as Any, true, "</&\n"] as [Any], "b": 0.5] as [String: Any],
        ]
        #expect(try Self.render(text, values) == want)
    }

    @Test("RH-31: links by the functions of a handler, as the page of links has them")
    func links() throws {
        let text =
            #"<a href="{{#static_url}}hello.txt{{/static_url}}">file</a><a href="{{#reverse_url}}home{{/reverse_url}}">home</a>"#
        #expect(try Self.render(text) == #"<a href="/static/hello.txt?v=1&amp;w">file</a><a href="/home">home</a>"#)
    }

    @Test(
        "RH-31: functions take texts with tags, and values",
        arguments: [
            ("{{#reverse_url}}article {{id}} {{name}}{{/reverse_url}}", "/article/5/a b&lt;"),
            ("{{#items}}{{#reverse_url}}item {{id}}/{{name}}{{/reverse_url}} {{/items}}", "/item/1/x /item/2/a b&lt; "),
            (
                "{{#words}}{{#static_url}}{{.}}.png{{/static_url}} {{/words}}",
                "/static/u.png?v=1&amp;w /static/v.png?v=1&amp;w "
            ),
            (
                "{{static_url(name)}} {{reverse_url(words)}} {{{static_url(id)}}}",
                "/static/a b&lt;?v=1&amp;w /u/v /static/5?v=1&w"
            ),
            (
                "{{url_escape(name)}} {{#url_escape}}{{name}}&{{/url_escape}} {{squeeze(name)}}",
                "a+b%3C a+b%3C%26 a b&lt;"
            ),
            ("{{{xsrf_form_html}}} {{xsrf_form_html}}", "<input> &lt;input&gt;"),
            (
                "{{#linkify}}www.a.example {{name}}{{/linkify}}",
                #"<a href="http://www.a.example">www.a.example</a> a b&lt;"#
            ),
            ("{{#_}}Hello, {{name}} {{/_}}", "Hello, a b&lt; "),
            ("{{#items}}{{#items2}}{{#_}}{{name}}{{id}}{{/_}}{{/items2}}{{/items}}", "a b&lt;1a b&lt;2"),
        ])
    func functions(text: String, want: String) throws {
        let values: [String: Any] = [
            "id": 5, "name": "a b<", "items": [["id": 1, "name": "x"], ["id": 2]], "words": ["u", "v"],
            "items2": [["name": "a b<"]],
        ]
        #expect(try Self.render(text, values) == want)
    }

    @Test("RH-31: neither a value nor a result is ever taken for a template")
    func injection() throws {
        let values: [String: Any] = ["x": "{{{secret}}}", "secret": "S"]
        for text in [
            "{{x}}", "{{{x}}}", "{{#squeeze}}{{x}}{{/squeeze}}", "{{squeeze(x)}}", "{{{squeeze(x)}}}",
            "{{#_}}{{x}}{{/_}}",
            "{{#linkify}}{{{x}}}{{/linkify}}",
        ] {
            #expect(try Self.render(text, values) == "{{{secret}}}")
        }
    }

    @Test("RH-31: an error of a function is the error of the rendering")
    func failure() {
        for text in [
            "{{#reverse_url}}unknown{{/reverse_url}}", "{{reverse_url(x)}}",
            "{{#_}}{{#reverse_url}}unknown{{/reverse_url}}{{/_}}",
        ] {
            #expect(throws: TemplateError.self) { try Self.render(text, ["x": "unknown"]) }
        }
    }

    @Test("SET-7: functions of the application, whose values win over a function of that name")
    func own() throws {
        let library = try TemplateLibrary(templates: [
            "a.txt": "{{#shout}}<{{x}}{{/shout}}{{shout(x)}}", "b.html": "{{shout}}",
        ])
        var namespace = TemplateNamespace(values: ["x": "a"], functions: ["shout": .text { $0.uppercased() }])
        #expect(try library.renderString("a.txt", namespace) == "<AA")
        namespace.values["shout"] = "value"
        #expect(try library.renderString("b", namespace) == "value")
    }
}
