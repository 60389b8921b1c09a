import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterTLS

@Suite("SSLIOStream")
struct SSLIOStreamTests {
    private let files = TestCertificates.shared

    @Test("IOS-18, IOS-19, TCP-1, TCC-1: a client and a server speak TLS 1.3", arguments: testedBackends)
    func echo(backend: IOBackend) async throws {
        try await withTLSServer(backend) { loop, port in
            let stream = try await connect(loop, port)
            let security = try #require(stream.security)
            #expect(security.version == "TLSv1.3")
            #expect(security.cipher == "TLS_AES_128_GCM_SHA256")
            #expect(security.peerCertificate?.dnsNames == ["localhost"])
            #expect(security.peerCertificate?.issuer == "CN=Test CA")
            #expect(security.peerCertificate?.fingerprint.utf8.count == 64)
            try await stream.write("hello\n")
            #expect(text(try await stream.readUntil("\n")) == "hello\n")
            stream.close()
        }
    }

    @Test("IOS-18, IOS-23: megabytes go both ways, in pieces of at most 64 KiB", arguments: testedBackends)
    func large(backend: IOBackend) async throws {
        try await withTLSServer(backend) { loop, port in
            let stream = try await connect(loop, port)
            let line = [UInt8](repeating: 0x61, count: 3_000_000) + [0x0A]
            try await stream.write(line)
            #expect(try await stream.readUntil("\n") == line)
            stream.close()
        }
    }

    @Test("NET-8: only TLS 1.2 is spoken where the options say so", arguments: testedBackends)
    func versions(backend: IOBackend) async throws {
        var options = localhostOptions()
        options.maximumVersion = .tls12
        try await withTLSServer(backend, options) { loop, port in
            let stream = try await connect(loop, port)
            #expect(stream.security?.version == "TLSv1.2")
            try await stream.write("a\n")
            #expect(text(try await stream.readUntil("\n")) == "a\n")
            stream.close()
            var modern = clientOptions()
            modern.minimumVersion = .tls13
            await #expect(throws: SSLError.self) { _ = try await connect(loop, port, modern) }
        }
    }

    @Test("TCC-1: a certificate for another host, or of an unknown authority, is refused", arguments: testedBackends)
    func verification(backend: IOBackend) async throws {
        try await withTLSServer(backend) { loop, port in
            let wrongHost = await #expect(throws: SSLError.self) {
                _ = try await connect(loop, port, as: "www.example.org")
            }
            #expect(wrongHost?.reason == .verification)
            #expect(wrongHost?.description.contains("hostname mismatch") == true)
            let unknown = await #expect(throws: SSLError.self) { _ = try await connect(loop, port, SSLOptions()) }
            #expect(unknown?.reason == .verification)
            var careless = SSLOptions()
            careless.certificateRequirement = SSLOptions.CertificateRequirement.none
            let stream = try await connect(loop, port, careless, as: "www.example.org")
            #expect(stream.security?.peerCertificate == nil)
            stream.close()
            // A numeric address is checked as one.
            let address = try await connect(loop, port, as: "127.0.0.1")
            #expect(address.security?.serverName == nil)
            address.close()
            await #expect(throws: SSLError.self) { _ = try await connect(loop, port, as: "127.0.0.2") }
        }
    }

    @Test("X-2: an expired certificate is refused by a client", arguments: testedBackends)
    func expired(backend: IOBackend) async throws {
        let options = SSLOptions(certificate: files.path("expired.pem"), key: files.path("expired.key"))
        // Certificates of zero days expire within the second in which they were made.
        try await Task.sleep(for: .seconds(2))
        try await withTLSServer(backend, options) { loop, port in
            let error = await #expect(throws: SSLError.self) { _ = try await connect(loop, port) }
            #expect(error?.description.contains("expired") == true)
        }
    }

    @Test("NET-9, X-5: the certificate follows the host name, with wildcards", arguments: testedBackends)
    func serverName(backend: IOBackend) async throws {
        var options = localhostOptions()
        options.certificates.append(
            .init(chain: .file(files.path("example.pem")), key: .file(files.path("example.key"))))
        try await withTLSServer(backend, options) { loop, port in
            for host in ["www.example.org", "a.example.com", "A.Example.Com", "localhost"] {
                let stream = try await connect(loop, port, as: host)
                #expect(stream.security?.serverName?.lowercased() == host.lowercased())
                stream.close()
            }
            for host in ["example.com", "a.b.example.com", "example.org"] {
                await #expect(throws: SSLError.self) { _ = try await connect(loop, port, as: host) }
            }
        }
    }

    @Test("X-2, SRV-11: clients show certificates", arguments: testedBackends, ["optional", "required"])
    func clientCertificates(backend: IOBackend, requirement: String) async throws {
        var options = localhostOptions()
        options.certificateRequirement = .init(rawValue: requirement)
        options.certificateAuthorities = .file(files.path("ca.pem"))
        let files = files
        try await withTLSServer(backend, options, handler: Self.tellName) { loop, port in
            var alice = clientOptions()
            alice.certificates = [.init(chain: .file(files.path("alice.pem")), key: .file(files.path("alice.key")))]
            let greeted = try await Self.ask(loop, port, alice)
            #expect(greeted == "alice alice@example.org spiffe://example/alice\n")
            var mallory = clientOptions()
            mallory.certificates = [
                .init(chain: .file(files.path("mallory.pem")), key: .file(files.path("other-ca.key")))
            ]
            await #expect(throws: (any Error).self) { try await Self.ask(loop, port, mallory) }
            if requirement == "optional" {
                let anonymous = try await Self.ask(loop, port, clientOptions())
                #expect(anonymous == "nobody\n")
            } else {
                await #expect(throws: (any Error).self) { try await Self.ask(loop, port, clientOptions()) }
            }
        }
    }

    @Test("NET-9: the OCSP response is that of the certificate that the client gets", arguments: testedBackends)
    func ocsp(backend: IOBackend) async throws {
        var options = localhostOptions()
        options.certificates[0].ocspResponse = files.path("ocsp.der")
        options.certificates.append(.init(chain: .file(files.path("rsa.pem")), key: .file(files.path("rsa.key"))))
        let files = files
        try await withTLSServer(backend, options) { _, port in
            for (type, answer) in [("ECDSA", "OCSP Response Status: successful"), ("RSA", "no response sent")] {
                let output = files.path("s_client-\(backend)-\(type).txt")
                // Off the loop, which has to serve it.
                await Task.detached {
                    _ = TestCertificates.run(
                        "openssl s_client -connect 127.0.0.1:\(port) -servername localhost -tls1_2 -status "
                            + "-cipher ECDHE-\(type)-AES128-GCM-SHA256 </dev/null >\(output) 2>&1")
                }.value
                let shown = try text(PEMSource.read(output))
                #expect(shown.contains(answer), "\(type)")
            }
        }
    }

    @Test("X-1: both sides agree on a protocol, or the handshake fails", arguments: testedBackends)
    func applicationProtocols(backend: IOBackend) async throws {
        var options = localhostOptions()
        options.applicationProtocols = ["h2", "http/1.1"]
        try await withTLSServer(backend, options) { loop, port in
            var client = clientOptions()
            for (offered, chosen) in [(["http/1.1", "h2"], "h2"), (["x", "http/1.1"], "http/1.1")] {
                client.applicationProtocols = offered
                let stream = try await connect(loop, port, client)
                #expect(stream.security?.applicationProtocol == chosen)
                stream.close()
            }
            client.applicationProtocols = nil
            let stream = try await connect(loop, port, client)
            #expect(stream.security?.applicationProtocol == nil)
            stream.close()
            client.applicationProtocols = ["spdy/1"]
            let error = await #expect(throws: SSLError.self) { _ = try await connect(loop, port, client) }
            #expect(error?.description.contains("no application protocol") == true)
        }
    }

    @Test("IOS-18: an end without close_notify is an error; with it, it is the end", arguments: testedBackends)
    func truncation(backend: IOBackend) async throws {
        try await withTLSServer(
            backend,
            handler: { stream, _ in
                let line = try await stream.readUntil("\n")
                try await stream.write("part of it")
                // The socket's own end, behind TLS's back.
                if text(line) == "cut\n", let fd = stream.fileDescriptor { shutdown(fd, CInt(SHUT_WR)) }
            }
        ) { loop, port in
            let whole = try await connect(loop, port)
            try await whole.write("whole\n")
            #expect(text(try await whole.readUntilClose()) == "part of it")
            whole.close()
            let cut = try await connect(loop, port)
            try await cut.write("cut\n")
            let error = await #expect(throws: StreamClosedError.self) { try await cut.readUntilClose() }
            #expect(error?.description.contains("without the end of TLS") == true)
        }
    }

    @Test("TCC-1: a server that says nothing in the handshake is given up", arguments: testedBackends)
    func timeout(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let server = TCPServer(loop) { stream, _ in _ = try await stream.readUntilClose() }
            try server.listen(port: 0, address: "127.0.0.1")
            defer { server.stop() }
            let error = await #expect(throws: IOError.self) {
                _ = try await connect(loop, server.port ?? 0, timeout: .milliseconds(300))
            }
            #expect(error?.errnoCode == ETIMEDOUT)
        }
    }

    @Test("IOS-17: a stream that has spoken in the clear starts TLS", arguments: testedBackends)
    func startTLS(backend: IOBackend) async throws {
        let server = try SSLContext(localhostOptions(), serverSide: true)
        let client = try SSLContext(clientOptions(), serverSide: false)
        try await onLoop(backend) { loop in
            let listener = TCPServer(loop) { stream, _ in
                #expect(text(try await stream.readUntil("\n")) == "STARTTLS\n")
                try await stream.write("ready\n")
                try await stream.startTLS(server)
                #expect(stream.security?.serverName == "localhost")
                try await echoLines(stream, nil)
            }
            try listener.listen(port: 0, address: "127.0.0.1")
            defer { listener.stop() }
            let stream = try await TCPClient(loop).connect(host: "127.0.0.1", port: listener.port ?? 0)
            try await stream.write("STARTTLS\n")
            #expect(text(try await stream.readUntil("\n")) == "ready\n")
            let secured = try await stream.startTLS(client, serverHostname: "localhost")
            try await secured.write("secret\n")
            #expect(text(try await secured.readUntil("\n")) == "secret\n")
            await #expect(throws: StreamNotIdleError.self) {
                _ = try await secured.startTLS(client, serverHostname: "localhost")
            }
            stream.close()
            await #expect(throws: StreamClosedError.self) { _ = try await stream.startTLS(client) }
        }
    }

    @Test("IOS-17: bytes that were not read before startTLS are not taken for the peer's", arguments: testedBackends)
    func injection(backend: IOBackend) async throws {
        let client = try SSLContext(clientOptions(), serverSide: false)
        try await onLoop(backend) { loop in
            let listener = TCPServer(loop) { stream, _ in
                try await stream.write("ready\ninjected")
                _ = try await stream.readUntilClose()
            }
            try listener.listen(port: 0, address: "127.0.0.1")
            defer { listener.stop() }
            let stream = try await TCPClient(loop).connect(host: "127.0.0.1", port: listener.port ?? 0)
            _ = try await stream.readUntil("\n")
            try await eventually("the rest arrives") { !stream.isIdle }
            await #expect(throws: StreamNotIdleError.self) {
                _ = try await stream.startTLS(client, serverHostname: "localhost")
            }
            stream.close()
        }
    }

    private static func ask(_ loop: IOLoop, _ port: UInt16, _ options: SSLOptions) async throws -> String {
        let stream = try await connect(loop, port, options)
        defer { stream.close() }
        return text(try await stream.readUntil("\n"))
    }

    @Sendable
    private static func tellName(_ stream: IOStream, _: SocketAddress?) async throws {
        try await stream.waitForHandshake()
        let certificate = stream.security?.peerCertificate
        let names = [certificate?.commonName].compactMap(\.self)
        let others = (certificate?.emailAddresses ?? []) + (certificate?.uris ?? [])
        try await stream.write(certificate == nil ? "nobody\n" : (names + others).joined(separator: " ") + "\n")
    }
}
