import CTwisterOpenSSL
import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterTLS

/// What a server agrees to, and with which alert it refuses the rest (RFC 8446, 6.2).
@Suite("TLS protocol")
struct TLSProtocolTests {
    private let files = TestCertificates.shared

    private func server(_ change: (inout SSLOptions) -> Void = { _ in }) throws -> SSLContext {
        var options = localhostOptions()
        change(&options)
        return try SSLContext(options, serverSide: true)
    }

    @Test("NET-8: TLS 1.0 and 1.1 are refused with protocol_version")
    func oldVersions() throws {
        for version in [TLS1_VERSION, TLS1_1_VERSION] {
            let client = OpenSSLClient(try server()) { context in
                SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0")
                #expect(openssl_set_versions(context, version, version) == 1)
            }
            #expect(client.connect() == SSL_AD_PROTOCOL_VERSION)
            #expect((client.host.error as? SSLError)?.reason == .protocolViolation)
        }
    }

    @Test("NET-8: a server of TLS 1.3 refuses 1.2 with protocol_version, and the other way round")
    func pinnedVersions() throws {
        for (lowest, other) in [(SSLOptions.Version.tls13, TLS1_2_VERSION), (.tls12, TLS1_3_VERSION)] {
            let pinned = try server { ($0.minimumVersion, $0.maximumVersion) = (lowest, lowest) }
            let client = OpenSSLClient(pinned) { _ = openssl_set_versions($0, other, other) }
            #expect(client.connect() == SSL_AD_PROTOCOL_VERSION)
        }
    }

    @Test("NET-8: ciphers without forward secrecy or authenticated encryption are refused with handshake_failure")
    func weakCiphers() throws {
        let weak = [
            "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256",
            "AECDH-AES128-SHA", "NULL-SHA256",
        ]
        for cipher in weak {
            let client = OpenSSLClient(try server()) { context in
                _ = openssl_set_versions(context, TLS1_2_VERSION, TLS1_2_VERSION)
                #expect(SSL_CTX_set_cipher_list(context, "\(cipher):@SECLEVEL=0") == 1, "\(cipher)")
            }
            #expect(client.connect() == SSL_AD_HANDSHAKE_FAILURE, "\(cipher)")
        }
    }

    @Test("X-1: no common application protocol is no_application_protocol", arguments: testedVersions)
    func applicationProtocols(version: CInt) throws {
        var usage = SecuredUsage()
        usage.applicationProtocols = ["h2", "http/1.1"]
        let offers: [([String], alert: CInt?)] = [
            (["http/1.0", "spdy/1"], SSL_AD_NO_APPLICATION_PROTOCOL), (["h2c"], SSL_AD_NO_APPLICATION_PROTOCOL),
            (["x", "http/1.1"], nil), (["http/1.1", "h2"], nil), ([], nil),
        ]
        for (offered, alert) in offers {
            let client = OpenSSLClient(try server(), usage: usage) { context in
                _ = openssl_set_versions(context, version, version)
                let list = offered.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
                if !list.isEmpty { SSL_CTX_set_alpn_protos(context, list, CUnsignedInt(list.count)) }
            }
            #expect(client.connect() == alert, "\(offered)")
            guard alert == nil else { continue }
            let chosen = offered.contains("h2") ? "h2" : offered.isEmpty ? nil : "http/1.1"
            #expect(client.server.security?.applicationProtocol == chosen)
        }
    }

    @Test("X-2: each fault of a client's certificate has its own alert", arguments: testedVersions)
    func clientCertificates(version: CInt) throws {
        // Certificates of zero days expire within the second in which they were made.
        sleep(2)
        let isModern = version == TLS1_3_VERSION
        let cases: [(String, key: String, alert: CInt?)] = [
            ("", "", isModern ? SSL_AD_CERTIFICATE_REQUIRED : SSL_AD_HANDSHAKE_FAILURE),
            ("alice.pem", "alice.key", nil),
            ("mallory.pem", "other-ca.key", SSL_AD_UNKNOWN_CA),
            ("expired.pem", "expired.key", SSL_AD_CERTIFICATE_EXPIRED),
            ("server-only.pem", "server-only.key", SSL_AD_UNSUPPORTED_CERTIFICATE),
        ]
        for requirement in [SSLOptions.CertificateRequirement.required, .optional] {
            for (certificate, key, alert) in cases {
                let server = try server {
                    $0.certificateRequirement = requirement
                    $0.certificateAuthorities = .file(files.path("ca.pem"))
                }
                let client = OpenSSLClient(server) { context in
                    _ = openssl_set_versions(context, version, version)
                    guard !certificate.isEmpty else { return }
                    #expect(SSL_CTX_use_certificate_chain_file(context, files.path(certificate)) == 1)
                    #expect(SSL_CTX_use_PrivateKey_file(context, files.path(key), SSL_FILETYPE_PEM) == 1)
                }
                let expected = certificate.isEmpty && requirement == .optional ? nil : alert
                #expect(client.connect() == expected, "\(requirement) \(certificate)")
                if expected == nil {
                    #expect(
                        client.server.security?.peerCertificate?.commonName == (certificate.isEmpty ? nil : "alice"))
                } else {
                    #expect(client.host.delivered.isEmpty && client.host.error != nil)
                }
            }
        }
    }

    @Test("NET-9: a client with an RSA key list gets the RSA certificate of a pair, others the ECDSA one")
    func keyPairs() throws {
        let both = try server {
            $0.certificates.append(.init(chain: .file(files.path("rsa.pem")), key: .file(files.path("rsa.key"))))
        }
        for (cipher, type) in [
            ("ECDHE-RSA-AES128-GCM-SHA256", EVP_PKEY_RSA), ("ECDHE-ECDSA-AES128-GCM-SHA256", EVP_PKEY_EC),
        ] {
            let client = OpenSSLClient(both, name: "localhost") { context in
                _ = openssl_set_versions(context, TLS1_2_VERSION, TLS1_2_VERSION)
                SSL_CTX_set_cipher_list(context, cipher)
            }
            #expect(client.connect() == nil)
            let key = SSL_get0_peer_certificate(client.ssl).flatMap { X509_get0_pubkey($0) }
            #expect(EVP_PKEY_get_base_id(key) == type)
        }
    }

    @Test("IOS-18: renegotiation is refused")
    func renegotiation() throws {
        let client = OpenSSLClient(try server()) { _ = openssl_set_versions($0, TLS1_2_VERSION, TLS1_2_VERSION) }
        #expect(client.connect() == nil)
        #expect(SSL_renegotiate(client.ssl) == 1)
        // OpenSSL's client gives up at the warning no_renegotiation.
        #expect(SSL_do_handshake(client.ssl) <= 0)
        _ = client.move()
        #expect(client.receive() != nil)
        #expect(client.server.security?.isResumed == false && client.host.delivered.isEmpty)
    }

    @Test("IOS-18: key updates are responded to, but not without end")
    func keyUpdates() throws {
        let client = OpenSSLClient(try server())
        #expect(client.connect() == nil)
        for _ in 0..<8 {
            #expect(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1)
            #expect(client.send("data") == nil)
            #expect(client.receive() == nil)
        }
        #expect(client.host.error == nil && text(client.host.delivered) == String(repeating: "data", count: 8))
        var count = 0
        while client.host.error == nil, count < 1000 {
            SSL_key_update(client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED)
            _ = SSL_do_handshake(client.ssl)
            _ = client.move()
            count += 1
        }
        // 64 in all, of which 8 came before.
        #expect((50...60).contains(count), "\(count)")
        #expect((client.host.error as? SSLError)?.description.contains("too often") == true)
    }

    @Test("IOS-18: what a connection that fails had to send does not reach the next one", arguments: [false, true])
    func crosstalk(withData: Bool) throws {
        let loop = TLSLoop(SecuredUsage(), maxHandshakes: 8)
        let context = try server()
        let victim = OpenSSLClient(context, loop: loop)
        #expect(victim.connect() == nil)
        let attacker = OpenSSLClient(context, loop: loop)
        #expect(attacker.connect() == nil)
        var count = 0
        while attacker.host.error == nil, count < 1000 {
            SSL_key_update(attacker.ssl, SSL_KEY_UPDATE_REQUESTED)
            if withData { _ = attacker.send("x") } else { _ = SSL_do_handshake(attacker.ssl) }
            _ = attacker.move()
            count += 1
        }
        #expect(attacker.host.error != nil)
        #expect(victim.send("hello") == nil)
        let answer = Array("world".utf8)
        answer.withUnsafeBytes { victim.server.send($0) }
        #expect(victim.receive() == nil && victim.host.error == nil)
        #expect(text(victim.host.delivered) == "hello")
        let next = OpenSSLClient(context, loop: loop)
        #expect(next.connect() == nil && next.host.error == nil)
    }

    @Test("IOS-18: records without data, and messages that are too long, are refused")
    func floods() throws {
        let client = OpenSSLClient(try server())
        #expect(client.connect() == nil)
        let empty = OpenSSLClient(try server())
        ([22, 3, 1, 0, 0] as [UInt8]).withUnsafeBytes { empty.server.receive($0) }
        #expect(empty.host.transmitted == [21, 3, 1, 0, 2, 2, 10] && empty.host.error != nil)
        // A ClientHello of 128 KiB is refused when its length is known.
        let long = OpenSSLClient(try server())
        let bytes: [UInt8] = [22, 3, 1, 0, 5, 1, 2, 0, 0, 3]
        bytes.withUnsafeBytes { long.server.receive($0) }
        #expect(long.host.transmitted == [21, 3, 1, 0, 2, 2, 47] && long.host.error != nil)
        // One that grows in the smallest records is refused before it takes much memory.
        let slow = OpenSSLClient(try server())
        var count = 0
        let first: [UInt8] = [22, 3, 1, 0, 1, 1]
        let others: [UInt8] = [22, 3, 1, 0, 1, 0]
        while slow.host.error == nil, count < 100_000 {
            (count == 0 ? first : others).withUnsafeBytes { slow.server.receive($0) }
            count += 1
        }
        #expect(count < 11_000)
    }

    @Test("IOS-18: a ClientHello in records of one byte each is understood")
    func smallRecords() throws {
        let whole = OpenSSLClient(try server())
        #expect(whole.connect() == nil)
        let host = RecordingHost()
        TLSFilter(
            TLSLoop(SecuredUsage(), maxHandshakes: 1), try SSLContext(clientOptions(), serverSide: false),
            hostName: "localhost"
        ).start(host)
        let records = host.transmitted.dropFirst(5).flatMap { [22, 3, 1, 0, 1, $0] as [UInt8] }
        let server = OpenSSLClient(try server())
        records.withUnsafeBytes { server.server.receive($0) }
        #expect(server.host.error == nil && server.host.transmitted.count > 500)
    }

    @Test("IOS-18: early data is never offered, and compression is off", arguments: testedVersions)
    func offers(version: CInt) throws {
        let client = OpenSSLClient(try server()) { _ = openssl_set_versions($0, version, version) }
        #expect(client.connect() == nil)
        #expect(SSL_get_current_compression(client.ssl) == nil)
        let session = try #require(client.session)
        defer { SSL_SESSION_free(session) }
        #expect(SSL_SESSION_get_max_early_data(session) == 0)
        #expect(SSL_SESSION_is_resumable(session) == 1)
    }
}
