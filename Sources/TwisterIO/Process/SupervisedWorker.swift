import Glibc

/// A worker that a supervisor keeps running: its process, or the time of the next start.
struct SupervisedWorker {
    /// How much time lies between the starts of a worker that dies. A worker that had served for a while is started again at
    /// once, because it is missing. One that dies right after each start would otherwise keep the machine busy.
    struct Backoff {
        /// The distance at the first death, in nanoseconds. Each further death doubles it.
        let initial: UInt64
        /// The longest distance. The count of deaths begins again after a life of that length.
        let longest: UInt64

        init(initial: Duration, longest: Duration) {
            self.initial = UInt64(max(0, initial.nanosecondsClamped))
            self.longest = UInt64(max(0, longest.nanosecondsClamped))
        }

        /// The distance, in nanoseconds, after a worker has died `deaths` times in a row before.
        func wait(deaths: Int) -> UInt64 {
            let (wait, overflow) = initial.multipliedReportingOverflow(by: 1 << UInt64(min(max(deaths, 0), 32)))
            return overflow ? longest : min(wait, longest)
        }
    }

    /// Limits the restarts of all workers together. Beyond the limit, the supervisor gives up.
    struct RestartLimit {
        private let most: Int
        private let quiet: UInt64
        private var count = 0
        private var last: UInt64 = 0

        /// - Parameter most: the most restarts in a row.
        init(most: Int, _ backoff: Backoff) {
            self.most = most
            // A worker that dies at every start does so once in the longest backoff.
            quiet = 2 * backoff.longest
        }

        /// Counts a restart, at a time in nanoseconds. Returns false where there were too many already.
        mutating func allowsAnother(_ now: UInt64) -> Bool {
            if now &- last >= quiet { count = 0 }
            last = now
            count += 1
            return count <= most
        }
    }

    /// A process of the worker.
    struct Running {
        let process: pid_t
        /// The memory that it shares with the supervisor; nil: none could be had.
        let status: WorkerStatus?
        /// Becomes readable when the process serves, or has ended; nil once that was noted.
        var readiness: CInt?
        var isReady = false
        /// Whether the process has to open its logs anew once it serves. Before that, the signal might end it.
        var reopensLogs = false
        /// Whether the process is told to end as soon as it serves.
        var endsOnceReady = false
        /// When the process is killed, in nanoseconds of the monotonic clock; nil: it was not told to end.
        var killsAt: UInt64?
    }

    let taskID: Int
    /// The sockets that it accepts from.
    var sockets: [ListeningSocket]
    /// Nil while the worker does not run.
    private(set) var current: Running?
    /// Older processes, which serve until the current one does, or come to their end.
    private var retired: [Running] = []
    /// The time of the next start on the monotonic clock, in nanoseconds; nil if none is planned.
    var startsAt: UInt64?
    /// The time of the last start, even of one that has failed.
    var startedAt: UInt64 = 0
    /// How many times in a row the worker has died without having run for long.
    private var deaths = 0

    init(_ taskID: Int, _ sockets: [ListeningSocket]) {
        self.taskID = taskID
        self.sockets = sockets
    }

    var isRunning: Bool { current != nil || !retired.isEmpty }
    var processes: [pid_t] { all.map(\.process) }
    private var all: [Running] { [current].compactMap { $0 } + retired }
    /// When the supervisor next has to act for this worker, in nanoseconds of the monotonic clock; nil: not at all.
    var nextDeadline: UInt64? {
        ([startsAt, current?.killsAt] + retired.map(\.killsAt)).compactMap { $0 }.min()
    }

    mutating func started(_ child: ProgramImage.Child, _ status: WorkerStatus?) {
        current = Running(process: child.process, status: status, readiness: child.readiness)
        startsAt = nil
    }

    /// Plans the restart of a worker that has died.
    mutating func startLater(_ now: UInt64, _ backoff: Backoff) {
        if now &- startedAt >= backoff.longest { deaths = 0 }
        startsAt = max(now, startedAt &+ backoff.wait(deaths: deaths))
        deaths += 1
    }

    /// Whether the current process has just said that it serves.
    mutating func hearsReadiness() -> Bool {
        guard let readiness = current?.readiness, ProcessSupervisor.isReadable(readiness) else { return false }
        var byte: UInt8 = 0
        let isReady = read(readiness, &byte, 1) == 1
        close(readiness)
        current?.readiness = nil
        current?.isReady = isReady
        if isReady, let running = current {
            if running.reopensLogs { kill(running.process, SIGUSR1) }
            if running.endsOnceReady { kill(running.process, SIGTERM) } else { current?.killsAt = nil }
        }
        return isReady
    }

    /// Whether a process serves that was not told to end.
    var isServing: Bool { all.contains { $0.isReady && $0.killsAt == nil } }

    /// Whether the current process has begun to end without having been told to.
    var endsByItself: Bool {
        guard let current, current.isReady, current.killsAt == nil else { return false }
        return current.status?.isEnding == true
    }

    /// Has the current process serve the clients that wait in the sockets, and then end.
    mutating func endOnceReady() { current?.endsOnceReady = true }

    /// Has its processes open their logs anew.
    mutating func reopenLogs() {
        if current?.isReady == false { current?.reopensLogs = true }
        for running in all where running.isReady { kill(running.process, SIGUSR1) }
    }

    /// Tells its processes that nobody accepts from their sockets after them.
    func serverEnds() {
        for running in all { running.status?.isServerEnding = true }
    }

    /// The current process becomes an old one.
    mutating func retire() {
        if let old = current.take() { retired.append(old) }
    }

    /// Makes the old process the current one again. Returns false where no old process still serves.
    mutating func comeBack() -> Bool {
        guard current == nil, let index = retired.lastIndex(where: { $0.killsAt == nil }) else { return false }
        current = retired.remove(at: index)
        return true
    }

    /// Sets the time by which the current process has to serve; otherwise it is killed.
    mutating func readyBy(_ time: UInt64) { current?.killsAt = time }

    /// Tells the old processes to end.
    mutating func endRetired(at killTime: UInt64) {
        for index in retired.indices where retired[index].killsAt == nil {
            retired[index].killsAt = killTime
            kill(retired[index].process, SIGTERM)
        }
    }

    /// Tells all processes to end.
    mutating func endAll(at killTime: UInt64) {
        endRetired(at: killTime)
        guard let running = current else { return }
        current?.killsAt = killTime
        if !running.endsOnceReady { kill(running.process, SIGTERM) }
    }

    /// Takes out the processes that have not ended in time, each only once.
    mutating func takeLate(_ now: UInt64) -> [pid_t] {
        var late: [pid_t] = []
        if let process = current?.process, let time = current?.killsAt, time <= now {
            current?.killsAt = .max
            late.append(process)
        }
        for index in retired.indices where (retired[index].killsAt ?? .max) <= now {
            retired[index].killsAt = .max
            late.append(retired[index].process)
        }
        return late
    }

    /// Forgets a process that has ended, and returns what was known of it.
    mutating func ended(_ process: pid_t) -> (running: Running, wasCurrent: Bool)? {
        if let running = current, running.process == process {
            if let readiness = running.readiness { close(readiness) }
            current = nil
            return (running, true)
        }
        guard let index = retired.firstIndex(where: { $0.process == process }) else { return nil }
        let running = retired.remove(at: index)
        if let readiness = running.readiness { close(readiness) }
        return (running, false)
    }
}
