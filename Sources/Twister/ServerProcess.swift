import Glibc
import Logging
import ServiceLifecycle
import TwisterHTTP
import TwisterIO

/// A process that serves, from its start to its end: its services, its signals, and what happens when its end is held up.
final class ServerProcess: Sendable {
    /// Where the process is between its start and its end.
    private enum Life {
        case serving(Replacement)
        /// A new process has taken over the listening sockets; no signal has asked for the end.
        case replaced
        /// A signal has asked for the end, perhaps after a new process had taken over.
        case ending(isReplaced: Bool)
        case over
    }

    /// A new process that is to take over.
    private enum Replacement {
        case none
        /// It is being started.
        case starting
        /// It does not serve yet.
        case awaited(Successor)
    }

    private let delegate: any HTTPServerConnectionDelegate
    private let configuration: ServerConfiguration
    private let life = ConditionLock(Life.serving(.none))
    private let result = ConditionLock(ShutdownResult())
    private let server = ConditionLock<RunningServer?>(nil)
    private let group = ConditionLock<ServiceGroup?>(nil)
    /// The loop on which a synchronous `run` waits for the end; nil in an async one.
    private let waitingLoop: IOLoop?
    private let terminal = ControllingTerminal()

    init(
        _ delegate: any HTTPServerConnectionDelegate, _ configuration: ServerConfiguration, waitingOn loop: IOLoop?
    ) {
        self.delegate = delegate
        self.configuration = configuration
        waitingLoop = loop
    }

    func run() async throws -> ShutdownResult {
        OpenFileLimit.raise()
        // Now, since the process may change its working directory later.
        Successor.prepare()
        Readiness.prepare()
        let watch = try SignalWatch([SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2]) { [self] in handle($0) }
        defer {
            watch.end()
            life.withLock { $0 = .over }
        }
        let group = ServiceGroup(
            services: configuration.services + [Serving(process: self)],
            logger: Logger(label: "twister.service") { _ in SwiftLogNoOpLogHandler() })
        self.group.withLock { $0 = group }
        // A signal may have come before there was anything to end.
        if case .ending = life.withLock({ $0 }) { return ShutdownResult() }
        try await group.run()
        return result.withLock { $0 }
    }

    /// The server among the services of the process.
    private struct Serving: Service {
        let process: ServerProcess

        func run() async throws {
            let server = try await RunningServer(process.delegate, process.configuration)
            process.server.withLock { $0 = server }
            let detector = StallDetector(process.configuration.stallThreshold, server.group.watchedLoops)
            Systemd.startWatchdog { detector.areHealthy }
            await ServerProcess.shutdownBegins()
            let result = await server.drain(isReplaced: process.isReplaced, on: process.waitingLoop)
            detector.end()
            process.server.withLock { $0 = nil }
            process.result.withLock { $0 = result }
            if !result.blocked.isEmpty { process.exitBlocked() }
        }
    }

    /// Waits until the group of services shuts down. The library's `gracefulShutdown` does that by a task on Swift's pool,
    /// which cannot start where descriptors have run out.
    private static func shutdownBegins() async {
        let (ends, end) = AsyncStream.makeStream(of: Never.self)
        await withGracefulShutdownHandler {
            for await _ in ends {}
        } onGracefulShutdown: {
            end.finish()
        }
    }

    // MARK: Signals

    /// Called on a thread of its own, which no handler can block.
    private func handle(_ signal: CInt) {
        switch signal {
        case SIGHUP where terminal.hasGone: end(signal)
        case SIGHUP:
            reopenLogs()
            server.withLock { $0 }?.reloadCertificates()
        case SIGUSR1: reopenLogs()
        case SIGUSR2: replace()
        // A terminal sends these to the supervisor as well, which tells its workers what to do.
        case SIGINT, SIGQUIT: if !isSupervised { end(signal) }
        default: end(signal)
        }
    }

    /// Whether the process is a worker whose supervisor lives.
    private var isSupervised: Bool { ProcessSupervisor.taskID != nil && !ProcessSupervisor.isOrphan }

    /// Whether the process ends because another one has taken over.
    private var isReplaced: Bool {
        switch life.withLock({ $0 }) {
        case .replaced, .ending(isReplaced: true): true
        case .serving, .ending, .over: false
        }
    }

    private func end(_ signal: CInt) {
        let before = life.withLock { life in
            defer {
                switch life {
                case .serving: life = .ending(isReplaced: false)
                case .replaced: life = .ending(isReplaced: true)
                case .ending, .over: break
                }
            }
            return life
        }
        switch before {
        case .serving(let replacement):
            // A new process must not outlive this one, whose sockets it shares.
            if case .awaited(let successor) = replacement { successor.kill() }
            startWatchdog()
            drain()
        // The process ends already, and the operator's first signal cuts nothing.
        case .replaced, .over: break
        // A supervisor kills its workers where that is asked for; a signal to their group reaches a worker twice.
        case .ending where ProcessSupervisor.taskID != nil: break
        case .ending:
            Log.general.warning("a second signal: ending at once")
            Log.flush(within: .milliseconds(200))
            _exit(128 + signal)
        }
    }

    private func drain() {
        guard let group = group.withLock({ $0 }) else { return }
        // Not on Swift's pool, which a synchronous `run` has not used yet: where descriptors or threads have run out, it
        // cannot start, and ends the process or blocks this thread.
        Task(executorPreference: waitingLoop) { await group.triggerGracefulShutdown() }
    }

    private func reopenLogs() {
        Log.reopen()
        Log.general.info("opening the logs anew")
    }

    // MARK: Another program

    /// Starts the program again, and ends once the new process serves.
    private func replace() {
        // A worker is replaced by its supervisor.
        guard ProcessSupervisor.taskID == nil, Successor.mayTakeOver() else { return }
        guard let server = server.withLock({ $0 }) else {
            return Log.general.warning("SIGUSR2: the server does not serve yet")
        }
        let mayStart = life.withLock { life in
            guard case .serving(.none) = life else { return false }
            life = .serving(.starting)
            return true
        }
        guard mayStart else { return }
        do throws(IOError) {
            try BackgroundTimer.call(after: .zero) { [self] in startSuccessor(server) }
        } catch {
            giveUpReplacement("\(error)")
        }
    }

    private func startSuccessor(_ server: RunningServer) {
        let successor: Successor
        do throws(IOError) {
            successor = try Successor.start(server.group.sockets)
        } catch {
            return giveUpReplacement("\(error)")
        }
        let isWanted = life.withLock { life in
            guard case .serving = life else { return false }
            life = .serving(.awaited(successor))
            return true
        }
        if !isWanted { successor.kill() }
        let isReady = successor.waitUntilReady()
        let takesOver = life.withLock { life in
            guard isReady, case .serving = life else { return false }
            life = .replaced
            return true
        }
        guard takesOver else {
            successor.kill()
            successor.reap()
            return giveUpReplacement("process \(successor.process) did not come to serve")
        }
        Log.general.info("process \(successor.process) has taken over: this one ends")
        startWatchdog()
        drain()
    }

    private func giveUpReplacement(_ reason: String) {
        Log.general.error("no new process can take over: \(reason)")
        life.withLock { life in
            if case .serving = life { life = .serving(.none) }
        }
    }

    // MARK: An end that is held up

    /// Ends the process where it has not ended in time: a handler that blocks its thread, or Swift's pool of threads, would hold
    /// it up for ever.
    private func startWatchdog() {
        watch(after: configuration.shutdownTimeout + WatchdogTime.patience) { [self] in
            // Once more, because the process may have stood still: it was stopped, or got no processor.
            watch(after: WatchdogTime.patience) { [self] in exitBlocked() }
        }
    }

    private func watch(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
        do throws(IOError) {
            try BackgroundTimer.call(after: delay, action)
        } catch {
            Log.general.warning("the shutdown has no watchdog: \(error)")
        }
    }

    private var isOver: Bool {
        if case .over = life.withLock({ $0 }) { return true }
        return false
    }

    private func exitBlocked() {
        if isOver { return }
        let logger = Log.general
        if let server = server.withLock({ $0 }) {
            for (index, loop) in server.group.watchedLoops.enumerated() where loop.pulse.busySince != nil {
                let label = loop.pulse.label
                logger.error(
                    "the shutdown is held up by loop \(index)\(label == .unknown ? "" : ": \(label)")")
                for frame in loop.pulse.backtrace() { logger.error("  in \(frame)") }
            }
        }
        // It may have ended while the stacks were written.
        if isOver { return }
        logger.error("the shutdown did not end in time: exit status \(ProcessSupervisor.blockedStatus)")
        Log.flush(within: .milliseconds(300))
        _exit(ProcessSupervisor.blockedStatus)
    }
}
