import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// H1-20: compressed request bodies reach their handlers inflated, within the limits of bodies.
@Suite(.serialized)
struct InflatingTests {
    private static let report = Responding { request in
        let coding = request.headers["Content-Encoding"] ?? "none"
        let consumed = request.headers["X-Consumed-Content-Encoding"] ?? "none"
        request.connection.write("\(coding) \(consumed) \(request.body.count)")
    }

    private func post(_ client: TestClient, _ coding: String, _ body: [UInt8], chunked: Bool = false) throws
        -> TestClient.Response
    {
        let framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.count)"
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: \(coding)\r\n\(framing)\r\n\r\n")
        if chunked {
            for byte in body { try client.send([0x31, 13, 10, byte, 13, 10]) }
            try client.send("0\r\n\r\n")
        } else {
            try client.send(body)
        }
        return try client.receiveResponse()
    }

    @Test("H1-20: gzip and deflate, collected and chunked", arguments: testedBackends)
    func inflates(_ backend: IOBackend) async throws {
        let text = Array(String(repeating: "hello ", count: 10_000).utf8)
        try await withServer(backend, Self.report) {
            $0.decompressRequest = true
        } _: { port in
            let client = try TestClient(port: port)
            for chunked in [false, true] {
                #expect(
                    try post(client, "gzip", compressed(text, gzip: true), chunked: chunked).text == "none gzip 60000")
                #expect(
                    try post(client, "DEFLATE", compressed(text, gzip: false), chunked: chunked).text
                        == "none DEFLATE 60000")
            }
            for list in ["gzip,", ", gzip", "identity, gzip", "x-gzip,,IDENTITY"] {
                #expect(try post(client, list, compressed(text, gzip: true)).text == "none \(list) 60000")
            }
            for list in ["identity", "identity, identity", ","] {
                #expect(try post(client, list, text).text == "\(list) none 60000")
            }
            #expect(try post(client, "gzip", []).text == "gzip none 0", "no body, nothing consumed")
        }
    }

    @Test("H1-20: off by default", arguments: testedBackends)
    func off(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.report) { port in
            let body = compressed([1, 2, 3], gzip: true)
            let response = try post(TestClient(port: port), "gzip", body)
            #expect(response.text == "gzip none \(body.count)")
        }
    }

    @Test("H1-20: what is refused, and how", arguments: testedBackends)
    func refused(_ backend: IOBackend) async throws {
        let zeros = compressed([UInt8](repeating: 0, count: 3_000_000), gzip: true)
        let cases: [(coding: String, body: [UInt8], status: Int)] = [
            ("br", [1], 415), ("gzip, gzip", [1], 415), ("gzip,, br", [1], 415), ("identity, br", [1], 415),
            ("gzip", [1, 2, 3], 400),
            ("gzip", Array(compressed([1, 2, 3], gzip: true).dropLast()), 400), ("gzip", zeros, 413),
        ]
        for ratio in [0, 100] {
            try await withServer(backend, Self.report) {
                $0.decompressRequest = true
                $0.maxInflateRatio = ratio
                if ratio == 0 { $0.maxBodySize = 1_000_000 }
            } _: { port in
                for (coding, body, status) in cases {
                    let client = try TestClient(port: port)
                    let response = try post(client, coding, body)
                    #expect(response.status == status, "\(coding)")
                    #expect(status != 415 || response.field("Accept-Encoding") == "gzip, deflate")
                    #expect(try client.endsConnection(after: response))
                }
            }
        }
    }
}
