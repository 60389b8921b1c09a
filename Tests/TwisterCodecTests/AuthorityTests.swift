import Testing

@testable import TwisterCodec

@Suite("Authority")
struct AuthorityTests {
    private func authority(_ text: String) -> Authority? {
        Array(text.utf8).withUnsafeBytes { Authority($0) }
    }

    @Test(
        "Well-formed",
        arguments: [
            ("", 0, nil), ("h", 1, nil), ("h:", 1, nil), ("h:0", 1, 0), ("h:00065535", 1, 65_535), ("a_b.c-d~", 8, nil),
            ("%41!$&'()*+;=", 13, nil), ("[::]", 4, nil), ("[::1]:80", 5, 80), ("[1:2:3:4:5:6:7:8]", 17, nil),
            ("[1::8]", 6, nil), ("[1:2:3:4:5:6:7::]", 17, nil),
            ("[::2:3:4:5:6:7:8]", 17, nil), ("[::ffff:1.2.3.4]", 16, nil),
            ("[1:2:3:4:5:6:1.2.3.4]", 21, nil), ("[ABCD::abcd]", 12, nil), ("[v1.a:b]", 8, nil),
        ] as [(String, Int, UInt16?)])
    func valid(text: String, hostCount: Int, port: UInt16?) throws {
        let found: Authority? = authority(text)
        let authority = try #require(found)
        #expect(authority.hostCount == hostCount)
        #expect(authority.port == port)
    }

    @Test(
        "Malformed",
        arguments: [
            "h:65536", "h:99999999999999999999", "h:-1", "h:+1", "h: 1", "h:1:2", "u@h", "h/", "h?", "h#", "h,i", "h i",
            "\"h\"",
            "h\\", "<h>", "{h}", "h|", "h^", "h`", "%", "%4", "%4g", "[", "[]", "[::1", "::1", "[::1]a", "[::1]80",
            "[:1]",
            "[1:]", "[:::]", "[1:::2]", "[1::2::3]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1::2:3:4:5:6:7:8]",
            "[12345::]", "[g::]", "[::1.2.3]", "[::1.2.3.4.5]", "[::1.2.3.256]", "[::01.2.3.4]", "[::1.2.3.4:5]",
            "[1:2:3:4:5:6:7:1.2.3.4]", "[fe80::1%25eth0]", "[1.2.3.4]", "[v.a]", "[v1.]", "[vg.a]", "\u{e9}",
        ])
    func invalid(text: String) {
        #expect(authority(text) == nil)
    }
}
