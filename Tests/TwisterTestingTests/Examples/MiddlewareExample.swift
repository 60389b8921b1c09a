import HTTPTypes
import Testing
import TwisterTesting
import TwisterWeb

private func makeShop(apiToken: String) throws -> Application {
    let policy = ContentSecurityPolicy().defaultSrc(.self).scriptSrc(.nonce).objectSrc(.none).baseURI(.none)
    let robots = BearerAuth(realm: "api") { token in areEqualInConstantTime(token, apiToken) ? "robot" : nil }
    return try Application(
        [
            URLSpec(.get, "/") { handler in handler.write("<script nonce=\"\(handler.cspNonce)\"></script>") },
            RouteGroup("/api", middleware: [robots, RateLimit(600, per: .seconds(60), by: .user)]) {
                URLSpec(.get, "/stock") { handler in handler.write("7 for \(handler.currentUser ?? "nobody")") }
            },
        ],
        middleware: [
            SecurityHeaders(contentSecurityPolicy: policy),
            try CORS(origins: ["https://app.example.com"]),
            RateLimit(100, per: .seconds(1), name: "all"),
            try CrossOriginProtection(trustedOrigins: ["https://app.example.com"]),
            Sessions(),
            Compression(),
        ])
}

@Suite("Example: middleware of a shop") struct MiddlewareExample {
    @Test(arguments: TestDepth.allCases) func pagesOfTheAppReadTheStock(depth: TestDepth) async throws {
        try await makeShop(apiToken: "secret").test(depth) { client in
            let origin: HTTPFields = [.origin: "https://app.example.com"]
            let stock = try await client.get("/api/stock", headers: origin, bearer: "secret")
            #expect(stock.text == "7 for robot")
            #expect(stock.headers[.accessControlAllowOrigin] == "https://app.example.com")
            let refused = try await client.get("/api/stock", headers: origin)
            #expect(refused.status == .unauthorized)
            #expect(refused.headers[.accessControlAllowOrigin] == "https://app.example.com")
            #expect(try await client.get("/").headers[.contentSecurityPolicy]?.contains("'nonce-") == true)
        }
    }
}
