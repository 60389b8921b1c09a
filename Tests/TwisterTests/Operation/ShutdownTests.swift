import FoundationEssentials
import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

/// A server process that a test operates.
final class OperatedServer {
    let child: ChildProcess
    let port: UInt16
    private(set) var startLines: [String] = []

    init(
        _ backend: IOBackend, _ arguments: [String] = [], processes: Int = 1, port: UInt16 = 0, descriptors: Int? = nil
    ) throws {
        child = try ChildProcess(
            "OperatedFixture",
            ["--port", "\(port)", "--backend", backend.rawValue, "--processes", "\(processes)"] + arguments,
            descriptors: descriptors)
        var found: UInt16 = 0
        for _ in 0..<processes {
            while true {
                guard let line = try child.line() else { throw TestFailure("it ended: \(startLines)") }
                startLines.append(line)
                guard line.contains("serving on http://127.0.0.1:") else { continue }
                found = UInt16(line.split(separator: "http://127.0.0.1:")[1].prefix { $0.isNumber }) ?? 0
                break
            }
        }
        self.port = found
    }

    /// The processes of the workers.
    var workers: [pid_t] {
        startLines.compactMap { line in
            line.contains(" started: process ") ? line.split(separator: " ").last.flatMap { pid_t($0) } : nil
        }
    }

    func client() throws -> TestClient { try TestClient(port: port) }

    /// The process that has started this one.
    static func parent(of process: pid_t) -> pid_t? {
        guard let file = fopen("/proc/\(process)/stat", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        guard fgets(&line, CInt(line.count), file) != nil else { return nil }
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return text.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { pid_t($0) }
    }

    /// Sends a request and does not wait for the response.
    func begin(_ path: String) throws -> TestClient {
        let client = try client()
        try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
        return client
    }

    /// Waits until the processes have begun so many handlers, together.
    func wait(begun count: Int) async throws {
        var counts: [Substring: Int] = [:]
        try await eventually("\(count) handlers have begun") {
            let response = try client().ask("GET /begun HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let words = response.text.split(separator: " ")
            counts[words.first ?? ""] = words.last.flatMap { Int($0) }
            return counts.values.reduce(0, +) == count
        }
    }

    /// Waits until the process has ended; its status and its last lines.
    func end() throws -> (status: Int32?, lines: [String]) {
        let lines = try child.remainingLines()
        return (child.end().map { Int32($0) }, lines)
    }
}

@Suite("Shutdown", .serialized)
struct ShutdownTests {
    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    @Test(
        "N-15: a handler that blocks its thread does not hold the end up, and the log names it",
        arguments: testedBackends, ["/block/60", "/spin/60", "/late/60"])
    func blocked(backend: IOBackend, path: String) throws {
        let server = try OperatedServer(backend, ["--shutdown-timeout", "1"])
        let client = try server.begin(path)
        // Whether the handler has begun cannot be asked, since it blocks the loop. One that has not begins in the shutdown.
        usleep(300_000)
        var end: (status: Int32?, lines: [String]) = (nil, [])
        let time = try seconds {
            server.child.signal(SIGTERM)
            end = try server.end()
        }
        #expect(time < 30)
        #expect(end.status == 75, "\(end)")
        let log = end.lines.joined(separator: "\n")
        let name = ["/block/60": "BlockingHandler", "/spin/60": "SpinningHandler", "/late/60": "LateBlockingHandler"][
            path]
        #expect(log.contains("\(name ?? "") (route \(path.prefix { !$0.isNumber })([0-9]+))"), "\(log)")
        _ = client
    }

    @Test("N-15: a process that stood still beyond its deadline ends as any other", arguments: testedBackends)
    func stoodStill(backend: IOBackend) throws {
        let server = try OperatedServer(backend, ["--shutdown-timeout", "1"])
        let client = try server.begin("/sleep/60")
        server.child.signal(SIGTERM)
        usleep(200_000)
        server.child.signal(SIGSTOP)
        usleep(2_000_000)
        server.child.signal(SIGCONT)
        let end = try server.end()
        #expect(end.status == 0, "\(end)")
        _ = client
    }

    @Test("TCP-2: the process may have as many descriptors as the system allows it", arguments: testedBackends)
    func descriptors(backend: IOBackend) throws {
        let server = try OperatedServer(backend, ["--shutdown-timeout", "1"], descriptors: 200)
        let limits = try String(contentsOfFile: "/proc/\(server.child.process)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let numbers = line.split(separator: " ").compactMap { Int($0) }
        #expect(numbers.count == 2 && numbers[0] == numbers[1], "\(line)")
        server.child.signal(SIGTERM)
        #expect(try server.end().status == 0)
    }

    @Test("N-15: with several processes, a blocked worker and a stopped one are ended", arguments: testedBackends)
    func blockedWorkers(backend: IOBackend) throws {
        let server = try OperatedServer(backend, ["--shutdown-timeout", "1"], processes: 2)
        let clients = try (0..<8).map { _ in try server.begin("/block/60") }
        usleep(300_000)
        let stopped = try #require(server.workers.first)
        kill(stopped, SIGSTOP)
        var end: (status: Int32?, lines: [String]) = (nil, [])
        let time = try seconds {
            server.child.signal(SIGTERM)
            end = try server.end()
        }
        #expect(time < 30)
        for worker in server.workers { #expect(kill(worker, 0) != 0, "\(end.lines)") }
        #expect(end.lines.contains { $0.contains("(process \(stopped)) took too long") }, "\(end.lines)")
        _ = clients
    }

    @Test("N-15: a second signal ends at once", arguments: testedBackends, [1, 2])
    func secondSignal(backend: IOBackend, processes: Int) throws {
        let server = try OperatedServer(backend, ["--shutdown-timeout", "60"], processes: processes)
        let client = try server.begin("/sleep/60000")
        usleep(200_000)
        var end: (status: Int32?, lines: [String]) = (nil, [])
        let time = try seconds {
            server.child.signal(SIGTERM)
            // Else the two might come at once.
            _ = try server.child.line(with: "hutting down")
            usleep(100_000)
            server.child.signal(SIGTERM)
            end = try server.end()
        }
        #expect(time < 30)
        #expect(end.status == 128 + SIGTERM, "\(end)")
        for worker in server.workers { #expect(kill(worker, 0) != 0) }
        _ = client
    }

    @Test(
        "N-15, X-59: requests under way finish, waiting handlers are told, and what is left is cut and named",
        arguments: testedBackends)
    func drain(backend: IOBackend) async throws {
        let server = try OperatedServer(backend, ["--shutdown-timeout", "1"])
        let quick = try server.begin("/sleep/400")
        let polling = try server.begin("/poll")
        let slow = try server.begin("/sleep/60000")
        try await server.wait(begun: 3)
        server.child.signal(SIGTERM)
        #expect(try quick.receiveResponse().text == "slept")
        let answered = try polling.receiveResponse()
        #expect(answered.text == "no news" && answered.field("Connection") == "close")
        #expect(try slow.receiveResponse().status == 503)
        let end = try server.end()
        #expect(end.status == 0)
        let log = end.lines.joined(separator: "\n")
        #expect(log.contains("GET /sleep/60000 by SleepingHandler (route /sleep/([0-9]+))"), "\(log)")
    }

    @Test(
        "N-15: an idle client may send one more request, whose response says that it is the last",
        arguments: testedBackends)
    func grace(backend: IOBackend) throws {
        for attempt in 1...20 {
            let server = try OperatedServer(backend)
            let client = try server.client()
            var last = try client.get("/sleep/0")
            var idleSince = ContinuousClock.now
            server.child.signal(SIGTERM)
            _ = try server.child.line(with: "shutting down")
            do {
                // The loops hear of it a moment later.
                while last.field("Connection") != "close" {
                    last = try client.get("/sleep/0")
                    idleSince = .now
                }
            } catch  where ContinuousClock.now - idleSince >= .milliseconds(200) && attempt < 20 {
                // The machine was too busy for a request within the 250 ms that idle clients have.
                continue
            }
            #expect(last.text == "slept")
            #expect(try client.isClosed())
            #expect(try server.end().status == 0)
            return
        }
    }

    @Test("SIGHUP does not end a server, SIGQUIT drains it", arguments: testedBackends)
    func otherSignals(backend: IOBackend) throws {
        let server = try OperatedServer(backend)
        server.child.signal(SIGHUP)
        server.child.signal(SIGUSR1)
        usleep(100_000)
        let waiting = try server.begin("/sleep/300")
        usleep(100_000)
        server.child.signal(SIGQUIT)
        #expect(try waiting.receiveResponse().text == "slept")
        #expect(try server.end().status == 0)
    }
}
