import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// SRV-10, N-29, N-30: who the client is, behind proxies.
@Suite(.serialized)
struct ProxyTests {
    private static let whoami = Responding { $0.connection.write("\($0.remoteIP) \($0.protocol)") }

    private func ask(_ client: TestClient, _ fields: String) throws -> String {
        try client.ask("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n").text
    }

    @Test("S-31, SRV-10: X-Forwarded-For and the others, for one request each", arguments: testedBackends)
    func xheaders(_ backend: IOBackend) async throws {
        let cases: [(fields: String, expected: String)] = [
            ("X-Forwarded-For: 4.4.4.4\r\n", "4.4.4.4 http"),
            ("X-Forwarded-For: 5.5.5.5, 4.4.4.4\r\n", "4.4.4.4 http"),
            ("X-Forwarded-For: 5.5.5.5\r\nX-Forwarded-For: 4.4.4.4\r\n", "4.4.4.4 http"),
            ("X-Forwarded-For: 5.5.5.5, 4.4.4.4, 10.1.1.1, 127.0.0.1\r\n", "4.4.4.4 http"),
            ("X-Forwarded-For: 10.1.1.1, 10.2.2.2\r\n", "10.1.1.1 http"),
            ("X-Forwarded-For: 4.4.4.4, unknown, 10.2.2.2\r\n", "10.2.2.2 http"),
            ("X-Forwarded-For: 4.4.4.4<script>\r\n", "127.0.0.1 http"), ("X-Forwarded-For: ,,\r\n", "127.0.0.1 http"),
            ("X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1 http"),
            ("X-Real-Ip: 4.4.4.4\r\nX-Forwarded-For: 5.5.5.5\r\n", "4.4.4.4 http"),
            ("X-Real-Ip: 2620:0:1cfe:face:b00c::3\r\n", "2620:0:1cfe:face:b00c::3 http"),
            ("X-Real-Ip: 4.4.4.4.4\r\n", "127.0.0.1 http"),
            ("X-Scheme: https\r\n", "127.0.0.1 https"), ("X-Forwarded-Proto: https\r\n", "127.0.0.1 https"),
            ("X-Forwarded-Proto: https, http\r\n", "127.0.0.1 http"),
            ("X-Forwarded-Proto: http , https \r\n", "127.0.0.1 https"), ("X-Scheme: gopher\r\n", "127.0.0.1 http"),
            ("Forwarded: for=4.4.4.4;proto=https\r\n", "127.0.0.1 http"), ("", "127.0.0.1 http"),
        ]
        try await withServer(backend, Self.whoami) { configuration in
            configuration.xheaders = true
            configuration.trustedProxies = ["127.0.0.0/8", "10.0.0.0/8"]
        } _: { port in
            let client = try TestClient(port: port)
            for (fields, expected) in cases {
                #expect(try ask(client, fields) == expected, "\(fields)")
                #expect(try ask(client, "") == "127.0.0.1 http", "undone after \(fields)")
            }
        }
    }

    @Test("N-30: a peer that is not trusted is not believed, nor is anybody by default", arguments: testedBackends)
    func untrusted(_ backend: IOBackend) async throws {
        let all =
            "X-Forwarded-For: 4.4.4.4\r\nX-Real-Ip: 4.4.4.4\r\nX-Scheme: https\r\nForwarded: for=4.4.4.4;proto=https\r\n"
        for isOn in [false, true] {
            try await withServer(backend, Self.whoami) { configuration in
                configuration.xheaders = isOn
                configuration.forwardedHeader = isOn
                if isOn { configuration.trustedProxies = ["192.0.2.0/24", "::/0"] }
            } _: { port in
                let response = try ask(TestClient(port: port), all)
                #expect(response == "127.0.0.1 http")
            }
        }
    }

    @Test("N-30: Forwarded", arguments: testedBackends)
    func forwarded(_ backend: IOBackend) async throws {
        let cases: [(field: String, expected: String)] = [
            ("for=4.4.4.4", "4.4.4.4 http"), ("for=4.4.4.4;proto=https", "4.4.4.4 https"),
            ("for=\"[2001:db8::1]:80\"", "2001:db8::1 http"),
            ("for=5.5.5.5, for=4.4.4.4, for=127.0.0.9", "4.4.4.4 http"),
            ("for=4.4.4.4, for=_hidden, for=127.0.0.9", "127.0.0.9 http"), ("for=unknown", "127.0.0.1 http"),
            ("for=4.4.4.4, for=\"5.5", "127.0.0.1 http"), ("proto=https", "127.0.0.1 https"),
        ]
        try await withServer(backend, Self.whoami) {
            $0.forwardedHeader = true
        } _: { port in
            let client = try TestClient(port: port)
            for (field, expected) in cases {
                #expect(try ask(client, "X-Forwarded-For: 9.9.9.9\r\nForwarded: \(field)\r\n") == expected, "\(field)")
            }
        }
    }

    @Test("N-29: the PROXY protocol names the client of the connection", arguments: testedBackends)
    func proxyProtocol(_ backend: IOBackend) async throws {
        let binary: [UInt8] =
            [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 15]
            + [4, 4, 4, 4, 127, 0, 0, 1, 1, 1, 2, 2, 4, 0, 0]
        let headers: [(octets: [UInt8], address: String)] = [
            (Array("PROXY TCP4 4.4.4.4 127.0.0.1 1 2\r\n".utf8), "4.4.4.4"), (binary, "4.4.4.4"),
            (Array("PROXY TCP6 2001:db8::1 ::1 1 2\r\n".utf8), "2001:db8::1"),
            (Array("PROXY UNKNOWN\r\n".utf8), "127.0.0.1"),
        ]
        try await withServer(backend, Self.whoami) {
            $0.proxyProtocol = true
        } _: { port in
            for (octets, address) in headers {
                for cut in [0, 1, octets.count / 2, octets.count] {
                    let client = try TestClient(port: port)
                    try client.sendAhead(Array(octets[..<cut]))
                    await Task.yield()
                    try client.sendAhead(Array(octets[cut...]))
                    #expect(try ask(client, "") == "\(address) http")
                    #expect(try ask(client, "") == "\(address) http", "it holds for the whole connection")
                }
            }
        }
    }

    @Test("N-29: without the header a trusted peer is cut off, in time; others speak HTTP", arguments: testedBackends)
    func missingProxyHeader(_ backend: IOBackend) async throws {
        try await withServer(backend, Self.whoami) {
            $0.proxyProtocol = true
            $0.headerTimeout = .milliseconds(200)
        } _: { port in
            for text in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PROXY TCP4 x\r\n", "", "PROXY "] {
                let client = try TestClient(port: port)
                try client.send(text)
                #expect(try client.isClosed(), "\(text)")
            }
        }
        try await withServer(backend, Self.whoami) {
            $0.proxyProtocol = true
            $0.trustedProxies = ["192.0.2.1"]
        } _: { port in
            #expect(try ask(TestClient(port: port), "") == "127.0.0.1 http")
            let client = try TestClient(port: port)
            #expect(
                try client.ask("PROXY TCP4 4.4.4.4 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 400)
        }
    }
}
