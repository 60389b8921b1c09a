import Glibc
import Logging

/// Keeps several processes of this program running, which accept from listening sockets that the supervisor has bound. A crash
/// of one loses only its own connections.
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
///         ProcessSupervisor.workerServes()
///         ...
///     }
///
/// Tornado: `process.fork_processes`.
public final class ProcessSupervisor {
    /// The number of workers, and the limits of their restarts.
    public struct Configuration: Sendable {
        /// The number of workers; nil: one for each core.
        public var processes: Int?
        /// The most restarts of all workers together. At the next death the supervisor gives up. The count starts again once no
        /// worker has died for twice `maxBackoff`. Default 100.
        public var maxRestarts = 100
        /// The least time between two starts of a worker that has died; each further restart doubles it. A worker that had run
        /// for longer than that is started again at once. Default 100 ms.
        public var initialBackoff: Duration = .milliseconds(100)
        /// How long a worker that was told to end may take before it is killed (SIGKILL). Default 12 s.
        public var stopTimeout: Duration = .seconds(12)
        /// The longest time between two starts of a worker. After a worker has run for that long, its next restart begins with
        /// `initialBackoff` again. Default 30 s.
        public var maxBackoff: Duration = .seconds(30)

        public init(processes: Int? = nil) { self.processes = processes }

        /// Whether a worker that ends with status 0, without the supervisor having told it to, is started again. Tornado does
        /// not restart such workers.
        package var restartsEndedWorkers = false

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

    /// Tells the supervisor that this process serves. The supervisor replaces workers one after the other, and lets another
    /// program take over only once the new ones serve. A worker calls this once it accepts connections; `run` of an application
    /// does so. Elsewhere, and at a second call, nothing happens.
    public static func workerServes() { Readiness.tell() }

    /// Whether this process is a worker whose supervisor has died.
    package static var isOrphan: Bool { Environment.isOrphan }

    private let configuration: Configuration
    private var workers: [SupervisedWorker]
    private var restarts: SupervisedWorker.RestartLimit
    private var phase = Phase.starting
    /// The workers that are still to be replaced, one after the other, by new processes.
    private var toReplace: [Int] = []
    /// Whether the workers have to be replaced because of a signal that came before the replacement could begin.
    private var wantsReplacement = false
    /// A new process of the whole program that is to take over, and until when it has to serve.
    private var successor: (child: Successor, readyBy: UInt64)?
    /// Successors that were told to end and were not collected yet, and when they are killed.
    private var endingSuccessors: [(process: pid_t, killsAt: UInt64)] = []
    /// Whether a worker had to be killed, or its watchdog has ended it.
    package private(set) var hadBlockedWorker = false
    /// The second signal, at which the workers were killed; nil: they were not.
    package private(set) var killedBy: CInt?

    /// The state of the supervisor.
    private enum Phase {
        /// Not all workers serve yet.
        case starting
        case serving
        /// Another program has taken over.
        case replaced
        /// The supervisor was told to end.
        case stopping
        /// Too many workers have died.
        case givingUp

        var isEnding: Bool { self == .replaced || self == .stopping || self == .givingUp }
    }

    /// The memory that the workers share with this process, as of the last step; for systemd's watchdog, which another thread
    /// serves.
    private let statuses = ConditionLock<[WorkerStatus]>([])
    private let terminal = ControllingTerminal()

    /// Called when logs are to be opened anew (SIGUSR1, SIGHUP).
    package var onReopenLogs: () -> Void = {}

    /// - Parameters:
    ///   - sockets: the sockets that each worker gets from `ListeningSocket.inherited()`.
    ///   - configuration: the number of workers, and the limits of their restarts.
    public convenience init(_ sockets: [ListeningSocket], configuration: Configuration = Configuration()) {
        let count = max(1, configuration.processes ?? IOLoopGroup.coreCount)
        self.init(socketsOfWorkers: Array(repeating: sockets, count: count), configuration: configuration)
    }

    /// The same, with sockets of its own for each worker.
    package init(socketsOfWorkers: [[ListeningSocket]], configuration: Configuration = Configuration()) {
        self.configuration = configuration
        restarts = SupervisedWorker.RestartLimit(most: configuration.maxRestarts, configuration.backoff)
        workers = socketsOfWorkers.enumerated().map { SupervisedWorker($0.offset, $0.element) }
        // Now, since the process may change its working directory later.
        ProgramImage.remember()
    }

    /// Starts the workers and blocks the calling thread until all of them have ended: with status 0 by themselves, or after a
    /// signal. A worker that ends otherwise is restarted: at once, or after a delay where it has not run for long.
    ///
    /// - SIGTERM, SIGINT, SIGQUIT: the workers end (they get SIGTERM); those that have not ended after `stopTimeout` are killed.
    ///   A second one kills them at once.
    /// - SIGHUP: logs are opened anew, and new processes replace the workers one after the other: each worker is told to end
    ///   once its successor serves. A SIGHUP that comes meanwhile replaces them once more.
    /// - SIGUSR1: logs are opened anew, in the workers, too: those that have said that they serve (`workerServes`) get it, the
    ///   others once they do.
    /// - SIGUSR2: a new process of the program takes over the listening sockets, and this one ends once it serves.
    ///
    /// - Throws: `IOError` if a worker cannot be started at the beginning; `TooManyRestarts`. All workers have ended then.
    public func run() throws {
        let signals = try SupervisorSignals()
        defer { signals.restore() }
        do {
            for index in workers.indices { try start(index) }
        } catch {
            stop(.stopping)
            while isAnyoneRunning { step(signals) }
            throw error
        }
        while isAnyoneRunning || isAnyoneWaiting { step(signals) }
        endSuccessor()
        while !endingSuccessors.isEmpty { step(signals) }
        if phase == .givingUp { throw TooManyRestarts(limit: configuration.maxRestarts) }
    }

    /// Waits until something happens, and does what is to be done then.
    private func step(_ signals: SupervisorSignals) {
        signals.wait(timeout: millisecondsToNextDeadline, also: readinessDescriptors)
        for signal in signals.takeRequests() { handle(signal) }
        noteReadiness()
        noteEnds()
        reap()
        if wantsReplacement, phase == .serving, toReplace.isEmpty { replaceAll() }
        startWhatIsDue()
        killWhatIsLate()
        statuses.withLock { $0 = workers.compactMap { $0.current?.status } }
    }

    private func handle(_ signal: CInt) {
        switch signal {
        case SIGUSR1:
            onReopenLogs()
            for index in workers.indices { workers[index].reopenLogs() }
        case SIGHUP where !terminal.hasGone:
            onReopenLogs()
            wantsReplacement = true
            if phase == .starting { tellNotServing("The workers cannot be replaced") }
        case SIGUSR2: startSuccessor()
        default: endBy(signal)
        }
    }

    private func endBy(_ signal: CInt) {
        switch phase {
        case .stopping, .givingUp:
            killedBy = signal
            killAll()
        // The process is ending already, without a signal of the operator, so the first such signal cuts nothing.
        case .replaced: phase = .stopping
        case .starting, .serving:
            endSuccessor()
            // The workers keep new clients out themselves, right before they close the sockets: a client that tries meanwhile
            // would wait for a second.
            for index in workers.indices where workers[index].sockets.allSatisfy(\.isOwned) {
                if phase == .serving { serveWhatWaits(index) }
                workers[index].serverEnds()
            }
            Systemd.notify("STOPPING=1")
            stop(.stopping)
        }
    }

    /// Starts a new process where a worker has died, to serve the clients that wait in its sockets, perhaps with requests that
    /// they have sent. That process then ends, too.
    private func serveWhatWaits(_ index: Int) {
        if workers[index].isServing || workers[index].sockets.isEmpty { return }
        // Where no process can be started, the kernel resets the connections that wait.
        if workers[index].current == nil { try? start(index) }
        workers[index].endOnceReady()
    }

    private var isAnyoneRunning: Bool { workers.contains(where: \.isRunning) }
    private var isAnyoneWaiting: Bool { workers.contains { $0.startsAt != nil } }

    private var readinessDescriptors: [CInt] {
        workers.compactMap { $0.current?.readiness } + (successor.map { [$0.child.readinessDescriptor] } ?? [])
    }

    private var millisecondsToNextDeadline: CInt {
        let ofWorkers = workers.compactMap(\.nextDeadline)
        let ofSuccessors = endingSuccessors.map(\.killsAt) + [successor?.readyBy].compactMap { $0 }
        guard let next = (ofWorkers + ofSuccessors).min() else { return -1 }
        let now = MonotonicTime.now
        return next <= now ? 0 : CInt(clamping: (next - now) / 1_000_000 + 1)
    }

    // MARK: Starting

    private func start(_ index: Int) throws(IOError) {
        workers[index].startedAt = MonotonicTime.now
        let status = WorkerStatus.create()
        let child = try ProgramImage.start(
            .running, sockets: workers[index].sockets,
            descriptors: status.map { [(WorkerStatus.variable, $0.descriptor)] } ?? [],
            variables: [Environment.supervisorVariable: "\(getpid())", Environment.taskVariable: "\(index)"],
            blockedSignals: WorkerSignals.blocked)
        Log.general.info("Worker \(index) started: process \(child.process)")
        workers[index].started(child, status)
    }

    private func startWhatIsDue() {
        let now = MonotonicTime.now
        for index in workers.indices where (workers[index].startsAt ?? .max) <= now {
            do throws(IOError) {
                try start(index)
            } catch {
                Log.general.error("Worker \(index) cannot be started: \(error)")
                restart(index)
            }
        }
    }

    /// Notes which processes have said that they serve.
    private func noteReadiness() {
        for index in workers.indices where workers[index].hearsReadiness() {
            if let next = toReplace.first, next == index { replaced(index) }
        }
        if phase == .starting, workers.allSatisfy({ $0.current?.isReady == true }) {
            phase = .serving
            Readiness.tell()
            Systemd.startWatchdog { [statuses] in
                statuses.withLock { all in all.allSatisfy { $0.stalledLoops == 0 } }
            }
        }
        guard let (child, readyBy) = successor else { return }
        if Self.isReadable(child.readinessDescriptor) {
            successorReported(child, isReady: child.takeReadiness())
        } else if readyBy <= MonotonicTime.now {
            close(child.readinessDescriptor)
            successorReported(child, isReady: false)
        }
    }

    /// Replaces the workers that somebody else has told to end: while such a worker serves its last requests, nobody accepts
    /// from its sockets.
    private func noteEnds() {
        guard phase == .serving, configuration.restartsEndedWorkers else { return }
        for index in workers.indices where workers[index].endsByItself {
            Log.general.info("Worker \(index) ends without having been told to by this process")
            workers[index].retire()
            workers[index].endRetired(at: killTime)
            restart(index)
        }
    }

    static func isReadable(_ descriptor: CInt) -> Bool {
        var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&readable, 1, 0) > 0
    }

    private func tellNotServing(_ what: String) {
        Log.general.warning("\(what) before each worker has said that it serves (ProcessSupervisor.workerServes)")
    }

    // MARK: Replacing the workers

    private func replaceAll() {
        wantsReplacement = false
        Log.general.info("Replacing the workers, one after the other")
        // A worker that has ended for good has no sockets any more.
        toReplace = workers.indices.filter { workers[$0].isRunning || workers[$0].startsAt != nil }
        replaceNext()
    }

    /// Starts the successor of the next worker, which goes on to serve until that one does.
    private func replaceNext() {
        while let index = toReplace.first {
            do throws(IOError) {
                workers[index].retire()
                try start(index)
                workers[index].readyBy(MonotonicTime.now &+ UInt64(clamping: Successor.patience.nanosecondsClamped))
                return
            } catch {
                Log.general.error("Worker \(index) cannot be replaced: \(error)")
                toReplace.removeFirst()
                if !workers[index].comeBack() { restart(index) }
            }
        }
    }

    /// The new process of a worker serves: the old one ends.
    private func replaced(_ index: Int) {
        toReplace.removeFirst()
        workers[index].endRetired(at: killTime)
        replaceNext()
    }

    // MARK: Another program

    private func startSuccessor() {
        guard Successor.mayTakeOver() else { return }
        if phase == .starting { return tellNotServing("No new process can take over") }
        guard phase == .serving, successor == nil else { return }
        do throws(IOError) {
            let child = try Successor.start(ListeningSocket.unique(workers.flatMap(\.sockets)))
            Log.general.info("A new process is to take over: \(child.process)")
            successor = (child, MonotonicTime.now &+ UInt64(clamping: Successor.patience.nanosecondsClamped))
        } catch {
            Log.general.error("No new process can take over: \(error)")
        }
    }

    private func successorReported(_ child: Successor, isReady: Bool) {
        successor = nil
        guard isReady else {
            Log.general.error("The new process \(child.process) did not come to serve: this one goes on")
            return end(child)
        }
        Log.general.info("Process \(child.process) has taken over: this one ends")
        stop(.replaced)
    }

    /// Ends a successor that does not serve yet, before anything is done to the sockets that it shares.
    private func endSuccessor() {
        guard let (child, _) = successor.take() else { return }
        close(child.readinessDescriptor)
        end(child)
    }

    /// Tells a successor to end, which is a supervisor and tells its workers.
    private func end(_ child: Successor) {
        kill(child.process, SIGTERM)
        endingSuccessors.append((child.process, killTime))
    }

    // MARK: Ending

    private var killTime: UInt64 { MonotonicTime.now &+ UInt64(clamping: configuration.stopTimeout.nanosecondsClamped) }

    private func stop(_ phase: Phase) {
        self.phase = phase
        endAll()
    }

    private func endAll() {
        toReplace = []
        for index in workers.indices {
            workers[index].startsAt = nil
            // The sockets close once the workers have closed theirs, too.
            workers[index].sockets = []
            workers[index].endAll(at: killTime)
        }
    }

    private func killAll() {
        Log.general.warning("Ending at once")
        for process in workers.flatMap(\.processes) + endingSuccessors.map(\.process) { kill(process, SIGKILL) }
    }

    private func killWhatIsLate() {
        let now = MonotonicTime.now
        for index in workers.indices {
            for process in workers[index].takeLate(now) {
                Log.general.error("Worker \(index) (process \(process)) took too long: it is killed")
                hadBlockedWorker = hadBlockedWorker || phase.isEnding
                kill(process, SIGKILL)
            }
        }
        for index in endingSuccessors.indices where endingSuccessors[index].killsAt <= now {
            endingSuccessors[index].killsAt = .max
            kill(endingSuccessors[index].process, SIGKILL)
        }
    }

    /// Collects the exit status of the processes that have ended.
    private func reap() {
        for index in workers.indices {
            for process in workers[index].processes {
                var status: CInt = 0
                if waitpid(process, &status, WNOHANG) == process { ended(index, process, status) }
            }
        }
        endingSuccessors.removeAll { waitpid($0.process, nil, WNOHANG) != 0 }
    }

    private func ended(_ index: Int, _ process: pid_t, _ status: CInt) {
        guard let (running, wasCurrent) = workers[index].ended(process) else { return }
        let signal = status & 0x7F
        let code = (status >> 8) & 0xFF
        let how = signal == 0 ? "status \(code)" : "signal \(signal) (\(String(cString: strsignal(signal))))"
        if code == Self.blockedStatus, phase.isEnding { hadBlockedWorker = true }
        if signal == 0, code == 0 {
            Log.general.info("Worker \(index) (process \(process)) ended normally")
        } else if wasEndedHere(running, signal) {
            Log.general.info("Worker \(index) (process \(process)) ended: \(how)")
        } else {
            let requests = running.status?.requests ?? []
            let count = requests.isEmpty ? "" : "; \(requests.count) request(s) were under way"
            Log.general.error("Worker \(index) (process \(process)) died: \(how)\(count)")
            for request in requests { tell(request) }
        }
        guard wasCurrent, !phase.isEnding else { return }
        if toReplace.first == index { return replacementFailed(index) }
        if signal == 0, code == 0, !configuration.restartsEndedWorkers {
            // No process accepts from its sockets any more: the kernel is to give them no connections.
            workers[index].sockets = []
        } else {
            restart(index)
        }
    }

    /// Whether a process has ended because this one wanted it to, and not by a mistake of its own.
    private func wasEndedHere(_ running: SupervisedWorker.Running, _ signal: CInt) -> Bool {
        let wasTold = running.killsAt != nil || phase.isEnding
        return wasTold && (signal == 0 || signal == SIGTERM || signal == SIGKILL)
    }

    /// The exit status of a worker whose watchdog has ended it: `EX_TEMPFAIL` of sysexits.h.
    package static let blockedStatus: CInt = 75

    /// Logs a request that a worker has taken with it.
    private func tell(_ request: WorkerStatus.Work) {
        let now = MonotonicTime.now
        let age = now > request.began ? (now - request.began) / 1_000_000 : 0
        Log.general.error(
            "  \(request.line)\(request.label.isEmpty ? "" : " by \(request.label)"), for \(age) ms")
    }

    /// The new process of a worker has ended before it served: the old one goes on.
    private func replacementFailed(_ index: Int) {
        Log.general.error("Worker \(index) cannot be replaced: its new process has ended before it served")
        toReplace = []
        if !workers[index].comeBack() { restart(index) }
    }

    private func restart(_ index: Int) {
        let now = MonotonicTime.now
        guard restarts.allowsAnother(now) else {
            phase = .givingUp
            Log.general.error("\(TooManyRestarts(limit: configuration.maxRestarts))")
            return endAll()
        }
        workers[index].startLater(now, configuration.backoff)
    }
}
