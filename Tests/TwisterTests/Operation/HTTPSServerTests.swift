import Glibc
import Testing
import TwisterTestSupport

@testable import Twister

/// Tells how its request came.
private final class TellingHandler: RequestHandler {
    override func get() async throws {
        let certificate = request.peerCertificate?.commonName ?? "nobody"
        let security = request.security
        write("\(request.protocol) \(security?.version ?? "plain") \(certificate) \(request.remoteIP)")
        if security != nil {
            #expect(["http/1.1", "http/1.0", nil].contains(security?.applicationProtocol))
        }
    }
}

/// Notes each body that has come whole.
private final class NotingHandler: RequestHandler {
    static let notes = Notes()

    override func post() async throws {
        Self.notes.note(String(decoding: request.body, as: UTF8.self))
        write("noted")
    }
}

/// Sends each message back.
private final class EchoSocket: WebSocketHandler {
    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(message) }
}

@Suite("HTTPS server", .serialized)
struct HTTPSServerTests {
    private let files = TestCertificates.shared

    private var options: SSLOptions {
        SSLOptions(certificate: files.path("localhost.pem"), key: files.path("localhost.key"))
    }

    /// Runs `body` with a server on 127.0.0.1, and the addresses' ports in their order.
    private func withServer(
        _ backend: IOBackend, _ addresses: [ServerAddress], loops: Int = 1,
        configure: (inout HTTPServer.Configuration) -> Void = { _ in },
        _ body: (RunningServer, [UInt16]) async throws -> Void
    ) async throws {
        let application = try Application([
            URLSpec("/", TellingHandler.self), URLSpec("/note", NotingHandler.self),
            URLSpec("/socket", EchoSocket.self),
        ])
        var configuration = ServerConfiguration(addresses: addresses, loops: .exactly(loops), backend: backend)
        configure(&configuration.http)
        let server = try await RunningServer(application, configuration)
        var ports: [UInt16] = []
        for port in server.group.addresses.compactMap(\.port) where !ports.contains(port) { ports.append(port) }
        do {
            try await body(server, ports)
            _ = await server.drain()
        } catch {
            _ = await server.drain()
            throw error
        }
    }

    /// Runs `body` with a connection to the server, on a loop of its own.
    private func withConnection(
        _ backend: IOBackend, _ port: UInt16, _ change: (inout SSLOptions) -> Void = { _ in },
        before: [UInt8] = [], _ body: @escaping @Sendable (SSLIOStream) async throws -> Void
    ) async throws {
        var options = SSLOptions()
        options.certificateAuthorities = .file(files.path("ca.pem"))
        options.applicationProtocols = ["h3", "http/1.1"]
        change(&options)
        let context = try SSLContext(options, serverSide: false)
        let group = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
        let loop = group.loops[0]
        let result = await Task(executorPreference: loop) {
            let stream = try await TCPClient(loop).connect(host: "127.0.0.1", port: port, timeout: .seconds(20))
            if !before.isEmpty {
                try await stream.write(before)
                try await eventually("the header is sent") { stream.isIdle }
            }
            try await stream.startTLS(context, serverHostname: "localhost")
            try await body(stream)
            stream.close()
        }.result
        await group.stop()
        try result.get()
    }

    /// Sends a request, and expects a response with this body.
    private static func get(_ stream: SSLIOStream, expecting body: String) async throws {
        try await stream.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let head = String(decoding: try await stream.readUntil("\r\n\r\n"), as: UTF8.self)
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }?.dropFirst(16) ?? "0"
        let bytes = try await stream.readBytes(Int(length) ?? 0)
        #expect(String(decoding: bytes, as: UTF8.self) == body)
    }

    @Test("X-5, SRV-9, SRV-11: http and https side by side, and keep-alive", arguments: testedBackends, [1, 2])
    func sideBySide(backend: IOBackend, loops: Int) async throws {
        let addresses: [ServerAddress] = [.tcp("127.0.0.1", 0), .tls("127.0.0.1", 0, options)]
        try await withServer(backend, addresses, loops: loops) { _, ports in
            try #require(ports.count == 2)
            #expect(try TestClient(port: ports[0]).get("/").text == "http plain nobody 127.0.0.1")
            try await withConnection(backend, ports[1]) { stream in
                #expect(stream.security?.applicationProtocol == "http/1.1")
                for _ in 0..<3 { try await Self.get(stream, expecting: "https TLSv1.3 nobody 127.0.0.1") }
            }
        }
    }

    @Test(
        "IOS-18, WS-16: a client that ends TLS in order, without a close frame, gets the end of TLS",
        arguments: testedBackends)
    func socketEnd(backend: IOBackend) async throws {
        // A whole message, whose response comes before the end, then nothing, and a part of a message.
        let cases: [(sent: [UInt8], received: [UInt8])] = [
            ([0x81, 0x80, 0, 0, 0, 0], [0x81, 0]), ([], []), ([0x81, 0x85, 0, 0], []),
        ]
        for (sent, received) in cases {
            try await withServer(backend, [.tls("127.0.0.1", 0, options)]) { _, ports in
                try await withConnection(backend, ports[0]) { stream in
                    try await stream.write(
                        """
                        GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r
                        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n
                        """)
                    _ = try await stream.readUntil("\r\n\r\n")
                    if !sent.isEmpty { try await stream.write(sent) }
                    if !received.isEmpty { #expect(try await stream.readBytes(received.count) == received) }
                    stream.shutDownWriting()
                    #expect(try await stream.readUntilClose() == [])
                }
            }
        }
    }

    @Test("X-2: a handler sees the client's certificate, on each request", arguments: testedBackends)
    func clientCertificate(backend: IOBackend) async throws {
        var options = options
        options.certificateAuthorities = .file(files.path("ca.pem"))
        options.certificateRequirement = .optional
        try await withServer(backend, [.tls("127.0.0.1", 0, options)]) { _, ports in
            let alice = SSLOptions.Certificate(
                chain: .file(files.path("alice.pem")), key: .file(files.path("alice.key")))
            try await withConnection(backend, ports[0], { $0.certificates = [alice] }) { stream in
                for _ in 0..<2 { try await Self.get(stream, expecting: "https TLSv1.3 alice 127.0.0.1") }
            }
            try await withConnection(backend, ports[0]) { stream in
                try await Self.get(stream, expecting: "https TLSv1.3 nobody 127.0.0.1")
            }
        }
    }

    @Test("IOS-18: a body that is cut off without TLS's end is not served", arguments: testedBackends)
    func cutBody(backend: IOBackend) async throws {
        let name = "\(backend)"
        try await withServer(backend, [.tls("127.0.0.1", 0, options)]) { _, ports in
            for framing in ["Content-Length: 30", "Transfer-Encoding: chunked"] {
                let bytes = framing.hasPrefix("T") ? "6\r\nbroken\r\n" : "broken"
                try await withConnection(backend, ports[0]) { stream in
                    try await stream.write("POST /note HTTP/1.1\r\nHost: localhost\r\n\(framing)\r\n\r\n\(bytes)")
                    // The socket's own end, behind TLS's back.
                    if let fd = stream.fileDescriptor { shutdown(fd, CInt(SHUT_WR)) }
                    _ = try? await stream.readUntilClose()
                }
            }
            try await withConnection(backend, ports[0]) { stream in
                let count = name.utf8.count
                try await stream.write(
                    "POST /note HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(count)\r\n\r\n\(name)")
                _ = try await stream.readUntil("noted")
            }
        }
        #expect(!NotingHandler.notes.all.contains { $0.contains("broken") })
        #expect(NotingHandler.notes.all.contains(name))
    }

    @Test("IOS-18: an idle connection is closed with TLS's own end", arguments: testedBackends)
    func idle(backend: IOBackend) async throws {
        let addresses: [ServerAddress] = [.tls("127.0.0.1", 0, options)]
        let timeout = Duration.milliseconds(500)
        try await withServer(backend, addresses, configure: { $0.idleTimeout = timeout }) { _, ports in
            for isUsed in [true, false] {
                for attempt in 1...20 {
                    let start = ContinuousClock.now
                    let isIdle = ConditionLock(false)
                    do {
                        try await withConnection(backend, ports[0]) { stream in
                            if isUsed { try await Self.get(stream, expecting: "https TLSv1.3 nobody 127.0.0.1") }
                            isIdle.withLock { $0 = true }
                            // Throws where the end is missing.
                            #expect(try await stream.readUntilClose().isEmpty)
                        }
                        break
                    } catch  where !isIdle.withLock({ $0 }) && ContinuousClock.now - start >= timeout && attempt < 20 {
                        // The machine was too busy for a handshake and a request in that time.
                    }
                }
            }
        }
    }

    @Test("X-4: plain HTTP on the port of TLS gets a response that says so", arguments: testedBackends)
    func plain(backend: IOBackend) async throws {
        try await withServer(backend, [.tls("127.0.0.1", 0, options)]) { _, ports in
            let client = try TestClient(port: ports[0])
            let response = try client.get("/")
            #expect(response.status == 400)
            #expect(response.text.contains("https://"))
            #expect(response.field("Date") != nil)
            #expect(try client.isClosed())
        }
    }

    @Test("X-1: a client speaks the protocol that it has agreed on", arguments: testedBackends)
    func agreedProtocol(backend: IOBackend) async throws {
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"
        try await withServer(backend, [.tls("127.0.0.1", 0, options)]) { _, ports in
            func answer(to bytes: String, agreedOn offered: [String]?) async throws -> String {
                let answer = Notes()
                try await withConnection(backend, ports[0], { $0.applicationProtocols = offered }) { stream in
                    try await stream.write(bytes)
                    // What comes at once is enough: the settings of HTTP/2, or a response.
                    answer.note(String(decoding: try await stream.readBytes(9, partial: false), as: UTF8.self))
                }
                return answer.all.joined()
            }
            let settings = "\u{4}\0\0\0\0\0"
            let agreed = try await answer(to: preface, agreedOn: ["h2"])
            #expect(agreed.hasSuffix(settings))
            // Where there is no agreement, HTTP/1.1 is spoken, which refuses that version.
            for offered in [["http/1.1"], nil] {
                let refused = try await answer(to: preface, agreedOn: offered)
                #expect(refused == "HTTP/1.1 ")
            }
            // The answer to what is not the preface: settings, or nothing, and never a response of HTTP/1.1.
            let other = try? await answer(to: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", agreedOn: ["h2"])
            #expect(other?.hasPrefix("HTTP/1.1") != true)
        }
    }

    @Test(
        "X-1: a client that offers HTTP/1.0 alone is served, and others get a better version", arguments: testedBackends
    )
    func oldVersion(backend: IOBackend) async throws {
        let cases = [(["http/1.0"], "http/1.0"), (["http/1.0", "http/1.1"], "http/1.1"), (["http/1.0", "h2"], "h2")]
        try await withServer(backend, [.tls("127.0.0.1", 0, options)]) { _, ports in
            for (offered, chosen) in cases {
                try await withConnection(backend, ports[0], { $0.applicationProtocols = offered }) { stream in
                    #expect(stream.security?.applicationProtocol == chosen)
                    guard chosen != "h2" else { return }
                    try await stream.write("GET / HTTP/1.0\r\n\r\n")
                    let response = String(decoding: try await stream.readUntilClose(), as: UTF8.self)
                    #expect(response.hasSuffix("\r\n\r\nhttps TLSv1.3 nobody 127.0.0.1"))
                }
            }
        }
    }

    @Test("N-14: the header of the PROXY protocol comes before TLS", arguments: testedBackends)
    func proxyProtocol(backend: IOBackend) async throws {
        let header = Array("PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n".utf8)
        try await withServer(backend, [.tls("127.0.0.1", 0, options)], configure: { $0.proxyProtocol = true }) {
            _, ports in
            try await withConnection(backend, ports[0], before: header) { stream in
                for _ in 0..<2 { try await Self.get(stream, expecting: "https TLSv1.3 nobody 192.0.2.7") }
            }
            await #expect(throws: (any Error).self) {
                try await withConnection(backend, ports[0]) { _ in }
            }
        }
    }

    @Test("X-3: certificates are read again while connections go on", arguments: testedBackends)
    func reload(backend: IOBackend) async throws {
        let folder = files.path("https-\(backend)")
        TestCertificates.run("mkdir -p \(folder) && cp \(files.path("localhost.pem")) \(folder)/c.pem")
        TestCertificates.run("cp \(files.path("localhost.key")) \(folder)/k.pem")
        let address = ServerAddress.tls("127.0.0.1", 0, certificate: "\(folder)/c.pem", key: "\(folder)/k.pem")
        let files = files
        try await withServer(backend, [address]) { server, ports in
            try await withConnection(backend, ports[0]) { old in
                #expect(old.security?.peerCertificate?.commonName == "localhost")
                TestCertificates.run("cp \(files.path("renewed.key")) \(folder)/k.pem")
                server.reloadCertificates()
                try await Self.get(old, expecting: "https TLSv1.3 nobody 127.0.0.1")
                TestCertificates.run("cp \(files.path("renewed.pem")) \(folder)/c.pem")
                server.reloadCertificates()
                try await Self.get(old, expecting: "https TLSv1.3 nobody 127.0.0.1")
            }
            try await withConnection(backend, ports[0]) { new in
                #expect(new.security?.peerCertificate?.commonName == "renewed")
            }
        }
    }

    @Test("S-22: at the end an idle connection with TLS is closed with TLS's own end", arguments: testedBackends)
    func drain(backend: IOBackend) async throws {
        try await withServer(backend, [.tls("127.0.0.1", 0, options)]) { server, ports in
            try await withConnection(backend, ports[0]) { stream in
                try await Self.get(stream, expecting: "https TLSv1.3 nobody 127.0.0.1")
                async let result = server.drain()
                // Throws where the end is missing.
                #expect(try await stream.readUntilClose().isEmpty)
                stream.close()
                #expect(await result.isClean)
            }
        }
    }

    @Test(
        "X-3, X-5: the command line has TLS with several processes, and SIGHUP reads the certificates",
        arguments: testedBackends)
    func processes(backend: IOBackend) async throws {
        let folder = files.path("command-\(backend)")
        TestCertificates.run("mkdir -p \(folder) && cp \(files.path("localhost.pem")) \(folder)/c.pem")
        TestCertificates.run("cp \(files.path("localhost.key")) \(folder)/k.pem")
        for count in ["1", "2"] {
            let server = try ChildProcess(
                "HelloWorld",
                [
                    "--port", "0", "--tls-port", "0", "--tls-certificate", "\(folder)/c.pem", "--tls-key",
                    "\(folder)/k.pem", "--processes", count, "--backend", backend.rawValue,
                ])
            let line = try server.line(with: "serving on http://127.0.0.1:")
            let digits = try #require(line.split(separator: "https://127.0.0.1:").last).prefix { $0.isNumber }
            let port = try #require(UInt16(digits))
            for _ in 0..<4 {
                try await withConnection(backend, port) { stream in
                    try await Self.get(stream, expecting: "Hello, World!")
                }
            }
            if count == "1" {
                server.signal(SIGHUP)
                _ = try server.line(with: "the certificates of https were read again")
            }
            server.signal(SIGTERM)
            #expect(server.end() == 0)
        }
    }

    @Test("X-2: the log tells of a client that is refused for its certificate", arguments: testedBackends)
    func refusedCertificates(backend: IOBackend) async throws {
        // A certificate of zero days expires within the second in which it was made.
        sleep(2)
        let server = try ChildProcess(
            "HelloWorld",
            [
                "--tls-port", "0", "--tls-certificate", files.path("localhost.pem"), "--tls-key",
                files.path("localhost.key"), "--tls-client-ca", files.path("ca.pem"), "--backend", backend.rawValue,
            ])
        let line = try server.line(with: "serving on https://127.0.0.1:")
        let digits = try #require(line.split(separator: "https://127.0.0.1:").last).prefix { $0.isNumber }
        let port = try #require(UInt16(digits))
        for (name, reason) in [(nil, "shows no certificate"), ("expired", "certificate has expired")] {
            let shown = name.map { name in
                SSLOptions.Certificate(
                    chain: .file(files.path("\(name).pem")), key: .file(files.path("\(name).key")))
            }
            await #expect(throws: (any Error).self) {
                try await withConnection(backend, port, { $0.certificates = shown.map { [$0] } ?? [] }) { stream in
                    _ = try await stream.readUntilClose()
                }
            }
            #expect(try server.line(with: "TLS with 127.0.0.1:").contains(reason))
        }
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }

    @Test("SRV-2: flags of TLS that do not go together are refused, with what is missing")
    func flags() throws {
        let pair = ["--tls-certificate", "c.pem", "--tls-key", "k.pem"]
        for (arguments, message) in [
            (["--tls-port", "1"], "--tls-certificate"), (pair, "--tls-port is missing"),
            (["--tls-port", "1", "--tls-certificate", "c"], "one of each"),
            (["--tls-port", "1", "--tls-client-auth", "required"] + pair, "--tls-client-ca"),
        ] {
            let error = #expect(throws: (any Error).self) { try ServerOptions.parse(arguments) }
            #expect(error.map { ServerOptions.message(for: $0) }?.contains(message) == true, "\(arguments)")
        }
        let options = try ServerOptions.parse(["--tls-port", "8443", "--tls-client-ca", "ca.pem"] + pair + pair)
        #expect(options.tls?.options.certificates.count == 2)
        #expect(options.tls?.options.certificateRequirement == .required)
        #expect(options.configuration.addresses.map(\.description) == ["127.0.0.1:8443"])
        let both = try ServerOptions.parse(["--port", "8000", "--tls-port", "8443"] + pair)
        #expect(both.configuration.addresses.map(\.description) == ["127.0.0.1:8000", "127.0.0.1:8443"])
    }
}
