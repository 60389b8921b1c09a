import Testing

@testable import TwisterWeb

/// RH-39, RH-40, SET-13: XSRF tokens. The expected results are those of Tornado 6.6.1.
@Suite("XSRFToken")
struct XSRFTokenTests {
    private static let time = 1_300_000_000.0

    @Test("RH-39: Tornado's text for a token and a mask")
    func text() throws {
        let token = try #require(XSRFToken("000102030405060708090a0b0c0d0e0f", now: Self.time))
        let text = "2|01a2b3c4|01a3b1c705a7b5c309abb9cf0dafbdcb|1300000000"
        #expect(token.text(mask: [0x01, 0xA2, 0xB3, 0xC4]) == text)
        #expect(token.text(version: .one) == "000102030405060708090a0b0c0d0e0f")
        #expect(try #require(XSRFToken(text)).matches(token))
    }

    @Test(
        "RH-40: texts that Tornado reads, and what it reads from them",
        arguments: [
            ("2|01a2b3c4|00a0b0c7|1300000000", .two, [1, 2, 3, 3], 1_300_000_000),
            ("2|01A2B3C4|00A0b0c7|12", .two, [1, 2, 3, 3], 12),
            ("000102ff", .one, [0, 1, 2, 255], 7), ("000102FF", .one, [0, 1, 2, 255], 7),
            ("0001zz", .one, Array("0001zz".utf8), 7), ("02|aa", .one, Array("02|aa".utf8), 7),
            ("plain text", .one, Array("plain text".utf8), 7), ("01|", .one, Array("01|".utf8), 7),
            ("\u{e9}", .one, [0xC3, 0xA9], 7),
        ] as [(String, XSRFToken.Version, [UInt8], Int)])
    func readable(text: String, version: XSRFToken.Version, octets: [UInt8], time: Int) throws {
        let token = try #require(XSRFToken(text, now: 7.5))
        #expect(token.version == version && token.octets == octets && token.time == time)
    }

    @Test(
        "RH-40: texts that are refused",
        arguments: [
            "2|x", "3|a|b|c", "2|01a2b3c4|00a0b0c|1", "2|01a2b3|00a0b0c7|1", "2|01a2b3c4|00a0b0c7|1|",
            "99999999999999999999|x", "2|01a2b3c4|00a0b0c7|x", "2||00a0b0c7|1", "2|01a2b3c4d5|00a0b0c7|1", "2|",
            // Tornado reads these: no token at all, a token of no octets, and a time with a sign or a space.
            "", "2|01a2b3c4||1", "2|01a2b3c4|00a0b0c7|-1", "2|01a2b3c4|00a0b0c7| 1",
            "2|01a2b3c4|00a0b0c7|99999999999999999999", String(repeating: "a", count: XSRFToken.maxSize + 1),
        ])
    func refused(text: String) {
        #expect(XSRFToken(text) == nil)
    }

    @Test(
        "RH-39: a token has 16 octets, a new mask each time, and matches itself under any mask",
        arguments: XSRFToken.Version.allCases)
    func roundTrip(version: XSRFToken.Version) throws {
        let token = XSRFToken(now: Self.time)
        #expect(token.version == nil && token.octets.count == 16 && token.time == 1_300_000_000)
        var texts: Set<String> = []
        for _ in 0..<100 {
            let text = token.text(version: version)
            let again = try #require(XSRFToken(text))
            #expect(again.matches(token) && again.version == version)
            #expect(version == .one || again.time == token.time)
            texts.insert(text)
        }
        #expect(version == .one ? texts.count == 1 : texts.count > 90)
    }

    @Test("RH-40: each bit of mask or token that is another one makes another token")
    func flips() throws {
        let token = XSRFToken()
        let text = Array(token.text().utf8)
        for index in text.indices.dropLast("|1300000000".utf8.count) {
            for bit in 0..<8 {
                var changed = text
                changed[index] ^= 1 << bit
                guard let changedText = String(validating: changed, as: UTF8.self), let other = XSRFToken(changedText)
                else { continue }
                // A letter in upper case is the same digit.
                let isSameDigit = bit == 5 && ("a"..."f").contains(Unicode.Scalar(text[index]))
                #expect(other.matches(token) == isSameDigit, "bit \(bit) of octet \(index)")
            }
        }
    }

    @Test("RH-40: tokens are not the same by length alone, nor by a common beginning")
    func comparison() throws {
        #expect(!XSRFToken().matches(XSRFToken()))
        let short = try #require(XSRFToken("0001"))
        #expect(try !short.matches(#require(XSRFToken("000102"))) && !short.matches(#require(XSRFToken("0002"))))
        #expect(try short.matches(#require(XSRFToken("0001"))))
    }
}
