import Glibc
import Testing
import TwisterIO
import TwisterTestSupport

/// What goes wrong around a supervisor: signals at the wrong moment, deaths, a wrong environment.
@Suite("Supervision: faults", .serialized)
struct SupervisionFaultTests {
    /// A server whose start is not waited for, on a port that was free before.
    private func start(_ backend: IOBackend, processes: Int = 2) throws -> (child: ChildProcess, port: UInt16) {
        let port = try #require(try bindSockets(port: 0, address: "127.0.0.1").first?.address?.port)
        let arguments = ["--port", "\(port)", "--backend", backend.rawValue, "--processes", "\(processes)"]
        return (try ChildProcess("OperatedFixture", arguments), port)
    }

    /// Waits until nobody listens on the port: a process that holds it without serving would have clients wait.
    private func portIsFree(_ port: UInt16) async throws {
        try await eventually("nobody holds port \(port)") { (try? TestClient(port: port)) == nil }
    }

    /// The process that serves a new connection.
    private func serving(_ server: OperatedServer) throws -> pid_t? {
        pid_t(try server.client().ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").text)
    }

    /// Ends the server, and returns the rest of its log.
    private func log(_ server: OperatedServer) throws -> String {
        server.child.signal(SIGTERM)
        let end = try server.end()
        #expect(end.status == 0)
        return end.lines.joined(separator: "\n")
    }

    @Test(
        "N-26: nothing stays behind of a supervisor that is killed while its workers start", arguments: testedBackends)
    func killedAtStart(backend: IOBackend) async throws {
        for delay: UInt32 in [0, 2, 5, 10, 20, 40] {
            let (child, port) = try start(backend)
            _ = try child.line(with: "Worker 0 started")
            usleep(delay * 1000)
            child.signal(SIGKILL)
            _ = try child.remainingLines()
            try await portIsFree(port)
        }
    }

    @Test("N-26: nothing stays behind of a supervisor that is killed in a replacement", arguments: testedBackends)
    func killedInReplacement(backend: IOBackend) async throws {
        for delay: UInt32 in [5, 15, 30] {
            let server = try OperatedServer(backend, processes: 2)
            server.child.signal(SIGHUP)
            usleep(delay * 1000)
            server.child.signal(SIGKILL)
            _ = try server.child.remainingLines()
            try await portIsFree(server.port)
        }
    }

    @Test(
        "N-16: a successor that does not serve yet ends with the supervisor, and its workers do",
        arguments: testedBackends)
    func endedInSuccession(backend: IOBackend) async throws {
        for delay: UInt32 in [10, 30, 60, 90, 120] {
            let server = try OperatedServer(backend, processes: 2)
            server.child.signal(SIGUSR2)
            usleep(delay * 1000)
            server.child.signal(SIGTERM)
            let end = try server.end()
            #expect(end.status == 0)
            // Else the new program serves, as it was asked to.
            if end.lines.contains(where: { $0.contains("has taken over") }) {
                let worker = try #require(try serving(server))
                kill(try #require(OperatedServer.parent(of: worker)), SIGTERM)
            }
            try await portIsFree(server.port)
        }
    }

    @Test(
        "N-26: a worker without its supervisor's sockets or with another parent does not start",
        arguments: testedBackends)
    func strayWorkers(backend: IOBackend) throws {
        let arguments = ["--port", "0", "--backend", backend.rawValue, "--processes", "2"]
        func lines(supervisor: pid_t) throws -> String {
            let child = try ChildProcess(
                "OperatedFixture", arguments,
                environment: ["TWISTER_TASK_ID": "0", "TWISTER_SUPERVISOR_PID": "\(supervisor)"])
            let lines = try child.remainingLines().joined(separator: "\n")
            #expect(child.end() == 1)
            return lines
        }
        let orphan = try lines(supervisor: 1)
        #expect(orphan.contains("its supervisor, process 1, has ended"), "\(orphan)")
        let bare = try lines(supervisor: getpid())
        #expect(bare.contains("inherit the supervisor's listening sockets"), "\(bare)")
    }

    @Test("N-20: a wrong LISTEN_FDS ends the start with an error", arguments: testedBackends, [1, 2])
    func wrongCount(backend: IOBackend, processes: Int) throws {
        let child = try ChildProcess(
            "OperatedFixture", ["--port", "0", "--backend", backend.rawValue, "--processes", "\(processes)"],
            environment: ["LISTEN_FDS": "3", "TWISTER_SUPERVISOR_PID": "\(getpid())"])
        let lines = try child.remainingLines().joined(separator: "\n")
        #expect(lines.contains("inherited descriptor 3"), "\(lines)")
        #expect(child.end() == 1)
    }

    @Test("N-26: a worker that somebody ends is started again, and SIGHUP replaces it", arguments: testedBackends)
    func endedWorker(backend: IOBackend) async throws {
        let server = try OperatedServer(backend, processes: 2)
        // Each has a request that holds up its end; meanwhile another process accepts in its place.
        let slow = try (0..<16).map { _ in try server.begin("/sleep/6000") }
        try await server.wait(begun: 16)
        kill(try #require(server.workers.first), SIGTERM)
        var line = ""
        while !line.contains("serving on http://127.0.0.1:\(server.port)") {
            line = try #require(try server.child.line())
            #expect(!line.contains("ended normally"), "the next one does not wait for its end")
        }
        for _ in 0..<16 { #expect(try server.client().get("/").status == 200) }
        for client in slow { #expect(try client.receiveResponse().text == "slept") }
        _ = try server.child.line(with: "ended normally")
        server.child.signal(SIGHUP)
        for _ in 0..<2 { _ = try server.child.line(with: "serving on http://127.0.0.1:\(server.port)") }
        var seen: Set<pid_t> = []
        try await eventually("both workers serve") {
            if let process = try serving(server), !server.workers.contains(process) { seen.insert(process) }
            return seen.count == 2
        }
        let log = try log(server)
        #expect(!log.contains(" died: "), "\(log)")
    }

    @Test("SIGUSR1, SIGUSR2 and SIGHUP leave workers alone that start", arguments: testedBackends)
    func signalsAtStart(backend: IOBackend) async throws {
        let server = try OperatedServer(backend, processes: 2)
        for delay: UInt32 in [0, 10, 30] {
            server.child.signal(SIGHUP)
            usleep(delay * 1000)
            server.child.signal(SIGUSR1)
            var new: [pid_t] = []
            for _ in 0..<2 {
                let line = try server.child.line(with: " started: process ")
                new.append(try #require(line.split(separator: " ").last.flatMap { pid_t($0) }))
                for signal in [SIGUSR1, SIGUSR2, SIGHUP] { kill(new[new.count - 1], signal) }
            }
            for _ in 0..<2 { _ = try server.child.line(with: "ended normally") }
            for process in new { #expect(kill(process, 0) == 0) }
        }
        let log = try log(server)
        #expect(!log.contains(" died: ") && !log.contains("cannot be replaced"), "\(log)")
    }

    @Test("SIGHUP in a replacement has the workers replaced once more", arguments: testedBackends)
    func replacedTwice(backend: IOBackend) throws {
        let server = try OperatedServer(backend, processes: 2)
        server.child.signal(SIGHUP)
        _ = try server.child.line(with: "Replacing the workers")
        server.child.signal(SIGHUP)
        _ = try server.child.line(with: "Replacing the workers")
        for _ in 0..<2 { _ = try server.child.line(with: "serving on") }
        _ = try log(server)
    }
}
