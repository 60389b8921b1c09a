import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterTLS

@Suite("SSLContext")
struct SSLContextTests {
    private let files = TestCertificates.shared

    /// The message of the error with which a server's context cannot be made.
    private func problem(_ change: (inout SSLOptions) -> Void) -> String {
        var options = localhostOptions()
        change(&options)
        do {
            _ = try SSLContext(options, serverSide: true)
            return "no error"
        } catch {
            #expect(error.reason == .configuration)
            return error.description
        }
    }

    @Test("NET-8, TCP-1: a file that is missing or no certificate is named at once")
    func missing() {
        #expect(
            problem { $0.certificates[0].chain = .file("/nowhere/cert.pem") }
                == "/nowhere/cert.pem: No such file or directory")
        #expect(
            problem { $0.certificates[0].key = .file("/nowhere/key.pem") }
                == "/nowhere/key.pem: No such file or directory")
        let empty = files.path("empty.pem")
        #expect(problem { $0.certificates[0].chain = .file(empty) } == "\(empty): there is no certificate in it")
        #expect(problem { $0.certificates[0].key = .file(empty) }.hasPrefix("\(empty): there is no private key in it"))
        #expect(problem { $0.certificates[0].chain = .text("") } == "the PEM text: there is no certificate in it")
        #expect(problem { $0.certificates = [] }.contains("SSLOptions.certificates"))
    }

    @Test("NET-8: no context is made where OpenSSL cannot compute digests")
    func withoutDigests() async {
        await #expect(processExitsWith: .success) {
            // OpenSSL reads its configuration when it is used first.
            let path = "/tmp/twister-\(getpid()).cnf"
            let text = "openssl_conf=a\n[a]\nproviders=b\n[b]\nnull=c\n[c]\nactivate=1\n"
            let file = fopen(path, "w")
            fputs(text, file)
            fclose(file)
            setenv("OPENSSL_CONF", path, 1)
            defer { unlink(path) }
            let error = #expect(throws: SSLError.self) {
                _ = try TLSContextBuilder(SSLOptions(), isServer: false, hasTickets: false)
            }
            #expect(error?.reason == .configuration)
            #expect(error?.description.hasPrefix("compute the digest of the rules for client certificates: ") == true)
        }
    }

    @Test("NET-8: a key that belongs to another certificate is refused, and both files are named")
    func wrongKey() {
        let text = problem { $0.certificates[0].key = .file(files.path("example.key")) }
        #expect(text.contains(files.path("example.key")) && text.contains(files.path("localhost.pem")))
        #expect(text.contains("does not belong"))
    }

    @Test("NET-8: an encrypted key needs the right passphrase")
    func passphrase() throws {
        let key = files.path("encrypted.key")
        #expect(
            problem { $0.certificates[0].key = .file(key) }
                == "\(key): the key is encrypted, and there is no passphrase")
        let wrong = problem {
            $0.certificates[0].key = .file(key)
            $0.certificates[0].passphrase = "wrong"
        }
        #expect(wrong == "\(key): the key cannot be decrypted: the passphrase is wrong")
        var options = localhostOptions()
        options.certificates[0].key = .file(key)
        options.certificates[0].passphrase = "secret"
        _ = try SSLContext(options, serverSide: true)
    }

    @Test("NET-8: options that contradict each other are refused")
    func contradictions() {
        #expect(problem { $0.certificateRequirement = .required }.contains("certificateAuthorities"))
        #expect(problem { $0.ciphers = "no such cipher" }.contains("SSLOptions.ciphers"))
        #expect(problem { ($0.minimumVersion, $0.maximumVersion) = (.tls13, .tls12) }.contains("minimumVersion"))
        #expect(
            problem { $0.sessionTickets = .files([files.path("empty.pem")]) }.contains("has 80 bytes, and this has 7"))
        #expect(problem { $0.certificates[0].ocspResponse = files.path("empty.pem") }.contains("no OCSP response"))
    }

    @Test("NET-8: a key that is given as a path is not shown, nor are texts and passphrases")
    func secrets() throws {
        let key = text(try PEMSource.read(files.path("localhost.key")))
        let wrong = problem { $0.certificates[0].key = .file(key) }
        #expect(wrong == "a path was expected, and this is PEM text, which PEMSource.text takes")
        #expect(problem { $0.certificates[0].chain = .file("-----BEGIN CERTIFICATE-----") } == wrong)
        #expect(problem { $0.certificates[0].ocspResponse = key } == wrong)
        #expect(problem { $0.sessionTickets = .files([key]) } == wrong)
        var options = localhostOptions()
        options.certificates = [
            .init(chain: .file("cert.pem"), key: .text(key), passphrase: "open sesame"),
            .init(chain: .file(key), key: .file(key), passphrase: "open sesame", ocspResponse: key),
        ]
        options.certificateAuthorities = .text(key)
        var dumped = ""
        dump(options, to: &dumped)
        for shown in [dumped, "\(options)", String(reflecting: options), "\(options.certificates[1])"] {
            #expect(!shown.contains("PRIVATE") && !shown.contains("sesame"))
            #expect(!shown.contains(key.split(separator: "\n")[1]))
        }
        #expect("\(options.certificates[0])" == "certificate: cert.pem, key: the PEM text, with a passphrase")
    }

    @Test("NET-8: a key in base64 that is given as a path is not shown")
    func base64() throws {
        let lines = text(try PEMSource.read(files.path("localhost.key"))).split(separator: "\n")
        let key = lines.filter { !$0.hasPrefix("-") }.joined()
        for given in [key, String(key.prefix(60)), lines.filter { !$0.hasPrefix("-") }.joined(separator: " ")] {
            let messages = [
                problem { $0.certificates[0].key = .file(given) }, problem { $0.certificates[0].chain = .file(given) },
                problem { $0.certificates[0].ocspResponse = given }, problem { $0.sessionTickets = .files([given]) },
                problem { ($0.certificateAuthorities, $0.certificateRequirement) = (.file(given), .required) },
            ]
            for message in messages {
                #expect(message.contains("not shown") && message.contains("PEMSource.text"), "\(message)")
                #expect(!message.contains(given.prefix(12)))
            }
            var options = localhostOptions()
            options.certificates[0].key = .file(given)
            options.sessionTickets = .files([given])
            var dumped = ""
            dump(options, to: &dumped)
            #expect(!dumped.contains(given.prefix(12)) && !"\(options)".contains(given.prefix(12)))
        }
        for bytes in 0..<200 {
            let random = files.path("random.txt")
            TestCertificates.run("openssl rand -base64 \(64 + bytes % 60) | tr -d '\\n' >\(random)")
            let given = text(try PEMSource.read(random))
            #expect(PathMistake(given) == .secret, "\(given)")
        }
        for path in [
            "/etc/letsencrypt/live/example.org/privkey.pem", "certificates/production/2026/server-key.pem", "k.pem",
            "/etc/ssl/MyCompanyProductionCertificate2026.pem", "/run/secrets/..2026_11_26_19_00_00.1234567890/tls.key",
            "/var/lib/docker/overlay2/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08/key.pem", "",
        ] {
            #expect(PathMistake(path) == nil, "\(path)")
        }
    }

    @Test("NET-8: the certificate of the key has to be the first of its file")
    func order() throws {
        let wrong = files.path("wrong-order.pem")
        #expect(
            problem { $0.certificates[0].chain = .file(wrong) }.hasPrefix(
                "\(wrong): the certificate of the key has to be"))
        let other = SSLOptions(certificate: files.path("wrong-issuer.pem"), key: files.path("localhost.key"))
        let warnings = try TLSCredentials(other, isServer: true, tickets: nil).warnings
        #expect(warnings.count == 1 && warnings[0].contains("followed by that of its issuer"))
    }

    @Test("NET-9: a certificate that no client gets is told of")
    func hidden() throws {
        var options = localhostOptions()
        options.certificates.append(
            .init(chain: .file(files.path("renewed.pem")), key: .file(files.path("renewed.key"))))
        let warnings = try TLSCredentials(options, isServer: true, tickets: nil).warnings
        #expect(warnings.count == 1 && warnings[0].contains(files.path("renewed.pem")))
        options.certificates.swapAt(0, 1)
        options.certificates[1] = .init(chain: .file(files.path("rsa.pem")), key: .file(files.path("rsa.key")))
        #expect(try TLSCredentials(options, isServer: true, tickets: nil).warnings.isEmpty)
    }

    @Test("NET-9: an OCSP response that has expired, or of another certificate, is told of and not sent")
    func ocsp() throws {
        var options = localhostOptions()
        options.certificates[0].ocspResponse = files.path("ocsp.der")
        let good = try TLSCredentials(options, isServer: true, tickets: nil)
        #expect(good.warnings.isEmpty && good.ocspResponse(for: good.defaultContext, keyType: 408) != nil)
        options.certificates[0] = .init(
            chain: .file(files.path("renewed.pem")), key: .file(files.path("renewed.key")),
            ocspResponse: files.path("ocsp.der"))
        let other = try TLSCredentials(options, isServer: true, tickets: nil)
        #expect(other.warnings.count == 1 && other.warnings[0].contains("another certificate"))
        #expect(other.ocspResponse(for: other.defaultContext, keyType: 408) == nil)
        let response = try OCSPResponse(file: files.path("ocsp.der"))
        #expect(response.isCurrent() && !response.isCurrent(at: time(nil) + 8 * 86_400))
    }

    @Test("X-3: a reload takes the new files; where they cannot be used, the old ones stay")
    func reload() throws {
        let folder = files.path("reload")
        TestCertificates.run("mkdir -p \(folder) && cp \(files.path("localhost.pem")) \(folder)/c.pem")
        TestCertificates.run("cp \(files.path("localhost.key")) \(folder)/k.pem")
        let context = try SSLContext(
            SSLOptions(certificate: "\(folder)/c.pem", key: "\(folder)/k.pem"), serverSide: true)
        let first = context.current
        TestCertificates.run("cp \(files.path("renewed.pem")) \(folder)/c.pem")
        #expect(throws: SSLError.self) { try context.reload() }
        #expect(context.current === first)
        TestCertificates.run("cp \(files.path("renewed.key")) \(folder)/k.pem")
        try context.reload()
        #expect(context.current !== first)
    }

    @Test("X-3: a change of the files is noticed, also where a link leads to other ones")
    func watch() async throws {
        let folder = files.path("watched")
        TestCertificates.run(
            "mkdir -p \(folder)/live \(folder)/1 \(folder)/2 && echo a >\(folder)/1/c.pem && echo b >\(folder)/2/c.pem")
        TestCertificates.run("ln -s ../1/c.pem \(folder)/live/c.pem")
        let notes = Notes()
        let watch = try CertificateWatch(FileStates(of: ["\(folder)/live/c.pem"])) { notes.note("changed") }
        TestCertificates.run("echo other >\(folder)/live/other.txt")
        TestCertificates.run("ln -sf ../2/c.pem \(folder)/live/c.new && mv \(folder)/live/c.new \(folder)/live/c.pem")
        try await notes.wait(for: 1)
        TestCertificates.run("echo c >\(folder)/2/c.pem")
        try await notes.wait(for: 2)
        watch.end()
        #expect(notes.all.count == 2)
    }

    @Test("X-3: a change before the watch, and a folder that is made again, are noticed")
    func watchAgain() async throws {
        let folder = files.path("again")
        TestCertificates.run("mkdir -p \(folder)/a && echo 1 >\(folder)/a/c.pem")
        let states = FileStates(of: ["\(folder)/missing/c.pem", "\(folder)/a/c.pem"])
        TestCertificates.run("echo other >\(folder)/a/c.pem")
        let notes = Notes()
        let watch = try CertificateWatch(states, retryInterval: .milliseconds(100)) { notes.note("changed") }
        try await notes.wait(for: 1)
        TestCertificates.run("rm -r \(folder)/a")
        try await notes.wait(for: 2)
        TestCertificates.run("mkdir \(folder)/a && echo third >\(folder)/a/c.pem")
        try await notes.wait(for: 3)
        TestCertificates.run("echo fourth one >\(folder)/a/c.pem")
        try await notes.wait(for: 4)
        TestCertificates.run("mkdir \(folder)/missing && echo fifth >\(folder)/missing/c.pem")
        try await notes.wait(for: 5)
        watch.end()
    }
}
