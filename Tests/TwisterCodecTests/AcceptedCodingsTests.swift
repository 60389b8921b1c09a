import Testing
import TwisterCodec
import TwisterTestSupport

/// N-31: the codings that a client accepts (RFC 9110 12.5.3).
struct AcceptedCodingsTests {
    private func weights(_ field: String) -> [Int] {
        field.withOctets { octets in
            let accepted = AcceptedCodings(octets)
            return [accepted.weight("br"), accepted.weight("gzip"), accepted.identityWeight]
        }
    }

    @Test(
        "weights of br, gzip, and of content without a coding",
        arguments: [
            ("", [0, 0, 1]), ("gzip", [0, 1000, 1]), ("gzip, br", [1000, 1000, 1]), ("GZIP;Q=0.5", [0, 500, 1]),
            ("br;q=0.25, gzip;q=1.0", [250, 1000, 1]), ("x-gzip", [0, 1000, 1]), ("*", [1000, 1000, 1000]),
            ("*;q=0.1, br", [1000, 100, 100]), ("gzip;q=0, *", [1000, 0, 1000]),
            ("gzip;q=0.0000, *", [1000, 0, 1000]), ("*;q=0.5, x-gzip;q=-0", [500, 0, 500]),
            ("identity;q=0, gzip", [0, 1000, 0]),
            ("*;q=0", [0, 0, 0]), ("identity, gzip;q=0.5", [0, 500, 1000]), ("gzip;q=0", [0, 0, 1]),
            ("gzip;q=2, br;q=0.1234", [0, 0, 1]), ("gzip;q=", [0, 0, 1]), (",, gzip ;q=0.3 ,", [0, 300, 1]),
            ("gzip;q=0.5, gzip;q=1", [0, 500, 1]), ("notgzip", [0, 0, 1]), ("gzi, gzipp", [0, 0, 1]),
        ] as [(String, [Int])])
    func weights(field: String, expected: [Int]) {
        #expect(weights(field) == expected)
    }

    private static let server: [StaticString] = ["zstd", "br", "gzip"]

    private func preferred(_ field: String) -> String? {
        field.withOctets { AcceptedCodings($0).preferred(of: Self.server) }.map { "\(Self.server[$0])" }
    }

    @Test(
        "N-32: the coding for a server that prefers zstd to br to gzip",
        arguments: [
            ("", nil), ("gzip", "gzip"), ("gzip, deflate, br, zstd", "zstd"), ("gzip, deflate, br", "br"),
            ("br;q=0.5, gzip", "gzip"), ("zstd;q=0.001, br;q=0.002", "br"), ("gzip;q=0", nil), ("gzip;q=0.000", nil),
            ("gzip;q=0, br;q=0", nil), ("*", "zstd"), ("*;q=0.5", "zstd"), ("zstd;q=0, *;q=0.5", "br"), ("*;q=0", nil),
            ("*;q=0, gzip", "gzip"), ("identity", nil), ("identity;q=0", nil), ("identity;q=0, gzip", "gzip"),
            ("identity, gzip;q=0.9", nil), ("identity;q=0.5, gzip;q=0.5", "gzip"), ("identity;q=0, compress", nil),
            ("x-gzip", "gzip"), ("X-GZIP;q=0", nil), (" \t GZip \t;\tQ=1 ", "gzip"), ("gzip ; q = 1", "gzip"),
            ("gzip;q=1.001", nil), ("gzip;q=-1", nil), ("gzip;q=.5", nil), ("gzip;q=1e0", nil), ("gzip;q=0.9.9", nil),
            ("gzip;q=\"1\"", nil), ("gzip;level=9;q=0.5", "gzip"), ("gzip;q=0;q=1", nil), ("gzip;", "gzip"),
            ("br;;q=0.3, gzip;q=0.2", "br"), ("gz ip", nil), ("gzip br", nil), (";q=1", nil), ("gzip\u{0}", nil),
            ("deflate, compress", nil),
            // A coding with a malformed weight is refused, whatever "*" says.
            ("zstd;q=0, br;q=0, gzip;q=0.0000, *", nil), ("zstd;q=x, *", "br"), ("*, zstd;q=", "br"),
            ("zstd;q=0.0000, zstd, br", "br"), ("*;q=x, gzip", "gzip"), ("x-gzip;q=0.0000, *", "zstd"),
            ("identity;q=x, gzip;q=0.001", "gzip"),
        ] as [(String, String?)])
    func preferred(field: String, expected: String?) {
        #expect(preferred(field) == expected)
    }

    @Test("W: whatever bit of a field is changed, no coding is chosen that weighs less than another")
    func mutations() {
        let field = Array("gzip;q=0.5, br;q=0, *;q=0".utf8)
        for index in field.indices {
            for bit in 0..<8 {
                var changed = field
                changed[index] ^= 1 << bit
                changed.withUnsafeBytes { octets in
                    let accepted = AcceptedCodings(octets)
                    let weights = Self.server.map { accepted.weight($0) }
                    let place = accepted.preferred(of: Self.server)
                    #expect((place.map { weights[$0] } ?? 0) == weights.max())
                }
            }
        }
    }

    @Test("a long field costs linear time")
    func linear() {
        let time = { (count: Int) in
            let field = String(repeating: "a;q=0.5;b;c,", count: count)
            return processorTime { for _ in 0..<4 { _ = preferred(field) } }
        }
        _ = time(1_000)
        #expect(time(40_000) < time(4_000) * 40)
    }
}
