import Testing
import TwisterWeb

/// One text and what Tornado 6.6 makes of it.
struct LinkifyCase: Sendable {
    var text: String
    var shorten = false
    var requiresProtocol = false
    var protocols: Set<String> = ["http", "https"]
    var attributes = ""
    var html: String
}

@Suite("Links in plain text")
struct LinkifyTests {
    @Test(
        "ES-5: the cases of Tornado's own test, and texts of mixed pieces",
        arguments: LinkifyCase.tornado + LinkifyCase.mixed)
    func table(example: LinkifyCase) {
        let html = linkify(
            example.text, shorten: example.shorten, requiresProtocol: example.requiresProtocol,
            protocols: example.protocols
        ) { _ in example.attributes }
        #expect(html == example.html)
    }

    @Test("ES-5: attributes may depend on the URL, and stand after one space")
    func attributes() {
        let html = linkify("www.a.example and www.b.example/blogs") { url in
            url.hasPrefix("http://www.b") ? "  class=\"internal\" " : "rel=\"nofollow\""
        }
        #expect(
            html == #"<a href="http://www.a.example" rel="nofollow">www.a.example</a> and "#
                + #"<a href="http://www.b.example/blogs" class="internal">www.b.example/blogs</a>"#)
    }

    @Test(
        "ES-5: no script becomes a link, even if it is permitted",
        arguments: ["javascript", "JavaScript", "data", "vbscript"])
    func scripts(name: String) {
        #expect(!linkify("\(name)://alert(1)", protocols: [name]).contains("<a"))
    }

    @Test("ES-5: no text leaves the attribute that it stands in")
    func attributeEscaping() {
        let html = linkify("http://a.example/\"onclick=x' <b>")
        #expect(
            html == #"<a href="http://a.example/&quot;onclick=x">http://a.example/&quot;onclick=x</a>&#x27; &lt;b&gt;"#)
    }

    @Test(
        "ES-5: linear time for texts that keep a backtracking matcher busy", .timeLimit(.minutes(1)),
        arguments: ["www.(", "http://(a", "a-", "http:/", "www.a.!", "http://(www.", "(((", "&amp;", "a:///"])
    func linear(piece: String) {
        let text = String(repeating: piece, count: 20_000)
        #expect(linkify(text).utf8.count >= text.utf8.count)
    }
}

extension LinkifyCase {
    fileprivate static let tornado = [
        LinkifyCase(
            text: "hello http://world.com/!", html: "hello <a href=\"http://world.com/\">http://world.com/</a>!"),
        LinkifyCase(
            text: "hello http://world.com/with?param=true&stuff=yes",
            html:
                "hello <a href=\"http://world.com/with?param=true&amp;stuff=yes\">http://world.com/with?param=true&amp;stuff=yes</a>"
        ),
        LinkifyCase(
            text: "http://url.com/w(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            html: "<a href=\"http://url.com/w\">http://url.com/w</a>(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        LinkifyCase(
            text: "http://url.com/withmany.......................................",
            html:
                "<a href=\"http://url.com/withmany\">http://url.com/withmany</a>......................................."
        ),
        LinkifyCase(
            text: "http://url.com/withmany((((((((((((((((((((((((((((((((((a)",
            html: "<a href=\"http://url.com/withmany\">http://url.com/withmany</a>((((((((((((((((((((((((((((((((((a)"),
        LinkifyCase(
            text: "http://foo.com/blah_blah", html: "<a href=\"http://foo.com/blah_blah\">http://foo.com/blah_blah</a>"),
        LinkifyCase(
            text: "http://foo.com/blah_blah/",
            html: "<a href=\"http://foo.com/blah_blah/\">http://foo.com/blah_blah/</a>"),
        LinkifyCase(
            text: "(Something like http://foo.com/blah_blah)",
            html: "(Something like <a href=\"http://foo.com/blah_blah\">http://foo.com/blah_blah</a>)"),
        LinkifyCase(
            text: "http://foo.com/blah_blah_(wikipedia)",
            html: "<a href=\"http://foo.com/blah_blah_(wikipedia)\">http://foo.com/blah_blah_(wikipedia)</a>"),
        LinkifyCase(
            text: "http://foo.com/blah_(blah)_(wikipedia)_blah",
            html:
                "<a href=\"http://foo.com/blah_(blah)_(wikipedia)_blah\">http://foo.com/blah_(blah)_(wikipedia)_blah</a>"
        ),
        LinkifyCase(
            text: "(Something like http://foo.com/blah_blah_(wikipedia))",
            html:
                "(Something like <a href=\"http://foo.com/blah_blah_(wikipedia)\">http://foo.com/blah_blah_(wikipedia)</a>)"
        ),
        LinkifyCase(
            text: "http://foo.com/blah_blah.",
            html: "<a href=\"http://foo.com/blah_blah\">http://foo.com/blah_blah</a>."),
        LinkifyCase(
            text: "http://foo.com/blah_blah/.",
            html: "<a href=\"http://foo.com/blah_blah/\">http://foo.com/blah_blah/</a>."),
        LinkifyCase(
            text: "<http://foo.com/blah_blah>",
            html: "&lt;<a href=\"http://foo.com/blah_blah\">http://foo.com/blah_blah</a>&gt;"),
        LinkifyCase(
            text: "<http://foo.com/blah_blah/>",
            html: "&lt;<a href=\"http://foo.com/blah_blah/\">http://foo.com/blah_blah/</a>&gt;"),
        LinkifyCase(
            text: "http://foo.com/blah_blah,",
            html: "<a href=\"http://foo.com/blah_blah\">http://foo.com/blah_blah</a>,"),
        LinkifyCase(
            text: "http://www.example.com/wpstyle/?p=364.",
            html: "<a href=\"http://www.example.com/wpstyle/?p=364\">http://www.example.com/wpstyle/?p=364</a>."),
        LinkifyCase(text: "rdar://1234", protocols: ["http", "rdar"], html: "<a href=\"rdar://1234\">rdar://1234</a>"),
        LinkifyCase(text: "rdar:/1234", protocols: ["rdar"], html: "<a href=\"rdar:/1234\">rdar:/1234</a>"),
        LinkifyCase(
            text: "http://userid:password@example.com:8080",
            html: "<a href=\"http://userid:password@example.com:8080\">http://userid:password@example.com:8080</a>"),
        LinkifyCase(
            text: "http://userid@example.com",
            html: "<a href=\"http://userid@example.com\">http://userid@example.com</a>"),
        LinkifyCase(
            text: "http://userid@example.com:8080",
            html: "<a href=\"http://userid@example.com:8080\">http://userid@example.com:8080</a>"),
        LinkifyCase(
            text: "http://userid:password@example.com",
            html: "<a href=\"http://userid:password@example.com\">http://userid:password@example.com</a>"),
        LinkifyCase(
            text: "message://%3c330e7f8409726r6a4ba78dkf1fd71420c1bf6ff@mail.gmail.com%3e",
            protocols: ["http", "message"],
            html:
                "<a href=\"message://%3c330e7f8409726r6a4ba78dkf1fd71420c1bf6ff@mail.gmail.com%3e\">message://%3c330e7f8409726r6a4ba78dkf1fd71420c1bf6ff@mail.gmail.com%3e</a>"
        ),
        LinkifyCase(
            text: "http://\u{27A1}.ws/\u{4A39}",
            html: "<a href=\"http://\u{27A1}.ws/\u{4A39}\">http://\u{27A1}.ws/\u{4A39}</a>"),
        LinkifyCase(
            text: "<tag>http://example.com</tag>",
            html: "&lt;tag&gt;<a href=\"http://example.com\">http://example.com</a>&lt;/tag&gt;"),
        LinkifyCase(
            text: "Just a www.example.com link.",
            html: "Just a <a href=\"http://www.example.com\">www.example.com</a> link."),
        LinkifyCase(text: "Just a www.example.com link.", requiresProtocol: true, html: "Just a www.example.com link."),
        LinkifyCase(
            text: "A http://reallylong.com/link/that/exceedsthelenglimit.html", shorten: true, requiresProtocol: true,
            html:
                "A <a href=\"http://reallylong.com/link/that/exceedsthelenglimit.html\" title=\"http://reallylong.com/link/that/exceedsthelenglimit.html\">http://reallylong.com/link...</a>"
        ),
        LinkifyCase(
            text: "A http://reallylongdomainnamethatwillbetoolong.com/hi!", shorten: true,
            html:
                "A <a href=\"http://reallylongdomainnamethatwillbetoolong.com/hi\" title=\"http://reallylongdomainnamethatwillbetoolong.com/hi\">http://reallylongdomainnametha...</a>!"
        ),
        LinkifyCase(
            text: "A file:///passwords.txt and http://web.com link",
            html: "A file:///passwords.txt and <a href=\"http://web.com\">http://web.com</a> link"),
        LinkifyCase(
            text: "A file:///passwords.txt and http://web.com link", protocols: ["file"],
            html: "A <a href=\"file:///passwords.txt\">file:///passwords.txt</a> and http://web.com link"),
        LinkifyCase(
            text: "www.external-link.com", attributes: "rel=\"nofollow\" class=\"external\"",
            html:
                "<a href=\"http://www.external-link.com\" rel=\"nofollow\" class=\"external\">www.external-link.com</a>"
        ),
    ]

    /// Texts put together at random; the HTML is Tornado's.
    fileprivate static let mixed = [
        LinkifyCase(
            text:
                "&% \u{3000}%?q=1:http:////x.com)http://abababababababababababababababababababababababababababab/path&morepath&morepath&more",
            html:
                "&amp;% \u{3000}%?q=1:<a href=\"http:////x.com\">http:////x.com</a>)<a href=\"http://abababababababababababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more\">http://abababababababababababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more</a>"
        ),
        LinkifyCase(text: ".\"http:// /", shorten: true, html: ".&quot;<a href=\"http://\">http://</a> /"),
        LinkifyCase(
            text: "www.\" \"///\u{3000}'http://ababababababababababababab/path&morepath&morepath&more",
            html:
                "www.&quot; &quot;///\u{3000}&#x27;<a href=\"http://ababababababababababababab/path&amp;morepath&amp;morepath&amp;more\">http://ababababababababababababab/path&amp;morepath&amp;morepath&amp;more</a>"
        ),
        LinkifyCase(
            text: "a\u{E9}%x.com \"https://www.http://abababababababababababababab/path&morepath&morepath&more",
            shorten: true,
            html:
                "a\u{E9}%x.com &quot;<a href=\"https://www.http://abababababababababababababab/path&amp;morepath&amp;morepath&amp;more\" title=\"https://www.http://abababababababababababababab/path&amp;morepath&amp;morepath&amp;more\">https://www.http:/...</a>"
        ),
        LinkifyCase(
            text: "www.\"javascript://'\"_www.?q=1b-%", shorten: true,
            html: "<a href=\"http://www.&quot;javascript://\">www.&quot;javascript://</a>&#x27;&quot;_www.?q=1b-%"),
        LinkifyCase(
            text: "\"///_%https:/www.<!.https:/)%<",
            html: "&quot;///_%<a href=\"https:/www\">https:/www</a>.&lt;!.https:/)%&lt;"),
        LinkifyCase(
            text: "///'http://abababababababababababababab/path&morepath&morepath&more",
            html:
                "///&#x27;<a href=\"http://abababababababababababababab/path&amp;morepath&amp;morepath&amp;more\">http://abababababababababababababab/path&amp;morepath&amp;morepath&amp;more</a>"
        ),
        LinkifyCase(
            text: "///'_www.///&:!: www.x.comhttp://ababababababababababababababababababab/path&morepath&morepath&more",
            shorten: true,
            html:
                "///&#x27;_www.///&amp;:!: <a href=\"http://www.x.comhttp://ababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more\" title=\"http://www.x.comhttp://ababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more\">www.x.comhttp:/...</a>"
        ),
        LinkifyCase(
            text:
                "// ':b-:_( ///\"\u{3000}www.http://ababababababababababababababababababababababababababababab/path&morepath&morepath&more",
            html:
                "// &#x27;:b-:_( ///&quot;\u{3000}<a href=\"http://www.http://ababababababababababababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more\">www.http://ababababababababababababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more</a>"
        ),
        LinkifyCase(text: "%http://(_\u{E9}//", html: "%<a href=\"http://\">http://</a>(_\u{E9}//"),
        LinkifyCase(
            text: "?q=1_)x.comjavascript://_?q=1\u{3000}https:////)", shorten: true,
            html: "?q=1_)x.comjavascript://_?q=1\u{3000}<a href=\"https:////\">https:////</a>)"),
        LinkifyCase(text: "https:/b-a'", html: "<a href=\"https:/b-a\">https:/b-a</a>&#x27;"),
        LinkifyCase(
            text: "///(!https:/http://ababababababababababababababababababababab/path&morepath&morepath&more",
            shorten: true,
            html:
                "///(!<a href=\"https:/http://ababababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more\" title=\"https:/http://ababababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more\">https:/http:/...</a>"
        ),
        LinkifyCase(
            text: " .javascript://<www.\u{E9}()\u{3000}",
            html: " .javascript://&lt;<a href=\"http://www.\u{E9}()\">www.\u{E9}()</a>\u{3000}"),
        LinkifyCase(
            text: "http:// .&/a\u{3000}", shorten: true, html: "<a href=\"http://\">http://</a> .&amp;/a\u{3000}"),
        LinkifyCase(
            text: "<.\u{E9}///http://abababababababababababababab/path&morepath&morepath&more",
            html:
                "&lt;.\u{E9}///<a href=\"http://abababababababababababababab/path&amp;morepath&amp;morepath&amp;more\">http://abababababababababababababab/path&amp;morepath&amp;morepath&amp;more</a>"
        ),
        LinkifyCase(
            text: "_<<&%\"///&http://ababababababababababababababababababababab/path&morepath&morepath&more",
            shorten: true,
            html:
                "_&lt;&lt;&amp;%&quot;///&amp;<a href=\"http://ababababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more\" title=\"http://ababababababababababababababababababababab/path&amp;morepath&amp;morepath&amp;more\">http://abababababababababababa...</a>"
        ),
        LinkifyCase(
            text: "\"b-///http://ajavascript://<//)", shorten: true,
            html: "&quot;b-///<a href=\"http://ajavascript://\">http://ajavascript://</a>&lt;//)"),
        LinkifyCase(text: "https:/b-.http://///!", html: "<a href=\"https:/b-.http://///\">https:/b-.http://///</a>!"),
        LinkifyCase(
            text: "///<///:?q=1<http://ababababababababababab/path&morepath&morepath&more",
            html:
                "///&lt;///:?q=1&lt;<a href=\"http://ababababababababababab/path&amp;morepath&amp;morepath&amp;more\">http://ababababababababababab/path&amp;morepath&amp;morepath&amp;more</a>"
        ),
        LinkifyCase(
            text: ":http:////  javascript://%\u{E9}b-https:/http://&!", shorten: true,
            html: ":<a href=\"http:////\">http:////</a>  javascript://%\u{E9}b-https:/http://&amp;!"),
        LinkifyCase(
            text: "javascript://ajavascript://!(http:///x.com/",
            html: "javascript://ajavascript://!(<a href=\"http:///x.com/\">http:///x.com/</a>"),
        LinkifyCase(
            text: "//x.comwww.\"http://\u{3000}", html: "//x.comwww.&quot;<a href=\"http://\">http://</a>\u{3000}"),
        LinkifyCase(
            text: "b-/\u{E9}!https:/www.%)&www.", html: "b-/\u{E9}!<a href=\"https:/www\">https:/www</a>.%)&amp;www."),
        LinkifyCase(
            text: "www.javascript://http://'%/www..\u{3000}///https:/aa)", shorten: true,
            html:
                "<a href=\"http://www.javascript://http://\">www.javascript://http://</a>&#x27;%/www..\u{3000}///<a href=\"https:/aa\">https:/aa</a>)"
        ),
    ]
}
