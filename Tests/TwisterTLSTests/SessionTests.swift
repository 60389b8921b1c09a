import CTwisterOpenSSL
import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterTLS

/// Sessions are continued where nothing but the connection differs.
@Suite("TLS sessions")
struct SessionTests {
    private let files = TestCertificates.shared

    private func options(_ requirement: SSLOptions.CertificateRequirement = .none, authority: String = "ca.pem")
        -> SSLOptions
    {
        var options = localhostOptions()
        options.certificates.append(
            .init(chain: .file(files.path("example.pem")), key: .file(files.path("example.key"))))
        options.certificateRequirement = requirement
        if requirement != .none { options.certificateAuthorities = .file(files.path(authority)) }
        return options
    }

    private func client(
        _ server: SSLContext, _ version: CInt, _ name: String?, _ session: OpaquePointer? = nil
    ) -> OpenSSLClient {
        OpenSSLClient(server, name: name, session: session) { context in
            _ = openssl_set_versions(context, version, version)
            SSL_CTX_use_certificate_chain_file(context, files.path("alice.pem"))
            SSL_CTX_use_PrivateKey_file(context, files.path("alice.key"), SSL_FILETYPE_PEM)
        }
    }

    /// Whether a session that a server has begun is continued by another, or by the same.
    private func isResumed(
        _ first: SSLContext, _ firstName: String?, _ second: SSLContext, _ secondName: String?, _ version: CInt
    ) throws -> Bool {
        let before = client(first, version, firstName)
        #expect(before.connect() == nil)
        let session = try #require(before.session)
        defer { SSL_SESSION_free(session) }
        let after = client(second, version, secondName, session)
        #expect(after.connect() == nil)
        #expect(after.isResumed == after.server.security?.isResumed)
        return after.isResumed
    }

    @Test("X-1, X-5: a session of one host name is not continued under another", arguments: testedVersions)
    func names(version: CInt) throws {
        let server = try SSLContext(options(), serverSide: true)
        let cases: [(String?, String?, isResumed: Bool)] = [
            ("localhost", "localhost", true), ("localhost", "LocalHost", true),
            ("a.example.com", "a.example.com", true),
            (nil, nil, true), ("localhost", "www.example.org", false), ("www.example.org", "localhost", false),
            ("a.example.com", "b.example.com", false), ("localhost", "unknown.org", false), ("localhost", nil, false),
            (nil, "localhost", false),
        ]
        for (first, second, expected) in cases {
            #expect(
                try isResumed(server, first, server, second, version) == expected, "\(first ?? "-"), \(second ?? "-")")
        }
    }

    @Test("X-2: a session is not continued under other rules for client certificates", arguments: testedVersions)
    func trust(version: CInt) throws {
        let none = try SSLContext(options(), serverSide: true)
        let optional = try SSLContext(options(.optional), serverSide: true)
        let required = try SSLContext(options(.required), serverSide: true)
        let others = try SSLContext(options(.optional, authority: "both-ca.pem"), serverSide: true)
        let all = [none, optional, required, others]
        for (index, first) in all.enumerated() {
            for (otherIndex, second) in all.enumerated() {
                let isSame = index == otherIndex
                #expect(
                    try isResumed(first, "localhost", second, "localhost", version) == isSame, "\(index), \(otherIndex)"
                )
            }
        }
        // The certificate is known in a continued session, too.
        let before = client(required, version, "localhost")
        #expect(before.connect() == nil)
        let session = try #require(before.session)
        defer { SSL_SESSION_free(session) }
        let after = client(required, version, "localhost", session)
        #expect(after.connect() == nil && after.isResumed)
        #expect(after.server.security?.peerCertificate?.commonName == "alice")
    }

    @Test(
        "X-3: a session goes on across a reload, and by another context with the same rules", arguments: testedVersions)
    func reload(version: CInt) throws {
        let server = try SSLContext(options(), serverSide: true)
        let before = client(server, version, "localhost")
        #expect(before.connect() == nil)
        let session = try #require(before.session)
        defer { SSL_SESSION_free(session) }
        try server.reload()
        let after = client(server, version, "localhost", session)
        #expect(after.connect() == nil && after.isResumed)
        let other = client(try SSLContext(options(), serverSide: true), version, "localhost", session)
        #expect(other.connect() == nil && other.isResumed)
    }

    @Test("X-2: a session is not continued once the client's certificate has expired", arguments: testedVersions)
    func expiry(version: CInt) throws {
        for requirement in [SSLOptions.CertificateRequirement.required, .optional] {
            let server = try SSLContext(options(requirement), serverSide: true)
            var isDone = false
            // A machine that is too slow for the first gets more time.
            for seconds in [2, 10, 50] {
                let certificate = try Self.certificate(expiringIn: seconds)
                defer { X509_free(certificate) }
                func connected(_ session: OpaquePointer?) -> (client: OpenSSLClient, alert: CInt?) {
                    let client = OpenSSLClient(server, name: "localhost", session: session) { context in
                        _ = openssl_set_versions(context, version, version)
                        SSL_CTX_use_certificate(context, certificate)
                        SSL_CTX_use_PrivateKey_file(context, files.path("alice.key"), SSL_FILETYPE_PEM)
                    }
                    return (client, client.connect())
                }
                let before = connected(nil)
                guard before.alert == nil else { continue }
                let session = try #require(before.client.session)
                defer { SSL_SESSION_free(session) }
                while X509_cmp_current_time(X509_get0_notAfter(certificate)) == 1 { usleep(50_000) }
                let after = connected(session)
                #expect(after.alert == SSL_AD_CERTIFICATE_EXPIRED, "\(requirement)")
                #expect(after.client.server.security == nil)
                // The client can go on with another certificate.
                let renewed = client(server, version, "localhost", session)
                #expect(renewed.connect() == nil && !renewed.isResumed)
                isDone = true
                break
            }
            #expect(isDone, "the machine was too slow")
        }
    }

    /// The certificate of `alice` with another end.
    private static func certificate(expiringIn seconds: Int) throws -> OpaquePointer {
        let files = TestCertificates.shared
        let chain = try LoadedCertificate.certificates(.file(files.path("alice.pem")))
        for issuer in chain.dropFirst() { X509_free(issuer) }
        let key = try withBIO(over: PEMSource.read(files.path("ca.key"))) { PEM_read_bio_PrivateKey($0, nil, nil, nil) }
        defer { EVP_PKEY_free(key) }
        X509_gmtime_adj(X509_getm_notAfter(chain[0]), seconds)
        #expect(X509_sign(chain[0], key, EVP_sha256()) > 0)
        return chain[0]
    }

    @Test("X-1: a client that uses each ticket once gets the next one with each connection of TLS 1.3")
    func tickets() throws {
        let server = try SSLContext(options(), serverSide: true)
        var session: OpaquePointer?
        var tickets: Set<[UInt8]> = []
        for index in 0..<4 {
            let client = client(server, TLS1_3_VERSION, "localhost", session)
            #expect(client.connect() == nil && client.isResumed == (index > 0))
            SSL_SESSION_free(session)
            session = client.session
            var start: UnsafePointer<UInt8>?
            var count = 0
            SSL_SESSION_get0_ticket(session, &start, &count)
            tickets.insert(Array(UnsafeBufferPointer(start: start, count: count)))
        }
        SSL_SESSION_free(session)
        #expect(tickets.count == 4 && !tickets.contains([]))
    }

    @Test("X-1: there are no sessions where tickets are off", arguments: testedVersions)
    func off(version: CInt) throws {
        var options = options()
        options.sessionTickets = .off
        let server = try SSLContext(options, serverSide: true)
        #expect(try !isResumed(server, "localhost", server, "localhost", version))
    }
}
