import Glibc
import Logging

/// Keeps several processes of this program running, which share listening sockets. A crash of one loses only its own
/// connections.
///
/// The workers are started with posix_spawn(3), from the same executable with the same arguments. They are not forked, because
/// forking a process with threads is not safe. They inherit the listening sockets of the parent and do not bind the port again
/// with `SO_REUSEPORT`, so that connections that wait to be accepted outlive a worker that dies, the port is never without a
/// listener, and only the parent needs the permission to bind it.
///
/// In `main.swift`, before anything else starts threads:
///
///     if ProcessSupervisor.taskID == nil {
///         let sockets = try bindSockets(port: 8888)
///         try ProcessSupervisor(sockets).run()
///     } else {
///         let server = TCPServer(loop) { stream, address in ... }
///         try server.addSockets(ListeningSocket.inherited())
///         ...
///     }
///
/// Tornado: `process.fork_processes`.
public final class ProcessSupervisor {
    /// The number of workers, and the limits of their restarts.
    public struct Configuration: Sendable {
        /// The number of workers; nil: one for each core.
        public var processes: Int?
        /// The most restarts of all workers together; at the next death the supervisor gives up. Default 100.
        public var maxRestarts = 100
        /// The delay of a worker's first restart; each further restart doubles it. Default 100 ms.
        public var initialBackoff: Duration = .milliseconds(100)
        /// The longest delay; a worker that has run for that long begins with the shortest delay again. Default 30 s.
        public var maxBackoff: Duration = .seconds(30)

        public init(processes: Int? = nil) { self.processes = processes }

        var backoff: SupervisedWorker.Backoff {
            SupervisedWorker.Backoff(initial: initialBackoff, longest: maxBackoff)
        }
    }

    /// The supervisor gave up, because too many workers died. Tornado: `RuntimeError("Too many child restarts, giving up")`.
    public struct TooManyRestarts: Error, CustomStringConvertible, Sendable {
        /// The limit that was reached.
        public let limit: Int
        public var description: String { "Workers died more than \(limit) times: giving up" }
    }

    /// The number of the worker that this process is, from 0; nil in a process that no supervisor has started.
    ///
    /// Tornado: `process.task_id`.
    public static var taskID: Int? { Environment.taskID }

    private let sockets: [ListeningSocket]
    private let configuration: Configuration
    private var workers: [SupervisedWorker]
    private var restarts = 0
    private var isStopping = false
    private var hasGivenUp = false

    /// - Parameters:
    ///   - sockets: the sockets that the workers get from `ListeningSocket.inherited()`.
    ///   - configuration: the number of workers, and the limits of their restarts.
    public init(_ sockets: [ListeningSocket], configuration: Configuration = Configuration()) {
        self.sockets = sockets
        self.configuration = configuration
        let count = configuration.processes ?? sysconf(CInt(_SC_NPROCESSORS_ONLN))
        workers = (0..<max(1, count)).map(SupervisedWorker.init)
    }

    /// Starts the workers and blocks the calling thread until all of them have ended: with status 0 by themselves, or after
    /// SIGTERM or SIGINT, which the supervisor passes to them. A worker that ends otherwise is restarted after a delay.
    ///
    /// - Throws: `IOError` if a worker cannot be started at the beginning; `TooManyRestarts`. All workers have ended then.
    public func run() throws {
        let signals = try SupervisorSignals()
        defer { signals.restore() }
        do {
            for index in workers.indices { try start(index) }
        } catch {
            endAll(SIGTERM)
            while isAnyoneRunning {
                signals.wait(timeout: -1)
                reap()
            }
            throw error
        }
        while isAnyoneRunning || isAnyoneWaiting {
            signals.wait(timeout: millisecondsToNextStart)
            for signal in signals.takeTerminations() { stop(signal) }
            reap()
            startWhatIsDue()
        }
        if hasGivenUp { throw TooManyRestarts(limit: configuration.maxRestarts) }
    }

    private var isAnyoneRunning: Bool { workers.contains { $0.process != nil } }
    private var isAnyoneWaiting: Bool { workers.contains { $0.startsAt != nil } }

    private var millisecondsToNextStart: CInt {
        guard let next = workers.compactMap(\.startsAt).min() else { return -1 }
        let now = Self.now
        return next <= now ? 0 : CInt(clamping: (next - now) / 1_000_000 + 1)
    }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    // MARK: Starting

    private func start(_ index: Int) throws(IOError) {
        let process = try WorkerProcess.spawn(taskID: index, sockets)
        Log.general.info("Worker \(index) started: process \(process)")
        workers[index].started(process, at: Self.now)
    }

    private func startWhatIsDue() {
        let now = Self.now
        for index in workers.indices where (workers[index].startsAt ?? .max) <= now {
            do throws(IOError) {
                try start(index)
            } catch {
                Log.general.error("Worker \(index) cannot be started: \(error)")
                restart(index)
            }
        }
    }

    // MARK: Ending

    private func stop(_ signal: CInt) {
        isStopping = true
        endAll(signal)
    }

    private func endAll(_ signal: CInt) {
        for index in workers.indices {
            workers[index].startsAt = nil
            if let process = workers[index].process { kill(process, signal) }
        }
    }

    /// Collects the exit status of the workers that have ended.
    private func reap() {
        for index in workers.indices {
            guard let process = workers[index].process else { continue }
            var status: CInt = 0
            guard waitpid(process, &status, WNOHANG) == process else { continue }
            workers[index].process = nil
            ended(index, process, status)
        }
    }

    private func ended(_ index: Int, _ process: pid_t, _ status: CInt) {
        let signal = status & 0x7F
        let code = (status >> 8) & 0xFF
        if signal == 0, code == 0 {
            return Log.general.info("Worker \(index) (process \(process)) ended normally")
        }
        let how = signal == 0 ? "status \(code)" : "signal \(signal) (\(String(cString: strsignal(signal))))"
        if isStopping || hasGivenUp {
            return Log.general.info("Worker \(index) (process \(process)) ended: \(how)")
        }
        Log.general.error("Worker \(index) (process \(process)) died: \(how)")
        restart(index)
    }

    private func restart(_ index: Int) {
        guard restarts < configuration.maxRestarts else {
            hasGivenUp = true
            Log.general.error("\(TooManyRestarts(limit: configuration.maxRestarts))")
            return endAll(SIGTERM)
        }
        restarts += 1
        workers[index].startLater(Self.now, configuration.backoff)
    }
}
