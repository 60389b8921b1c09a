import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterTesting

@testable import TwisterWeb

@Suite("SecurityHeaders")
struct SecurityHeadersTests {
    private func application(_ headers: SecurityHeaders) throws -> Application {
        let templates = try TemplateLibrary(templates: ["page.html": "<script nonce=\"{{csp_nonce}}\"></script>"])
        return try Application(
            [
                URLSpec(.get, "/") { handler in handler.write("page") },
                URLSpec(.get, "/nonce") { handler in handler.write(handler.cspNonce) },
                URLSpec(.get, "/template") { handler in try handler.render("page.html") },
                URLSpec(.get, "/own") { handler in
                    try handler.setHeader(.contentSecurityPolicy, "default-src *")
                    try handler.connection.head.set("X-Frame-Options", "SAMEORIGIN")
                },
                URLSpec(.get, "/kept") { handler in handler.setStatus(.notModified) },
                URLSpec(.get, "/crash") { (_: RequestHandler) throws in throw HTTPError(.conflict) },
            ], middleware: [headers], settings: ApplicationSettings(templates: templates))
    }

    @Test("X-51: the fields are safe by default, on pages and on errors")
    func defaults() async throws {
        try await application(SecurityHeaders()).testOnBothBackends { client async throws in
            for path in ["/", "/crash", "/none"] {
                let response = try await client.get(path)
                #expect(response.field("X-Content-Type-Options") == "nosniff")
                #expect(response.field("Referrer-Policy") == "strict-origin-when-cross-origin")
                #expect(response.field("X-Frame-Options") == "DENY")
                #expect(response.field("Cross-Origin-Opener-Policy") == "same-origin")
                #expect(response.field("Content-Security-Policy") == "frame-ancestors 'none'")
                #expect(response.field("Strict-Transport-Security") == nil, "the request came over http")
                let secured = try await client.get(path, headers: fields(["X-Scheme": "https", "Host": "example.com"]))
                #expect(secured.field("Strict-Transport-Security") == "max-age=31536000")
            }
        }
    }

    @Test("X-51: hosts of this machine and addresses get no Strict-Transport-Security (RFC 6797, 8.1.1)")
    func localHosts() async throws {
        try await application(SecurityHeaders()).testOnBothBackends { client async throws in
            for (host, isSent) in [
                ("localhost", false), ("LocalHost:8443", false), ("a.localhost:1", false), ("127.0.0.1:8443", false),
                ("10.0.0.1", false), ("[::1]:8443", false), ("example.com:8443", true), ("notlocalhost", true),
                ("localhost.example.com", true),
            ] {
                let response = try await client.get("/", headers: fields(["X-Scheme": "https", "Host": host]))
                #expect((response.field("Strict-Transport-Security") != nil) == isSent, "\(host)")
            }
        }
    }

    @Test("X-51: what the handler sets stays")
    func ownFields() async throws {
        let policy = ContentSecurityPolicy().defaultSrc(.none)
        try await application(SecurityHeaders(contentSecurityPolicy: policy)).testOnBothBackends {
            client async throws in
            let response = try await client.get("/own")
            #expect(response.headers[values: .contentSecurityPolicy] == ["default-src *"])
            #expect(response.field("X-Frame-Options") == "SAMEORIGIN")
        }
    }

    @Test("X-51: each request has a nonce of its own, which its page and its field share")
    func nonces() async throws {
        let policy = ContentSecurityPolicy().scriptSrc(.nonce, .strictDynamic)
        try await application(SecurityHeaders(contentSecurityPolicy: policy)).testOnBothBackends {
            client async throws in
            var seen: Set<String> = []
            for _ in 0..<200 {
                let response = try await client.get("/nonce")
                #expect(
                    response.headers[.contentSecurityPolicy]
                        == "script-src 'nonce-\(response.text)' 'strict-dynamic'; frame-ancestors 'none'")
                #expect(Base64.standard.decode(Array(response.text.utf8)[...])?.count == 16)
                seen.insert(response.text)
            }
            #expect(seen.count == 200)
            let page = try await client.get("/template")
            let nonce = try #require(page.headers[.contentSecurityPolicy]?.split(separator: "'")[1].dropFirst(6))
            #expect(page.text.contains(nonce.replacing("+", with: "&#43;")) || page.text.contains(nonce))
            #expect(
                try await client.get("/kept").headers[.contentSecurityPolicy] == nil, "the browser keeps the old nonce")
        }
    }

    @Test("X-51: all settings are written as their standards want them")
    func settings() async throws {
        let policy = ContentSecurityPolicy(reportOnly: true)
            .defaultSrc(.none).imgSrc(.self, .data).imgSrc(.self, .host("https://img.example.com"))
            .scriptSrc(.hash("sha256", "abc="), .unsafeInline).upgradeInsecureRequests().reportTo("main")
            .directive("fenced-frame-src", .https)
        let headers = SecurityHeaders(
            contentSecurityPolicy: policy, frames: .only(["https://portal.example.com"]), referrerPolicy: nil,
            transportSecurity: .init(maxAge: .seconds(60), includesSubdomains: true, preload: true), openerPolicy: nil,
            permissions: ["camera": [], "geolocation": ["self", "https://maps.example.com"], "fullscreen": ["*"]])
        try await application(headers).testOnBothBackends { client async throws in
            let response = try await client.get("/", headers: fields(["X-Scheme": "https", "Host": "example.com"]))
            #expect(
                response.headers[.contentSecurityPolicyReportOnly]
                    == "default-src 'none'; img-src 'self' https://img.example.com; "
                    + "script-src 'sha256-abc=' 'unsafe-inline'; upgrade-insecure-requests; report-to main; "
                    + "fenced-frame-src https:")
            #expect(response.headers[.contentSecurityPolicy] == nil)
            #expect(response.field("X-Frame-Options") == nil)
            #expect(response.field("Referrer-Policy") == nil)
            #expect(response.field("Cross-Origin-Opener-Policy") == nil)
            #expect(response.field("Strict-Transport-Security") == "max-age=60; includeSubDomains; preload")
            #expect(
                response.field("Permissions-Policy")
                    == "camera=(), geolocation=(self \"https://maps.example.com\"), fullscreen=(*)")
        }
    }

    @Test("X-51: a source that would begin another directive ends the program")
    func injection() async {
        await #expect(processExitsWith: .failure) {
            _ = ContentSecurityPolicy().imgSrc(.host("a.example; script-src *"))
        }
        await #expect(processExitsWith: .failure) { _ = ContentSecurityPolicy().imgSrc(.none, .self) }
    }
}
