import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTesting

@testable import TwisterWeb

@Suite("RateLimit")
struct RateLimitTests {
    /// Runs a test on each backend, with buckets of its own: each has a clock of its own.
    private func test(
        _ middleware: @autoclosure () -> [any Middleware], _ body: (TestClient) async throws -> Void
    ) async throws {
        for backend in [IOBackend.ioUring, .epoll] {
            let application = try Application(
                [URLSpec(.get, "/") { handler in handler.write("served") }], middleware: middleware())
            try await application.test(on: backend, clock: .virtual, body)
        }
    }

    @Test("X-56: a burst is served, then 429 says when to come back, and that is true")
    func bucket() async throws {
        try await test([RateLimit(60, per: .seconds(60), burst: 3)]) { client async throws in
            for left in [2, 1, 0] {
                let response = try await client.get("/")
                #expect(response.status == .ok)
                #expect(response.field("RateLimit-Policy") == "\"default\";q=60;w=60")
                #expect(response.field("RateLimit") == "\"default\";r=\(left);t=\(3 - left)")
            }
            let refused = try await client.get("/")
            #expect(refused.status == .tooManyRequests)
            #expect(refused.headers[.retryAfter] == "1")
            #expect(refused.field("RateLimit") == "\"default\";r=0;t=3")
            try await client.advance(by: .milliseconds(900))
            #expect(try await client.get("/").status == .tooManyRequests)
            try await client.advance(by: .milliseconds(100))
            #expect(try await client.get("/").status == .ok)
            #expect(try await client.get("/").status == .tooManyRequests)
            try await client.advance(by: .seconds(3_600))
            for _ in 0..<3 { #expect(try await client.get("/").status == .ok) }
            #expect(try await client.get("/").status == .tooManyRequests, "tokens are not saved up")
        }
    }

    @Test("X-56: addresses are clients of their own, and those of one /64 are one")
    func clients() async throws {
        try await test([RateLimit(1, per: .seconds(60))]) {
            client async throws in
            func status(_ address: String) async throws -> Int {
                try await client.get("/", headers: fields(["X-Real-Ip": address])).status.code
            }
            #expect(try await status("192.0.2.1") == 200)
            #expect(try await status("192.0.2.1") == 429)
            #expect(try await status("192.0.2.2") == 200)
            #expect(try await status("::ffff:192.0.2.2") == 429)
            #expect(try await status("2001:db8:0:1::1") == 200)
            #expect(try await status("2001:db8:0:1:ffff::2") == 429)
            #expect(try await status("2001:db8:0:2::1") == 200)
        }
    }

    @Test("X-56: users are counted by their names, whatever their addresses, and others by their addresses")
    func users() async throws {
        let auth = BearerAuth(realm: "api", required: false) { (token) -> String? in token }
        try await test([auth, RateLimit(1, per: .seconds(60), by: .user)]) { client async throws in
            #expect(try await client.get("/", bearer: "ann").status == .ok)
            let elsewhere = fields(["X-Real-Ip": "192.0.2.9"])
            #expect(try await client.get("/", headers: elsewhere, bearer: "ann").status == .tooManyRequests)
            #expect(try await client.get("/", bearer: "ben").status == .ok)
            #expect(try await client.get("/", headers: elsewhere).status == .ok)
            #expect(try await client.get("/", headers: elsewhere).status == .tooManyRequests)
        }
    }

    @Test("X-56: a closure tells clients apart, and nil is not limited")
    func custom() async throws {
        let key = RateLimit.Key.custom { $0.request.headers["X-Key"] }
        try await test([RateLimit(1, per: .seconds(60), by: key, name: "keys"), RateLimit(9, per: .seconds(1))]) {
            client async throws in
            let long = String(repeating: "k", count: 4_000)
            #expect(try await client.get("/", headers: fields(["X-Key": long])).status == .ok)
            #expect(try await client.get("/", headers: fields(["X-Key": long])).status == .tooManyRequests)
            #expect(try await client.get("/", headers: fields(["X-Key": long + "l"])).status == .ok)
            for _ in 0..<3 { #expect(try await client.get("/").status == .ok) }
            let both = try await client.get("/", headers: fields(["X-Key": "both"]))
            #expect(both.field("RateLimit-Policy")?.contains("\"keys\";q=1;w=60") == true)
            #expect(both.field("RateLimit-Policy")?.contains("\"default\";q=9;w=1") == true)
        }
    }

    @Test("X-56: with more clients than there is room for, one that is over its limit stays known")
    func boundedMemory() async throws {
        let key = RateLimit.Key.custom { $0.request.headers["X-Key"] }
        try await test([RateLimit(1, per: .seconds(60), by: key, burst: 2, capacity: 16)]) { client async throws in
            let greedy = fields(["X-Key": "greedy"])
            for _ in 0..<2 { #expect(try await client.get("/", headers: greedy).status == .ok) }
            for index in 0..<200 {
                #expect(try await client.get("/", headers: fields(["X-Key": "\(index)"])).status == .ok)
            }
            #expect(try await client.get("/", headers: greedy).status == .tooManyRequests)
        }
    }
}
