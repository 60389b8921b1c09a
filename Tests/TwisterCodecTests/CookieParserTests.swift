import Testing
import TwisterCodec
import TwisterTestSupport

/// HU-16: cookies, in linear time.
struct CookieParserTests {
    private func pairs(_ text: String) -> [String] {
        Array(text.utf8).withUnsafeBytes { octets in
            var parser = CookieParser(octets)
            var pairs: [String] = []
            while let (name, value) = parser.next() { pairs.append("\(name)=\(value)") }
            return pairs
        }
    }

    @Test("HU-16: pairs, quotes, escapes, and malformed pairs that are skipped")
    func reading() {
        #expect(pairs("a=1; b=2") == ["a=1", "b=2"])
        #expect(pairs(" a = 1 ;b=;; c ;=d; e=f=g") == ["a=1", "b=", "e=f=g"])
        #expect(pairs(#"a="b c"; d="x\"y\\z\073\101""#) == ["a=b c", "d=x\"y\\z;A"])
        #expect(pairs(#"f=""; g="; h="\"; i=\"x\"; j="\4""#) == ["f=", "g=\"", "h=\\", "i=\\\"x\\\"", "j=4"])
        #expect(pairs("") == [])
    }

    @Test("HU-16: names that other servers set are read; one that is not ASCII is none, and stands for no other")
    func names() {
        #expect(pairs("a[b]=1; a:b=2; (c)=3; d/e=4") == ["a[b]=1", "a:b=2", "(c)=3", "d/e=4"])
        // The Kelvin sign is equal to a K, as texts of Swift.
        #expect(pairs("\u{212A}=1; K=2; é=3; e=é") == ["K=2", "e=é"])
    }

    @Test(
        "HU-16: escapes are decoded as Tornado 6.6.1 decodes them",
        arguments: [
            (#""\303\251""#, "\u{c3}\u{a9}"), (#""\351""#, "\u{e9}"), (#""\377""#, "\u{ff}"), (#""\400""#, "400"),
            (#""\0541""#, ",1"), (#""\078""#, "078"), (#""\4""#, "4"), (#""a\"b\\c""#, #"a"b\c"#), (#""\""#, #"\"#),
        ])
    func escapes(quoted: String, plain: String) {
        #expect(pairs("a=\(quoted)") == ["a=\(plain)"])
    }

    @Test("HU-16: pairs beyond the limit are reported; malformed pairs do not count")
    func limit() {
        Array("a=1; ;=x; b=2; c".utf8).withUnsafeBytes { octets in
            var parser = CookieParser(octets, limit: 2)
            while parser.next() != nil {}
            #expect(!parser.isTruncated)
            var short = CookieParser(octets, limit: 1)
            #expect(short.next()?.name == "a" && !short.isTruncated)
            #expect(short.next() == nil && short.isTruncated && short.next() == nil)
            #expect(CookieParser.fits(octets, limit: 2) && !CookieParser.fits(octets, limit: 1))
        }
        let many = Array(String(repeating: "a=1;", count: CookieParser.usualLimit).utf8)
        many.withUnsafeBytes { #expect(CookieParser.fits($0)) }
        (many + Array("b=".utf8)).withUnsafeBytes { #expect(!CookieParser.fits($0)) }
    }

    @Test("CVE-2024-7592, CVE-2024-52804: long values of quotes and backslashes cost linear time")
    func linear() {
        func time(_ count: Int) -> Duration {
            let text = "a=\"" + String(repeating: "\\\"", count: count) + "\""
            return processorTime { for _ in 0..<4 { _ = pairs(text) } }
        }
        _ = time(10_000)
        #expect(time(400_000) < time(40_000) * 40)
    }
}
