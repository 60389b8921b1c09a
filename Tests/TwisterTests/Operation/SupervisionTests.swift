import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

@Suite("Supervision", .serialized)
struct SupervisionTests {
    private func isGone(_ process: pid_t) -> Bool {
        // A zombie that nobody waits for counts as gone.
        guard kill(process, 0) == 0 else { return true }
        let stat = (try? readText("/proc/\(process)/stat")) ?? ""
        return stat.split(separator: ")").last?.hasPrefix(" Z") ?? true
    }

    private func readText(_ path: String) throws -> String {
        let fd = open(path, O_RDONLY)
        guard fd >= 0 else { throw TestFailure("open \(path)") }
        defer { close(fd) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        return String(decoding: buffer[..<max(read(fd, &buffer, buffer.count), 0)], as: UTF8.self)
    }

    @Test(
        "N-26: workers end with their supervisor, whatever ends it, and the port is free", arguments: testedBackends,
        [SIGKILL, SIGQUIT])
    func orphans(backend: IOBackend, signal: CInt) async throws {
        let server = try OperatedServer(backend, processes: 2)
        let workers = server.workers
        #expect(workers.count == 2)
        server.child.signal(SIGUSR1)
        usleep(100_000)
        #expect(try server.client().get("/").status == 200)
        server.child.signal(signal)
        try await eventually("the workers have ended") { workers.allSatisfy(isGone) }
        let next = try OperatedServer(backend, port: server.port)
        #expect(try next.client().get("/").status == 200)
        next.child.signal(SIGTERM)
        #expect(try next.end().status == 0)
    }

    @Test("N-26: a crash report names the signal and the requests that were under way", arguments: testedBackends)
    func crash(backend: IOBackend) async throws {
        let server = try OperatedServer(backend, processes: 1 + 1)
        let clients = try (0..<16).map { _ in try server.begin("/sleep/60000") }
        try await server.wait(begun: 16)
        let victim = try server.begin("/trap/")
        #expect(try victim.receive() == nil)
        let line = try server.child.line(with: "died: signal")
        #expect(line.contains("request(s) were under way"), "\(line)")
        let report = try (0..<3).map { _ in try server.child.line() ?? "" }.joined(separator: "\n")
        #expect(report.contains("by SleepingHandler (route /sleep/([0-9]+)), for "), "\(report)")
        _ = try server.child.line(with: "GET /trap/ HTTP/1.1 by TrappingHandler (route /trap/(.*))")
        server.child.signal(SIGKILL)
        _ = clients
    }

    @Test("SIGHUP replaces the workers one after the other, without a refused connection", arguments: testedBackends)
    func replaced(backend: IOBackend) async throws {
        let server = try OperatedServer(backend, processes: 2)
        let old = Set(server.workers)
        let slow = try server.begin("/sleep/500")
        usleep(50_000)
        server.child.signal(SIGHUP)
        var seen: Set<pid_t> = []
        try await eventually("both workers are new") {
            let response = try server.client().ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(response.status == 200)
            if let process = pid_t(response.text), !old.contains(process) { seen.insert(process) }
            return seen.count == 2 && old.allSatisfy(isGone)
        }
        #expect(try slow.receiveResponse().text == "slept")
        server.child.signal(SIGTERM)
        #expect(try server.end().status == 0)
    }

    @Test("N-16: SIGUSR2 starts the program anew, which takes over the sockets", arguments: testedBackends, [1, 2])
    func successor(backend: IOBackend, processes: Int) async throws {
        let server = try OperatedServer(backend, processes: processes)
        let slow = try server.begin("/sleep/500")
        let first = try server.client().get("/").text
        usleep(50_000)
        server.child.signal(SIGUSR2)
        var current = first
        try await eventually("the new program serves and the old one has ended") {
            let response = try server.client().ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(response.status == 200)
            current = response.text
            return isGone(server.child.process)
        }
        #expect(try slow.receiveResponse().text == "slept")
        #expect(server.child.end() == 0)
        #expect(current != first)
        // The new program is nobody's child here: its supervisor, or itself, is ended by its number.
        let process = try #require(pid_t(current))
        kill(processes > 1 ? try #require(OperatedServer.parent(of: process)) : process, SIGTERM)
        try await eventually("it has ended") { isGone(process) }
    }

    @Test(
        "N-17: systemd is told when the server is ready, healthy and about to end", arguments: testedBackends, [1, 2])
    func systemd(backend: IOBackend, processes: Int) throws {
        let path = "/tmp/twister-notify-\(getpid())-\(backend).sock"
        unlink(path)
        defer { unlink(path) }
        let fd = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        defer { close(fd) }
        let address = try SocketAddress(unixPath: path)
        #expect(address.withSockaddr { bind(fd, $0, $1) } == 0)
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        func message() -> String {
            var buffer = [UInt8](repeating: 0, count: 512)
            return String(decoding: buffer[..<max(recv(fd, &buffer, buffer.count, 0), 0)], as: UTF8.self)
        }
        let server = try ChildProcess(
            "OperatedFixture", ["--port", "0", "--backend", backend.rawValue, "--processes", "\(processes)"],
            environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"])
        var all: [String] = []
        while all.count < 4 { all.append(message()) }
        #expect(all.contains { $0.hasPrefix("READY=1") && $0.contains("MAINPID=\(server.process)") }, "\(all)")
        #expect(all.contains("WATCHDOG=1"))
        server.signal(SIGTERM)
        var last = message()
        while last == "WATCHDOG=1" { last = message() }
        #expect(last == "STOPPING=1")
        #expect(server.end() == 0)
    }

    @Test(
        "N-45: a loop that stands still is reported, with its handler and its stack", arguments: testedBackends,
        ["block", "spin"])
    func stall(backend: IOBackend, how: String) throws {
        let server = try OperatedServer(backend)
        let name = how == "block" ? "BlockingHandler" : "SpinningHandler"
        for attempt in 1...3 {
            let client = try server.begin("/\(how)/2")
            // A loop that the machine holds up stands still, too.
            var line = try server.child.line(with: "stands still for")
            while !line.contains(name) { line = try server.child.line(with: "stands still for") }
            #expect(line.contains("in \(name) (route /\(how)/([0-9]+))"), "\(line)")
            var hasFrame = true
            do {
                _ = try server.child.line(with: "\(name).get()")
            } catch  where attempt < 3 {
                // A running thread may have been in a function of the C library that keeps no frame pointer.
                hasFrame = false
            }
            // The detector has not disturbed it.
            #expect(try client.receiveResponse().text == (how == "block" ? "blocked" : "span"))
            if hasFrame { break }
        }
        server.child.signal(SIGTERM)
        #expect(try server.end().status == 0)
    }
}
