import Testing
import TwisterCodec

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
            ("*;q=0.1, br", [1000, 100, 100]), ("gzip;q=0, *", [1000, 0, 1000]), ("identity;q=0, gzip", [0, 1000, 0]),
            ("*;q=0", [0, 0, 0]), ("identity, gzip;q=0.5", [0, 500, 1000]), ("gzip;q=0", [0, 0, 1]),
            ("gzip;q=2, br;q=0.1234", [0, 0, 1]), ("gzip;q=", [0, 0, 1]), (",, gzip ;q=0.3 ,", [0, 300, 1]),
            ("gzip;q=0.5, gzip;q=1", [0, 500, 1]), ("notgzip", [0, 0, 1]), ("gzi, gzipp", [0, 0, 1]),
        ] as [(String, [Int])])
    func weights(field: String, expected: [Int]) {
        #expect(weights(field) == expected)
    }
}
