import Glibc
import Synchronization

/// The activity of a loop's thread at the moment, for other threads that watch it: since when it has not waited for the kernel,
/// and which handler runs. The loop's thread writes plain numbers, which cost a few instructions a turn.
package final class LoopPulse: Sendable {
    /// Since when the loop has been busy, on `CLOCK_MONOTONIC`, in nanoseconds; 0: it waits, or does not run.
    private let busy = Atomic<UInt64>(0)
    /// The job that runs or ran last, as the address of its task.
    private let job = Atomic<UInt>(0)
    private let workers = ConditionLock<[Int: Worker]>([:])
    /// Whether a watcher sleeps until this loop is busy.
    private let isWatcherAsleep = Atomic(false)
    private let wakeWatcher = ConditionLock<(@Sendable () -> Void)?>(nil)
    /// The kernel's number of the loop's thread.
    let threadNumber: CInt

    /// Made on the loop's thread.
    init() {
        threadNumber = NativeThread.currentNumber
        // Unblocks the signal by which another thread asks a running thread for its stack; the process may have been started
        // with that signal blocked.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGURG)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    // MARK: The loop's side

    /// A wait has ended, at `time`.
    @inline(__always)
    func beginTurn(_ time: UInt64) {
        busy.store(time, ordering: .relaxed)
        if isWatcherAsleep.load(ordering: .relaxed) { tellWatcher() }
    }

    /// A wait begins, or the loop ends.
    @inline(__always)
    func endTurn() { busy.store(0, ordering: .relaxed) }

    @inline(__always)
    func willRun(_ job: UnownedJob) { self.job.store(Self.address(job), ordering: .relaxed) }

    /// A worker's task has begun, as the job that runs.
    func began(_ worker: Worker) {
        worker.task.store(job.load(ordering: .relaxed), ordering: .relaxed)
        workers.withLock { $0[worker.id] = worker }
    }

    func ended(_ worker: Worker) { workers.withLock { $0[worker.id] = nil } }

    private static func address(_ job: UnownedJob) -> UInt { unsafe unsafeBitCast(job, to: UInt.self) }

    @inline(never)
    private func tellWatcher() {
        isWatcherAsleep.store(false, ordering: .relaxed)
        wakeWatcher.withLock { $0 }?()
    }

    // MARK: The watcher's side

    /// Since when the loop has not waited, on `CLOCK_MONOTONIC`, in nanoseconds; nil: it waits.
    package var busySince: UInt64? {
        let time = busy.load(ordering: .sequentiallyConsistent)
        return time == 0 ? nil : time
    }

    /// The handler that runs on the loop's thread, or ran last; `.unknown` for other work.
    package var label: JobLabel {
        let current = job.load(ordering: .relaxed)
        let worker = workers.withLock { all in all.values.first { $0.task.load(ordering: .relaxed) == current } }
        return worker.map { JobLabel(number: $0.label.load(ordering: .relaxed)) } ?? .unknown
    }

    /// Has `wake` called when the loop is busy next. It must not block.
    func wakeWhenBusy(_ wake: (@Sendable () -> Void)?) {
        wakeWatcher.withLock { $0 = wake }
        isWatcherAsleep.store(wake != nil, ordering: .sequentiallyConsistent)
    }
}
