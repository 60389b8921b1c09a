import Glibc
import Testing

@testable import TwisterIO

/// The fixture's executable, which lies beside this test's bundle.
private let fixture: String? = {
    guard let maps = fopen("/proc/self/maps", "r") else { return nil }
    defer { fclose(maps) }
    var line = [CChar](repeating: 0, count: 4096)
    while fgets(&line, CInt(line.count), maps) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard let path = text.split(separator: " ").last?.dropLast(), path.hasSuffix(".xctest") else { continue }
        return path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex) + "SupervisedFixture"
    }
    return nil
}()

/// The fixture as a process of its own: a supervisor with two workers.
private final class Supervisor: @unchecked Sendable {
    let process: pid_t
    let output: PipeIOStream
    private(set) var port: UInt16 = 0

    init(_ loop: IOLoop, _ backend: IOBackend, _ arguments: [String] = []) async throws {
        let path = try #require(fixture)
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[1])
        defer { posix_spawn_file_actions_destroy(&actions) }
        let argv = ([path] + arguments).map { strdup($0) } + [nil]
        let environment = [strdup("TWISTER_BACKEND=\(backend)"), strdup("SWIFT_BACKTRACE=enable=no"), nil]
        defer { for pointer in argv + environment { free(pointer) } }
        var process: pid_t = 0
        try #require(posix_spawn(&process, path, &actions, nil, argv, environment) == 0)
        self.process = process
        close(ends[1])
        output = try PipeIOStream(loop, fileDescriptor: ends[0])
        let line = text(try await output.readUntil("\n"))
        port = try #require(UInt16(line.dropFirst(5).dropLast()))
    }

    deinit { kill(process, SIGKILL) }

    /// Waits for the supervisor to end, and returns its exit status; nil if a signal has ended it.
    func end(_ loop: IOLoop) async throws -> CInt? {
        for _ in 0..<10_000 {
            var status: CInt = 0
            let result = waitpid(process, &status, WNOHANG)
            if result == process { return status & 0x7F == 0 ? (status >> 8) & 0xFF : nil }
            if result < 0 { throw IOError(errno: errno, "waitpid") }
            try await loop.pass(2)
        }
        return nil
    }

    func connect(_ loop: IOLoop) async throws -> (stream: IOStream, worker: String) {
        let stream = try await TCPClient(loop).connect(host: "127.0.0.1", port: port, timeout: .seconds(20))
        try await stream.write("who\n")
        return (stream, text(try await stream.readUntil("\n")))
    }

    /// Connects until `accept` accepts the worker that serves the connection.
    func connect(_ loop: IOLoop, _ accept: (String) -> Bool) async throws -> (stream: IOStream, worker: String) {
        for _ in 0..<400 {
            let (stream, worker) = try await connect(loop)
            if accept(worker) { return (stream, worker) }
            stream.close()
            try await loop.pass(5)
        }
        throw TestFailure()
    }
}

@Suite("ProcessSupervisor")
struct ProcessSupervisorTests {
    @Test("N-26, PR-2: a trap in one worker loses only its own connections; it is started again", arguments: backends)
    func trap(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let supervisor = try await Supervisor(loop, backend)
            let first = try await supervisor.connect(loop)
            // While this worker is dead, the other one serves all connections.
            try await first.stream.write("boom\n")
            await #expect(throws: StreamClosedError.self) { try await first.stream.readUntil("\n") }
            let number = first.worker.split(separator: " ")[1]
            let second = try await supervisor.connect(loop) { $0.split(separator: " ")[1] != number }

            // io_uring wakes one process for a connection, even a stopped one, so the test cannot choose the worker there.
            if backend == .epoll { try await trapAgain(loop, supervisor, first.worker, second) }

            // A supervisor that gets SIGTERM ends all workers.
            kill(supervisor.process, SIGTERM)
            #expect(try await supervisor.end(loop) == 0)
            await #expect(throws: StreamClosedError.self) { try await second.stream.readUntil("\n") }
            await #expect(throws: IOError.self) { try await supervisor.connect(loop) }
        }
    }

    private func trapAgain(
        _ loop: IOLoop, _ supervisor: Supervisor, _ dead: String, _ second: (stream: IOStream, worker: String)
    ) async throws {
        // A new process replaces the dead one, with the same number.
        let number = dead.split(separator: " ")[1]
        kill(try #require(pid_t(second.worker.split(separator: " ")[0])), SIGSTOP)
        let third = try await supervisor.connect(loop)
        #expect(third.worker != dead && third.worker.split(separator: " ")[1] == number)
        kill(try #require(pid_t(second.worker.split(separator: " ")[0])), SIGCONT)

        // Each of two workers has a connection. One worker traps; the connection of the other one goes on.
        try await third.stream.write("boom\n")
        await #expect(throws: StreamClosedError.self) { try await third.stream.readUntil("\n") }
        try await second.stream.write("still here\n")
        #expect(text(try await second.stream.readUntil("\n")) == "still here\n")
    }

    @Test("SIGHUP replaces workers that have said that they serve (workerServes)", arguments: backends)
    func replacement(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let supervisor = try await Supervisor(loop, backend)
            let first = try await supervisor.connect(loop)
            // Each signal replaces the workers that serve by then; before that it is refused with a line in the log.
            var replaced: Set<String> = []
            for _ in 0..<400 where replaced.isEmpty {
                kill(supervisor.process, SIGHUP)
                try await loop.pass(50)
                // These workers do nothing at SIGTERM, so the old one may end with a connection that it has just accepted.
                guard let (stream, worker) = try? await supervisor.connect(loop) else { continue }
                stream.close()
                if worker != first.worker, worker.split(separator: " ")[1] == first.worker.split(separator: " ")[1] {
                    replaced.insert(worker)
                }
            }
            #expect(replaced.count == 1)
            kill(supervisor.process, SIGTERM)
            #expect(try await supervisor.end(loop) == 0)
        }
    }

    @Test("PR-2: it ends when all workers have ended normally", arguments: backends)
    func normalEnd(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let supervisor = try await Supervisor(loop, backend)
            for _ in 0..<2 {
                let (stream, _) = try await supervisor.connect(loop)
                try await stream.write("bye\n")
                await #expect(throws: StreamClosedError.self) { try await stream.readUntil("\n") }
            }
            #expect(try await supervisor.end(loop) == 0)
        }
    }

    @Test(
        "PR-2: a worker begins with no signal ignored or blocked, whatever its supervisor ignores", arguments: backends)
    func signals(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let supervisor = try await Supervisor(loop, backend)
            let (stream, _) = try await supervisor.connect(loop)
            try await stream.write("signals\n")
            let masks = text(try await stream.readUntil("\n")).split { $0 == " " || $0 == "\t" || $0 == "\n" }
            #expect(masks == ["SigBlk:", "0000000000000000", "SigIgn:", "0000000000000000"])
            stream.close()
            kill(supervisor.process, SIGTERM)
            #expect(try await supervisor.end(loop) == 0)
        }
    }

    @Test("PR-2: after maxRestarts it gives up and ends the others", arguments: backends)
    func tooManyRestarts(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let supervisor = try await Supervisor(loop, backend, ["--no-restarts"])
            let (stream, _) = try await supervisor.connect(loop)
            try await stream.write("boom\n")
            #expect(try await supervisor.end(loop) == 3)
            stream.close()
        }
    }

    @Test("PR-2, N-26: the delay of restarts doubles up to its limit")
    func backoff() {
        let configuration = ProcessSupervisor.Configuration(processes: 1)
        let waits = (0..<12).map { configuration.backoff.wait(deaths: $0) / 1_000_000 }
        #expect(waits == [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000])
    }

    @Test(
        "N-26: a worker that had run for longer than the delay is started again at once, and counts anew after a long life"
    )
    func restartTimes() {
        let backoff = ProcessSupervisor.Configuration(processes: 1).backoff
        let millisecond: UInt64 = 1_000_000
        var worker = SupervisedWorker(0, [])
        var now: UInt64 = 1_000_000 * millisecond
        /// How long a worker waits that has lived for so long, both in milliseconds.
        func wait(after life: UInt64) -> UInt64 {
            worker.startedAt = now
            now += life * millisecond
            worker.startLater(now, backoff)
            return ((worker.startsAt ?? 0) - now) / millisecond
        }
        #expect(wait(after: 200) == 0)
        #expect(wait(after: 20) == 180)
        #expect(wait(after: 20) == 380)
        #expect(wait(after: 900) == 0)
        #expect(wait(after: 20) == 1580)
        #expect(wait(after: 30_000) == 0)
        #expect(wait(after: 20) == 180)
    }

    @Test("N-26: restarts are forgotten after a quiet minute")
    func quietMinute() {
        var limit = SupervisedWorker.RestartLimit(most: 3, ProcessSupervisor.Configuration(processes: 1).backoff)
        let second: UInt64 = 1_000_000_000
        var now = 1000 * second
        func death(after seconds: UInt64) -> Bool {
            now += seconds * second
            return limit.allowsAnother(now)
        }
        #expect(death(after: 0) && death(after: 30) && death(after: 59))
        #expect(death(after: 60) && death(after: 1) && death(after: 1))
        #expect(!death(after: 30))
    }

    @Test("PR-3: a process without a supervisor has no worker number")
    func taskID() { #expect(ProcessSupervisor.taskID == nil) }
}
