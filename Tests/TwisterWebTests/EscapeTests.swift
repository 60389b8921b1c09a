import Testing
import TwisterWeb

@Suite("Escaping")
struct EscapeTests {
    @Test("ES-1: the five characters with a meaning in HTML")
    func xhtml() {
        #expect(
            xhtmlEscape(#"<a href="x">Tom & 'Jerry'</a>"#)
                == "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#x27;Jerry&#x27;&lt;/a&gt;")
        #expect(xhtmlEscape("é plain") == "é plain")
        #expect(xhtmlEscape("") == "")
    }

    @Test("ES-3: percent-encoding for forms and for paths")
    func url() {
        #expect(urlEscape("a b/c+é~") == "a+b%2Fc%2B%C3%A9~")
        #expect(urlEscape("a b/c+é~", plus: false) == "a%20b/c%2B%C3%A9~")
        #expect(urlUnescape("a+b%2Fc%2B%c3%A9") == "a b/c+é")
        #expect(urlUnescape("a+b", plus: false) == "a+b")
        for text in ["", "a b", "+%/?&=é漢\u{0}\n"] {
            #expect(urlUnescape(urlEscape(text)) == text)
            #expect(urlUnescape(urlEscape(text, plus: false), plus: false) == text)
        }
    }

    @Test("ES-3: a malformed encoding is nil", arguments: ["%", "%4", "%4g", "a%zz", "%ff", "%C3"])
    func malformed(text: String) {
        #expect(urlUnescape(text) == nil)
    }

    @Test(
        "ES-1: character references become characters, as in Tornado",
        arguments: [
            ("&lt;&gt;&amp;&quot;&#x27;&#39;", "<>&\"''"), ("&amp;lt;", "&lt;"),
            ("&eacute;&Eacute;&euro;&nbsp;|", "\u{E9}\u{C9}\u{20AC}\u{A0}|"),
            ("&#233;&#xE9;&#XE9;", "\u{E9}\u{E9}\u{E9}"),
            ("&#0;&#xD800;&#x110000;&#99999999999;", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
            ("&#128;&#x9f;&#x81;", "\u{20AC}\u{178}\u{81}"), ("&#11;&#x1FFFE;a", "a"), ("&#13;", "\r"),
            ("&;&#;&#x;&#xg;&bogus;& a;", "&;&#;&#x;&#xg;&bogus;& a;"), ("&#+5;&#-5;", "&#+5;&#-5;"), ("&", "&"),
            ("", ""),
        ])
    func unescape(text: String, plain: String) {
        #expect(Array(xhtmlUnescape(text).utf8) == Array(plain.utf8))
    }

    @Test("ES-1: unescaping undoes escaping, cut at every point and in linear time", .timeLimit(.minutes(1)))
    func unescapeRoundTrip() {
        let text = "<é & \"漢'>&amp;\u{301}"
        #expect(xhtmlUnescape(xhtmlEscape(text)) == text)
        let escaped = xhtmlEscape(text)
        for end in escaped.indices { #expect(xhtmlUnescape(String(escaped[..<end])).utf8.count <= escaped.utf8.count) }
        let ampersands = String(repeating: "&#", count: 300_000)
        #expect(xhtmlUnescape(ampersands) == ampersands)
    }

    @Test("ES-2: JSON does not end a script element")
    func json() {
        #expect(escapeJSON(#"{"a":"</script></"}"#) == #"{"a":"<\/script><\/"}"#)
        #expect(escapeJSON(#"["a/b", "<b>", "<"]"#) == #"["a/b", "<b>", "<"]"#)
    }

    @Test(
        "ES-4: runs of blanks and control characters become one space",
        arguments: [
            (" a  b\t\n c ", "a b c"), ("\u{0}\u{1}", ""), ("a\u{A0}\u{A0}b\u{A0}", "a\u{A0}\u{A0}b"), ("", ""),
            ("x", "x"),
        ])
    func squeezed(text: String, want: String) {
        #expect(squeeze(text) == want)
    }

    @Test(
        "HU-8: arguments are added to a URL, as in Tornado",
        arguments: [
            ("http://e/", "http://e/?c=d+e&c=%C3%BC%26%2F", "http://e/"),
            ("http://e/?a=b", "http://e/?a=b&c=d+e&c=%C3%BC%26%2F", "http://e/?a=b"),
            ("http://e/?a", "http://e/?a=&c=d+e&c=%C3%BC%26%2F", "http://e/?a="),
            (
                "http://e/?&&a=b+c&a=%C3%BC#f?g", "http://e/?a=b+c&a=%C3%BC&c=d+e&c=%C3%BC%26%2F#f?g",
                "http://e/?a=b+c&a=%C3%BC#f?g"
            ),
            ("http://e/p#f", "http://e/p?c=d+e&c=%C3%BC%26%2F#f", "http://e/p#f"),
            ("", "?c=d+e&c=%C3%BC%26%2F", ""), ("?", "?c=d+e&c=%C3%BC%26%2F", ""),
            ("/x?y=%zz", "/x?y=%25zz&c=d+e&c=%C3%BC%26%2F", "/x?y=%25zz"),
        ])
    func concat(url: String, two: String, none: String) {
        #expect(urlConcat(url, [("c", "d e"), ("c", "ü&/")]) == two)
        #expect(urlConcat(url, []) == none)
        let pairs = [("c", "d e"), ("c", "ü&/")]
        #expect(urlConcat(url, pairs) == two)
        #expect(urlConcat(url, ["c": "d e", "c": "ü&/"]) == two)
    }
}
