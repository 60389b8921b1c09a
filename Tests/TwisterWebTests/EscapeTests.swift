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
}
