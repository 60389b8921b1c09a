import Testing
import TwisterCodec

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

    @Test("CVE-2024-7592, CVE-2024-52804: long values of quotes and backslashes cost linear time")
    func linear() {
        func time(_ count: Int) -> Duration {
            let text = "a=\"" + String(repeating: "\\\"", count: count) + "\""
            return ContinuousClock().measure { for _ in 0..<4 { _ = pairs(text) } }
        }
        _ = time(10_000)
        #expect(time(400_000) < time(40_000) * 40)
    }
}
