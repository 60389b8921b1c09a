import Testing
import TwisterCodec

/// N-29, N-30: parsers of what proxies report. No octets of a peer may make them trap.
struct ProxyParserTests {
    private func elements(_ text: String) -> (elements: [ForwardedParser.Element], isMalformed: Bool) {
        Array(text.utf8).withUnsafeBytes { octets in
            var parser = ForwardedParser(octets)
            var elements: [ForwardedParser.Element] = []
            while let element = parser.next() { elements.append(element) }
            return (elements, parser.isMalformed)
        }
    }

    private func node(_ text: String) -> String? {
        Array(text.utf8).withUnsafeBytes { octets in
            if case .address(let address) = ForwardedNode(octets) { address.description } else { nil }
        }
    }

    @Test("Forwarded: quoted strings, IPv6, several proxies")
    func forwarded() {
        let (list, isMalformed) = elements(
            #"for=192.0.2.43;proto=HTTPS , For="[2001:db8:cafe::17]:4711";by=_x;host="a\"b", ,for=unknown,for="_gazonk""#
        )
        #expect(!isMalformed)
        #expect(list.count == 4)
        #expect(
            list.map(\.node) == [
                IPAddress("192.0.2.43").map(ForwardedNode.address),
                IPAddress("2001:db8:cafe::17").map(ForwardedNode.address),
                .hidden, .hidden,
            ])
        #expect(list[0].proto == "https")
        #expect(list[1].host == "a\"b")
    }

    @Test("Forwarded: a malformed element ends the list")
    func malformedForwarded() {
        for text in [
            "for", "for=", "for=\"a", "for=a b", "for=a;for=b", "=a", "for=\"a\\", "for=a,;=", "for=a/b", "for =a",
        ] {
            #expect(elements(text).isMalformed, "\(text)")
        }
        #expect(elements("").elements.isEmpty)
        #expect(elements(" ,, ,").elements.isEmpty)
    }

    @Test("nodes with and without ports and brackets")
    func nodes() {
        let cases: [(String, String?)] = [
            ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:80", "192.0.2.1"), ("192.0.2.1:_p", "192.0.2.1"), ("[::1]", "::1"),
            ("[::1]:80", "::1"), ("::1", "::1"), ("[192.0.2.1]", nil), ("192.0.2.1:", nil), ("192.0.2.1:123456", nil),
            ("unknown", nil), ("_x", nil), ("", nil), ("[::1", nil), ("[::1]x", nil), ("a.example", nil),
        ]
        for (text, expected) in cases { #expect(node(text) == expected, "\(text)") }
    }

    private func proxy(_ octets: [UInt8]) -> ProxyProtocolParser.Result {
        octets.withUnsafeBytes { ProxyProtocolParser.parse($0) }
    }

    private static func binary(_ command: UInt8, _ family: UInt8, _ payload: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? payload.count
        return [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
            + [command, family, UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)] + payload
    }

    @Test("N-29: PROXY version 1, cut anywhere")
    func version1() {
        let lines: [(String, String?)] = [
            ("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "192.0.2.1"),
            ("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", "2001:db8::1"),
            ("PROXY UNKNOWN\r\n", nil), ("PROXY UNKNOWN ffff::1 what ever 1 2\r\n", nil),
        ]
        for (line, source) in lines {
            let octets = Array(line.utf8)
            #expect(
                proxy(octets + [71]) == .complete(consumed: octets.count, source: source.flatMap { IPAddress($0) }),
                "\(line)")
            for cut in 0..<octets.count { #expect(proxy(Array(octets[..<cut])) == .needMore, "\(line) at \(cut)") }
        }
        let broken = [
            "GET / HTTP/1.1\r\n", "PROXY\r\n", "PROXY \r\n", "proxy UNKNOWN\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
            "PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "PROXY UNKNOWN\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY UNKNOWN " + String(repeating: "x", count: 200),
        ]
        for line in broken { #expect(proxy(Array(line.utf8)) == .invalid, "\(line)") }
    }

    @Test("N-29: PROXY version 2, with TLVs, LOCAL, and cut anywhere")
    func version2() {
        let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 4, 1, 187]
        let v6: [UInt8] = [0x20, 1, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [1] + Array(repeating: 0, count: 20)
        let tlvs: [UInt8] = [3, 0, 4, 1, 2, 3, 4]
        let cases: [([UInt8], String?)] = [
            (Self.binary(0x21, 0x11, v4), "192.0.2.1"), (Self.binary(0x21, 0x11, v4 + tlvs), "192.0.2.1"),
            (Self.binary(0x21, 0x21, v6 + tlvs), "2001:db8::1"), (Self.binary(0x20, 0x00, []), nil),
            (Self.binary(0x20, 0x11, v4), nil), (Self.binary(0x21, 0x00, tlvs), nil),
            (Self.binary(0x21, 0x31, Array(repeating: 0, count: 216)), nil),
        ]
        for (octets, source) in cases {
            #expect(proxy(octets + [71]) == .complete(consumed: octets.count, source: source.flatMap { IPAddress($0) }))
            for cut in 0..<octets.count { #expect(proxy(Array(octets[..<cut])) == .needMore) }
        }
        let broken = [
            Self.binary(0x11, 0x11, v4), Self.binary(0x22, 0x11, v4), Self.binary(0x21, 0x11, Array(v4.dropLast())),
            Self.binary(0x21, 0x21, v4), Self.binary(0x21, 0x41, v4), Self.binary(0x21, 0x13, v4),
            Self.binary(0x21, 0x11, v4, length: 65_535), [0x0D, 0x0A, 0x0D, 0x0A, 1],
        ]
        for octets in broken { #expect(proxy(octets) == .invalid) }
    }

    @Test("random octets make no parser trap")
    func random() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("for=\"\\,;:[]_ 0aFPROXY TCP4\r\n.".utf8)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<40, using: &generator)
            let octets = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            _ = elements(String(decoding: octets, as: UTF8.self))
            _ = proxy(octets)
            _ = proxy(Self.binary(0x21, 0x11, octets, length: Int.random(in: 0..<60, using: &generator)))
            _ = node(String(decoding: octets, as: UTF8.self))
            octets.withUnsafeBytes { octets in
                var cookies = CookieParser(octets)
                while cookies.next() != nil {}
            }
        }
    }
}
