import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

/// A log that nobody reads, or that cannot be written, must not hold up the server.
@Suite("A server's log", .serialized)
struct LoggingServerTests {
    /// Starts a server whose output goes to a pipe.
    private func serve(
        _ backend: IOBackend, _ options: [String], _ program: String = "HelloWorld"
    ) throws -> (ChildProcess, UInt16) {
        let server = try ChildProcess(
            program, ["--port", "0", "--backend", backend.rawValue] + options)
        let line = try server.line(with: "serving on http://127.0.0.1:")
        let digits = line.split(separator: "http://127.0.0.1:")[1].prefix { $0.isNumber }
        return (server, try #require(UInt16(digits)))
    }

    @Test(
        "N-49: a server whose log nobody reads goes on serving, ends when it is told to, and reports what it dropped",
        arguments: testedBackends, ["1", "2"])
    func unread(backend: IOBackend, loops: String) throws {
        // The end of the process waits half a second for its log to be read, for which the machine may be too busy.
        for attempt in 1...20 {
            if try unread(backend, loops, isLast: attempt == 20) { return }
        }
    }

    /// Returns false where the log was perhaps read too late.
    private func unread(_ backend: IOBackend, _ loops: String, isLast: Bool) throws -> Bool {
        let (server, port) = try serve(backend, ["--access-log", "--loops", loops])
        // A pipe holds 64 KiB, and the queue 1 MiB; the lines of all requests have 3 MB.
        let count = 3000
        let path = "/" + String(repeating: "x", count: 1000)
        let client = try TestClient(port: port)
        for _ in 0..<count { #expect(try client.get(path).status == 404) }
        let start = ContinuousClock.now
        server.signal(SIGTERM)
        let lines = try server.remainingLines()
        let isInTime = ContinuousClock.now - start < .milliseconds(400)
        #expect(server.end() == 0)
        let dropped = lines.filter { $0.contains("log line(s) dropped") }
        let reported = dropped.compactMap { $0.firstMatch(of: /\] ([0-9]+) log line/).flatMap { Int($0.1) } }.reduce(
            0, +)
        let written = lines.count { $0.contains(" 404 GET /xxx") }
        guard written + reported >= count || isInTime || isLast else { return false }
        #expect(reported > 0 && written > 0 && written + reported >= count, "\(written) + \(reported)")
        return true
    }

    @Test("N-49: a server whose log nobody reads ends within its time", arguments: testedBackends)
    func unreadEnd(backend: IOBackend) throws {
        let (server, port) = try serve(backend, ["--access-log"])
        let path = "/" + String(repeating: "x", count: 4000)
        let client = try TestClient(port: port)
        for _ in 0..<50 { #expect(try client.get(path).status == 404) }
        server.signal(SIGTERM)
        #expect(server.end() == 0)
    }

    @Test("N-49: where descriptors 0 to 2 are closed at the start, they become /dev/null", arguments: testedBackends)
    func closedDescriptors(backend: IOBackend) throws {
        var ends: [CInt] = [-1, -1]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let port = try freePort()
        let program = try ChildProcess.path(of: "HelloWorld")
        let options = "--access-log --port \(port) --backend \(backend.rawValue)"
        let shell = try Shell("exec '\(program)' \(options) <&- >&- 2>&-")
        defer { shell.end() }
        var response: TestClient.Response?
        for _ in 0..<2000 where response == nil {
            response = try? TestClient(port: port).get("/")
            if response == nil { usleep(5000) }
        }
        #expect(response?.status == 200)
        for descriptor in 0...2 {
            var target = [CChar](repeating: 0, count: 256)
            let count = readlink("/proc/\(shell.process)/fd/\(descriptor)", &target, 255)
            let text = String(decoding: target.prefix(max(count, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
            #expect(text == "/dev/null", "\(descriptor)")
        }
    }

    /// A port that nobody listens on.
    private func freePort() throws -> UInt16 {
        // The sockets close when they are released.
        let sockets = try bindSockets(port: 0, address: "127.0.0.1")
        return try #require(sockets.first?.address?.port)
    }
}

/// A command of the shell as a process.
private final class Shell {
    let process: pid_t

    init(_ command: String) throws {
        let words = ["/bin/sh", "-c", command]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let result = posix_spawn(&process, "/bin/sh", nil, nil, arguments, environ)
        guard result == 0 else { throw TestFailure("spawn: errno \(result)") }
        self.process = process
    }

    func end() {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }
}
