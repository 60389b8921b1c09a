import Testing
import TwisterCodec

/// N-30: addresses and networks of both families.
struct IPNetworkTests {
    @Test("addresses are read and written in the usual notation")
    func addresses() {
        let cases: [(String, String?)] = [
            ("127.0.0.1", "127.0.0.1"), ("255.255.255.255", "255.255.255.255"), ("0.0.0.0", "0.0.0.0"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::0:1", "2001:db8::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::ffff:10.0.0.1", "10.0.0.1"), ("::ffff:a00:1", "10.0.0.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("::1.2.3.4", "::102:304"),
            ("", nil), ("1.2.3", nil), ("1.2.3.4.5", nil), ("01.2.3.4", nil), ("1.2.3.256", nil), ("1.2.3.4 ", nil),
            ("1.2..4", nil), (":", nil), (":::", nil), ("1::2::3", nil), ("1:2:3:4:5:6:7", nil), ("12345::", nil),
            ("::1%lo", nil), ("[::1]", nil), ("localhost", nil), ("1:2:3:4:5:6:7:8:9", nil), ("::1.2.3", nil),
        ]
        for (text, expected) in cases { #expect(IPAddress(text)?.description == expected, "\(text)") }
    }

    @Test("networks contain the addresses that begin with their bits")
    func networks() {
        let cases: [(String, String, Bool)] = [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false), ("::/0", "8.8.8.8", false), ("::/0", "2001::", true),
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1/32", "192.0.2.2", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/33", "2001:db8:8000::", false), ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::/64", "2001:db8:0:1::", false), ("::1/128", "::1", true), ("::1/128", "::2", false),
        ]
        for (network, address, isInside) in cases {
            guard let network = IPNetwork(network), let address = IPAddress(address) else {
                Issue.record("\(network) or \(address) was not read")
                continue
            }
            #expect(network.contains(address) == isInside, "\(network) \(address)")
        }
    }

    @Test("texts that are no network or have bits behind the prefix are refused")
    func malformed() {
        for text in [
            "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.1/8", "::1/129", "::1/64", "10/8", "a/8",
        ] {
            #expect(IPNetwork(text) == nil, "\(text)")
        }
    }
}
