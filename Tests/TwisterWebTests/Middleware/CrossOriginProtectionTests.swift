import HTTPTypes
import Testing
import TwisterHTTP
import TwisterTesting

@testable import TwisterWeb

@Suite("CrossOriginProtection")
struct CrossOriginProtectionTests {
    private func application(_ protection: CrossOriginProtection) throws -> Application {
        try Application(
            [
                URLSpec(.get, "/") { handler in handler.write("read") },
                URLSpec(.post, "/") { handler in handler.write("changed") },
            ], middleware: [protection])
    }

    /// The table is what Tornado 6.6.1 does with the same requests.
    private static let cases: [(fields: KeyValuePairs<String, String>, isServed: Bool)] = [
        ([:], true),
        (["Sec-Fetch-Site": "same-origin"], true),
        (["Sec-Fetch-Site": "none"], true),
        (["Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"], true),
        (["Sec-Fetch-Site": "same-site"], false),
        (["Sec-Fetch-Site": "cross-site"], false),
        (["Sec-Fetch-Site": "Same-Origin"], false),
        (["Sec-Fetch-Site": ""], false),
        (["Sec-Fetch-Site": "cross-site", "Origin": "https://app.test"], false),
        (["Sec-Fetch-Site": "cross-site", "Origin": "https://trusted.example"], true),
        (["Sec-Fetch-Site": "cross-site", "Origin": "https://trusted.example.evil"], false),
        (["Origin": "https://app.test"], true),
        (["Origin": "http://APP.test"], true),
        (["Origin": "https://app.test:8443"], false),
        (["Origin": "https://trusted.example"], true),
        (["Origin": "https://evil.example"], false),
        (["Origin": "null"], false),
        (["Origin": ""], false),
        (["Origin": "app.test"], false),
    ]

    @Test("6.6's cross_origin_protection: methods that change something are served for the own and for trusted origins")
    func unsafeMethods() async throws {
        let protection = try CrossOriginProtection(trustedOrigins: ["https://trusted.example"])
        try await application(protection).testOnBothBackends { client async throws in
            for (pairs, isServed) in Self.cases {
                var sent = fields(pairs)
                sent.append(HTTPField(name: HTTPField.Name("Host") ?? .accept, value: "app.test"))
                let response = try await client.post("/", headers: sent)
                #expect(response.status == (isServed ? .ok : .forbidden), "\(pairs)")
                #expect(try await client.get("/", headers: sent).status == .ok)
            }
        }
    }

    @Test("6.6's check_trusted_origin: a closure decides")
    func closure() async throws {
        let protection = CrossOriginProtection { handler, origin in
            origin == "https://partner.example" && handler.request.path == "/"
        }
        try await application(protection).testOnBothBackends { client async throws in
            #expect(try await client.post("/", headers: [.origin: "https://partner.example"]).status == .ok)
            #expect(try await client.post("/", headers: [.origin: "https://other.example"]).status == .forbidden)
        }
    }

    @Test("6.6's trusted_origins: a text that is no origin is refused")
    func malformed() {
        #expect(throws: OriginError.malformed("trusted.example")) {
            try CrossOriginProtection(trustedOrigins: ["trusted.example"])
        }
    }
}
