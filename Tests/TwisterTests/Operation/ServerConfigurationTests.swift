import Glibc
import Testing
import Twister
import TwisterTestSupport

@Suite("Configuration of a server", .serialized)
struct ServerConfigurationTests {
    @Test("options are set and read in code, without a command line")
    func inCode() throws {
        var options = ServerOptions()
        #expect(options.port == 8888 && options.loops == 1 && options.unixSocket == nil && !options.accessLog)
        options.port = 8201
        options.addresses = ["::1", "127.0.0.1"]
        options.unixSocket = "/tmp/a.sock"
        options.processes = 0
        let configuration = options.configuration
        #expect(configuration.addresses == [.tcp("::1", 8201), .tcp("127.0.0.1", 8201), .unix("/tmp/a.sock")])
        options.addresses = []
        #expect(options.configuration.addresses == [.tcp("127.0.0.1", 8201), .unix("/tmp/a.sock")])
        var unixOnly = ServerOptions()
        unixOnly.unixSocket = "/tmp/a.sock"
        #expect(unixOnly.configuration.addresses == [.unix("/tmp/a.sock")])
        #expect(configuration.processes == .oneACore && configuration.loops == 1)
        #expect(ServerOptions().configuration.addresses == [.tcp("127.0.0.1", 8888)])
        #expect(ServerConfiguration().addresses.map(\.description) == ["127.0.0.1:8888"])
    }

    @Test("a command line gives the same values, and an address may be repeated")
    func commandLine() throws {
        let options = try ServerOptions.parse([
            "--address", "127.0.0.1", "--address", "::1", "--port", "9", "--loops", "0", "--shutdown-timeout", "0.5",
            "--log-level", "debug", "--log-format", "json", "--access-log", "--access-log-format", "combined",
        ])
        #expect(options.addresses == ["127.0.0.1", "::1"] && options.port == 9 && options.loops == 0)
        #expect(options.log.level == .debug && options.log.format == .json)
        let configuration = options.configuration
        #expect(configuration.shutdownTimeout == .milliseconds(500) && configuration.loops == .oneACore)
        #expect(configuration.http.observers.count == 1 && !configuration.accessLog)
        #expect(throws: (any Error).self) { try ServerOptions.parse(["--log-level", "loud"]) }
    }

    private func start(
        _ arguments: [String], _ environment: [String: String] = [:]
    ) throws -> (server: ChildProcess, line: String) {
        let server = try ChildProcess("OperatedFixture", arguments, environment: environment)
        return (server, try server.line(with: "serving on "))
    }

    private func port(_ text: String, after place: String) throws -> UInt16 {
        let digits = text.split(separator: place).last?.prefix { $0.isNumber } ?? ""
        return try #require(UInt16(digits))
    }

    @Test("the environment decides where a flag is not given", arguments: testedBackends)
    func environment(backend: IOBackend) throws {
        let variables = [
            "TWISTER_PORT": "0", "TWISTER_BACKEND": backend.rawValue, "TWISTER_LOOPS": "2", "TWISTER_ADDRESS": "::1",
        ]
        let (server, line) = try start([], variables)
        #expect(line.contains("http://[::1]:") && line.contains("backend \(backend), 2 loop(s)"), "\(line)")
        server.signal(SIGTERM)
        #expect(server.end() == 0)
        let (other, otherLine) = try start(["--loops", "1", "--address", "127.0.0.1"], variables)
        #expect(otherLine.contains("http://127.0.0.1:") && otherLine.contains("1 loop(s)"), "\(otherLine)")
        other.signal(SIGTERM)
        #expect(other.end() == 0)
        let wrong = try ChildProcess("OperatedFixture", [], environment: ["TWISTER_PORT": "seven"])
        _ = try wrong.line(with: "TWISTER_PORT=seven is not valid")
        #expect(wrong.end() != 0)
    }

    @Test(
        "N-15, X-58: a server in code has several addresses, a Logger, services around it, and returns its result",
        arguments: testedBackends)
    func configured(backend: IOBackend) throws {
        let path = "/tmp/twister-code-\(getpid())-\(backend).sock"
        unlink(path)
        defer { unlink(path) }
        let server = try ChildProcess(
            "OperatedFixture", ["--in-code", path], environment: ["TWISTER_BACKEND": backend.rawValue])
        _ = try server.line(with: "companion starts")
        let line = try server.line(with: "serving on ")
        #expect(line.contains("mine") && line.contains("unix:\(path)"), "\(line)")
        for host in ["127.0.0.1", "[::1]"] { #expect(line.contains("http://\(host):"), "\(line)") }
        let client = try TestClient(port: try port(line, after: "http://127.0.0.1:"))
        #expect(try client.get("/").text == "\(server.process)")
        server.signal(SIGTERM)
        let lines = try server.remainingLines()
        let stopped = try #require(lines.firstIndex { $0.contains("stopped: 1 connection(s)") })
        let companion = try #require(lines.firstIndex { $0 == "companion stops" })
        #expect(companion > stopped, "\(lines)")
        #expect(lines.last == "finished 1, forced 0, clean true", "\(lines)")
        #expect(server.end() == 0)
    }

    @Test("any delegate runs, with options that were set in code", arguments: testedBackends)
    func plain(backend: IOBackend) throws {
        let (server, line) = try start(["--plain"], ["TWISTER_BACKEND": backend.rawValue])
        #expect(line.contains("2 loop(s)"), "\(line)")
        #expect(try TestClient(port: try port(line, after: "http://127.0.0.1:")).get("/").text == "plain")
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }

    @Test("connections spread evenly over workers and loops", arguments: testedBackends, [(1, 4), (2, 1)])
    func spread(backend: IOBackend, shape: (processes: Int, loops: Int)) throws {
        let server = try OperatedServer(backend, ["--loops", "\(shape.loops)"], processes: shape.processes)
        var clients: [TestClient] = []
        var counts: [String: Int] = [:]
        for _ in 0..<64 {
            let client = try server.client()
            counts[try client.get("/").text, default: 0] += 1
            clients.append(client)
        }
        // Where each of two parties gets a connection by chance, more than 49 of 64 are one party's once in 100,000 times.
        if shape.processes > 1 { #expect(counts.count == 2 && counts.values.allSatisfy { $0 < 50 }, "\(counts)") }
        server.child.signal(SIGTERM)
        #expect(try server.end().status == 0)
    }
}
