import Testing

@testable import TwisterCodec

/// What clients send beside the usual. Each case names what Tornado 6.6.1 does with it, where that differs.
@Suite("Multipart oddities")
struct MultipartOdditiesTests {
    /// A body of the boundary "b": each part as `name=content`, `name/file=content` or `name/file:type=content`.
    private func parse(_ body: [UInt8]) -> String {
        body.withUnsafeBytes { bytes in
            var parser = MultipartParser(bytes, boundary: Array("b".utf8))
            var parts: [String] = []
            do throws(MultipartError) {
                while let part = try parser.next() {
                    let file = part.fileName.map { "/\($0)" } ?? ""
                    let type = part.contentType.map { ":\($0)" } ?? ""
                    let content = String(decoding: bytes[part.content], as: UTF8.self)
                    parts.append("\(part.name)\(file)\(type)=\(content)")
                }
            } catch { return "\(error.status) \(error)" }
            return parts.joined(separator: "|")
        }
    }

    private static func part(_ disposition: String, _ fields: String = "", content: String = "x") -> String {
        "--b\r\nContent-Disposition: \(disposition)\r\n\(fields)\r\n\(content)\r\n"
    }

    private static let dispositionsCases: [(String, String)] = [
        // A browser's file input without a chosen file. Tornado: the same.
        (#"form-data; name="f"; filename="""#, "f=x"), ("form-data; name=f; filename=", "f=x"),
        // RFC 7578 4.2: no filename*. Tornado: U+FFFD instead of the octets that are no UTF-8.
        ("form-data; name=f; filename=ok.txt; filename*=UTF-8''%ff%fe", "f/ok.txt=x"),
        ("form-data; name=f; filename*=UTF-8''%ff%fe", "f/UTF-8''%ff%fe=x"),
        ("form-data; name=f; filename*=UTF-8''%f", "f/UTF-8''%f=x"),
        ("form-data; name=f; filename*=nonsense''a", "f/nonsense''a=x"),
        // Tornado: the same for these.
        ("form-data; name=f; filename*=UTF-8''%e2%82%ac; filename=ok.txt", "f/\u{20ac}=x"),
        ("form-data; name=f; filename*=utf-8'en'%41.txt", "f/A.txt=x"),
        ("form-data; name=f; filename*=iso-8859-1''%e4.txt", "f/\u{e4}.txt=x"),
        ("form-data; name=f; filename*=plain.txt", "f/plain.txt=x"),
        ("form-data; name=f; filename*=UTF-8''", "f=x"),
        ("form-data; name*=UTF-8''%41", "A=x"), ("form-data; name=x; name*=UTF-8''%41", "A=x"),
        ("form-data; name=x; name*=UTF-8''%ff", "x=x"),
        // Tornado: joins the pieces of RFC 2231 3 to the name "ab" of a file.
        (#"form-data; name=x; filename*0="a"; filename*1="b""#, "400 malformedPartHeader"),
        // Tornado: the same for these.
        ("form-data; name=f; filename=my file.txt ; x=y", "f/my file.txt=x"),
        ("form-data; name=f; filename=\u{e4}.txt", "f/\u{e4}.txt=x"), ("form-data; name=a,b", "a,b=x"),
        (#"form-data; name=a"b"#, #"a"b=x"#), ("form-data; name=a;", "a=x"), ("form-data; name = a", "a=x"),
        ("form-data; flag; name=a", "a=x"), ("form-data ;name=a", "a=x"), ("form-data; Name=a", "a=x"),
        ("form-data; name='f'; filename='a'", "'f'/'a'=x"), (#"form-data; name="f;x""#, "f;x=x"),
        // WHATWG HTML 4.10.21.8: nobody can undo these escapes, since "%" has none. Tornado: the same.
        (#"form-data; name="f%22%0D%0A"; filename="a%22b.txt""#, "f%22%0D%0A/a%22b.txt=x"),
        (#"form-data; name="f"; filename="a\"b.txt""#, #"f/a"b.txt=x"#),
        (#"form-data; name="f"; filename="a\\b.txt""#, #"f/a\b.txt=x"#),
        (#"form-data; name="f"; filename="C:\dir\new.txt""#, #"f/C:\dir\new.txt=x"#),
        ("form-data; name=\"a\"; filename=\"x\ty\"", "a/x\ty=x"),
        // WHATWG HTML 4.10.21.8 escapes no backslashes, so that names may end with one. Tornado: the same.
        (#"form-data; name="f"; filename="foo\""#, #"f/foo\=x"#),
        (#"form-data; name="f"; filename="C:\dir\""#, #"f/C:\dir\=x"#),
        (#"form-data; name="f"; filename="foo\" "#, #"f/foo\=x"#),
        (#"form-data; name="f"; filename="a\"b\""#, #"f/a"b\=x"#),
        // Tornado: the name `f\"; filename="foo`.
        (#"form-data; name="f\"; filename="foo\""#, #"f\/foo\=x"#),
        (#"form-data; filename="foo\" ; name="f""#, #"f/foo\=x"#),
        // Other clients escape the quotes of a name. Tornado: the same.
        (#"form-data; name="f"; filename="a\"; b.txt""#, #"f/a"; b.txt=x"#),
        (#"form-data; name="f"; filename="a\\""#, #"f/a\=x"#),
        (#"form-data; name="f"; filename="a\"; name=\"g""#, #"f/a"; name="g=x"#),
        // Tornado: the quotes are a part of the name.
        (#"form-data; name="a"#, "400 malformedPartHeader"), (#"form-data; name="a"b"#, "400 malformedPartHeader"),
        // Tornado: the last one.
        ("form-data; name=a; name=b", "400 malformedPartHeader"),
        ("form-data; name=a\r\nContent-Disposition: form-data; name=b", "400 malformedPartHeader"),
        // Tornado: 400, since it compares with regard to case.
        ("Form-Data; name=a", "a=x"),
        // Tornado: 400 for these, too.
        ("form-data", "400 missingName"), (#"form-data; name="""#, "400 missingName"),
        ("attachment; name=a", "400 malformedPartHeader"), ("file; name=a", "400 malformedPartHeader"),
        ("form-data; name=\"a\0b\"", "400 malformedPartHeader"),
        ("form-data; name=\"a\u{1}b\"", "400 malformedPartHeader"),
        ("form-data;\r\n name=a", "400 malformedPartHeader"),
    ]

    @Test("HU-11: the parameters of Content-Disposition", arguments: dispositionsCases)
    func dispositions(disposition: String, expected: String) {
        #expect(parse(Array((Self.part(disposition) + "--b--\r\n").utf8)) == expected)
    }

    private static let partsCases: [(String, String)] = [
        // Tornado: the same for these. RFC 7578 4.7 deprecates the encoding of a part, 4.6 `_charset_` for readers.
        (part("form-data; name=a", "Content-Transfer-Encoding: base64\r\n", content: "YWJj"), "a=YWJj"),
        (part("form-data; name=_charset_", content: "iso-8859-1"), "_charset_=iso-8859-1"),
        (
            part("form-data; name=a", "Content-Type: text/plain; charset=x\r\n"),
            "a:text/plain; charset=x=x"
        ),
        (part("form-data; name=a") + part("form-data; name=b") + part("form-data; name=a"), "a=x|b=x|a=x"),
        (
            part("form-data; name=a", "Content-Type: multipart/mixed; boundary=c\r\n", content: "--c\r\n\r\n--c--"),
            "a:multipart/mixed; boundary=c=--c\r\n\r\n--c--"
        ),
        (part("form-data; name=a; filename=f", "Content-Type:\r\n"), "a/f:=x"),
        (part("form-data; name=a", content: "1\n2\r3\n"), "a=1\n2\r3\n"),
        (part("form-data; name=a", content: ""), "a="),
        ("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n", "a="),
        // Tornado: joins both types to one.
        (
            part("form-data; name=a", "Content-Type: a/b\r\nContent-Type: c/d\r\n"), "400 malformedPartHeader"
        ),
        // Tornado: 400 for these, too.
        ("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", "400 missingName"),
        ("--b\r\n\r\nx\r\n", "400 missingName"), (part("form-data; name=a", "nonsense\r\n"), "400 malformedPartHeader"),
        (part("form-data; name=a", "X : y\r\n"), "400 malformedPartHeader"),
        (part("form-data; name=a", "X: a\rb\r\n"), "400 malformedPartHeader"),
    ]

    @Test("HU-11: the other fields of a part, and its content", arguments: partsCases)
    func parts(text: String, expected: String) {
        #expect(parse(Array((text + "--b--\r\n").utf8)) == expected)
    }

    @Test("HU-11: a part's header that is not UTF-8 is 400, as in Tornado; its content is not looked at")
    func characters() {
        for field in [
            "Content-Disposition: form-data; name=a; filename=\"", "Content-Disposition: form-data; name=\"", "X: \"",
        ] {
            let text = Array("--b\r\n\(field)".utf8) + [0xE4] + Array("\"\r\n\r\nx\r\n--b--".utf8)
            #expect(parse(text) == "400 malformedPartHeader", "\(field)")
        }
        let part = Array("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n".utf8) + [0xE4]
        #expect(parse(part + Array("\r\n--b--".utf8)) == "a=\u{fffd}")
    }

    private static let one = part("form-data; name=a")

    private static let delimitersCases: [(String, String)] = [
        // RFC 2046 5.1.1 allows a preamble. Tornado: 400.
        ("preamble\r\n" + one + "--b--", "a=x"), ("\r\n" + one + "--b--", "a=x"),
        // RFC 2046 5.1.1: behind the last delimiter's "--" stand only white space and a line end. Tornado: content of the part.
        (one + "--b--epilogue\r\n--b--", "400 malformedDelimiter"),
        (one + "--b--x\r\n" + one + "--b--\r\n", "400 malformedDelimiter"), (one + "--b---", "400 malformedDelimiter"),
        (one + "--b-- x", "400 malformedDelimiter"), (one + "--b--\rx", "400 malformedDelimiter"),
        (one + "--b--\n", "400 malformedDelimiter"), (one + "--b--\r", "400 unterminated"),
        (one + "--b-- \t", "a=x"), (one + "--b-- \t\r\nepilogue", "a=x"), (one + "--b--\r\n\r\nepilogue", "a=x"),
        // Tornado: searches the last delimiter from the end, so that what follows the first one is content.
        (one + "--b--\r\n" + one + "--b--", "a=x"),
        // RFC 2046 5.1.1 allows white space behind a boundary. Tornado: 400.
        ("--b \t\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--", "a=x"),
        // Tornado: the lines of a part's header may end with LF, no others.
        ("--b\r\nContent-Type: a/b\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--", "a:a/b=x"),
        ("--b\nContent-Disposition: form-data; name=a\n\nx\n--b--\n", "400 malformedDelimiter"),
        ("--b\r\nContent-Disposition: form-data; name=a\n\nx\n--b--\n", "400 unterminated"),
        ("--b\r\nContent-Disposition: form-data; name=a\n\nx\r\n\r\n--b--\r\n", "400 malformedPartHeader"),
        // Tornado: 400 for these, too.
        (one, "400 unterminated"), ("nothing", "400 unterminated"), ("", "400 unterminated"),
        ("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx--b--", "400 unterminated"),
        ("--b--", ""),
        // The line end before the first delimiter is missing, or a byte order mark stands there. Tornado: 400.
        ("pre" + one + "--b--", "400 malformedDelimiter"), ("\u{feff}" + one + "--b--", "400 malformedDelimiter"),
        ("\n" + one + "--b--", "400 malformedDelimiter"), ("preamble\r\n--b--", "400 malformedDelimiter"),
        ("\r\n--b--", "400 malformedDelimiter"), ("-\r\n--b--", "400 malformedDelimiter"),
        ("preamble\r\n" + one + "--b", "400 unterminated"),
        // A delimiter stands at the beginning of a line. Tornado: 400.
        (part("form-data; name=a", content: "x--b\r\ny") + "--b--", "a=x--b\r\ny"),
        // Tornado: content. RFC 2046 5.1.1 forbids a line of content to begin so.
        (part("form-data; name=a", content: "x\r\n--bX\r\ny") + "--b--", "400 malformedDelimiter"),
    ]

    @Test("HU-11: delimiters", arguments: delimitersCases)
    func delimiters(text: String, expected: String) {
        #expect(parse(Array(text.utf8)) == expected)
    }
}
