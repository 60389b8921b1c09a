import FoundationEssentials
import Testing

@testable import TwisterWeb

/// The codings of signed and encrypted values: one text for each sequence of octets.
@Suite("Base64, hexadecimal digits and numbers")
struct TextCodingTests {
    @Test("base64 is Foundation's, and is undone", arguments: 0..<70)
    func base64(size: Int) {
        let octets = RandomOctets.make(size)
        let text = Base64.standard.encode(octets)
        #expect(String(decoding: text, as: UTF8.self) == Data(octets).base64EncodedString())
        #expect(Base64.standard.decode(text[...]) == octets)
        let url = Base64.url.encode(octets)
        #expect(url == text.filter { $0 != 0x3D }.map { $0 == 0x2B ? 0x2D : $0 == 0x2F ? 0x5F : $0 })
        #expect(Base64.url.decode(url[...]) == octets)
    }

    @Test(
        "base64 that is not canonical is refused",
        arguments: [
            "A", "AA", "AAA", "AB==", "AAB=", "AA=A", "====", "A===", "AAAA=", "AAAA====", "AA==AAAA", "AA-A", "AA A",
            "AAA\n", "AAAA\n", "AA\u{e9}",
        ])
    func refused(text: String) {
        #expect(Base64.standard.decode(Array(text.utf8)[...]) == nil)
    }

    @Test("base64url that is not canonical is refused", arguments: ["A", "AB", "AAB", "AA==", "AA+A", "AAAAA", "AA/A"])
    func refusedURL(text: String) {
        #expect(Base64.url.decode(Array(text.utf8)[...]) == nil)
    }

    @Test("hexadecimal digits, of either case or strictly of the lower one")
    func hexadecimal() {
        #expect(Hexadecimal.encode([0, 0x9F, 0xAF]) == Array("009faf".utf8))
        #expect(Hexadecimal.decode(Array("009FaF".utf8)[...], isStrict: false) == [0, 0x9F, 0xAF])
        for text in ["0", "0g", "g0", "0F", "F0", "+1", " 1", "0x"] {
            #expect(Hexadecimal.decode(Array(text.utf8)[...], isStrict: true) == nil, "\(text)")
        }
    }

    @Test("numbers of one spelling")
    func numbers() {
        #expect(CanonicalNumber.parse(Array("0".utf8)[...]) == 0)
        #expect(CanonicalNumber.parse(Array("999999999999999999".utf8)[...]) == 999_999_999_999_999_999)
        for text in ["", "00", "01", "+1", "-1", " 1", "1 ", "1_0", "1000000000000000000", "\u{661}"] {
            #expect(CanonicalNumber.parse(Array(text.utf8)[...]) == nil, "\(text)")
        }
    }
}
