import Testing
import TwisterCodec

/// BH-11: `Vary` names every field that the response depends on (RFC 9110 12.5.5).
struct VaryFieldTests {
    @Test(
        "a name is added once, and `*` stays",
        arguments: [
            (nil, "Accept-Encoding"), ("", "Accept-Encoding"), (" , ", "Accept-Encoding"),
            ("Cookie", "Cookie, Accept-Encoding"), ("Cookie, Origin", "Cookie, Origin, Accept-Encoding"), ("*", "*"),
            ("Cookie, *", "Cookie, *"), ("Accept-Encoding", "Accept-Encoding"), ("accept-ENCODING", "accept-ENCODING"),
            ("Cookie,Accept-Encoding ,Origin", "Cookie,Accept-Encoding ,Origin"),
            ("X-Accept-Encoding", "X-Accept-Encoding, Accept-Encoding"), ("Accept", "Accept, Accept-Encoding"),
        ] as [(String?, String)])
    func adding(value: String?, expected: String) {
        #expect(VaryField.adding("Accept-Encoding", to: value) == expected)
    }
}
