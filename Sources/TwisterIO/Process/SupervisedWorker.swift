/// A worker that a supervisor keeps running: its process, or the time of the next start.
struct SupervisedWorker {
    /// How long a worker that has died waits for its restart.
    struct Backoff {
        /// The wait after the first death, in nanoseconds. Each further death doubles it.
        let initial: UInt64
        /// The longest wait. The count of deaths begins again after a life of that length.
        let longest: UInt64

        init(initial: Duration, longest: Duration) {
            self.initial = UInt64(max(0, initial.nanosecondsClamped))
            self.longest = UInt64(max(0, longest.nanosecondsClamped))
        }

        /// The wait, in nanoseconds, after a worker has died `deaths` times in a row before.
        func wait(deaths: Int) -> UInt64 {
            let (wait, overflow) = initial.multipliedReportingOverflow(by: 1 << UInt64(min(max(deaths, 0), 32)))
            return overflow ? longest : min(wait, longest)
        }
    }

    let taskID: Int
    /// Nil while the worker does not run.
    var process: Int32?
    /// The time of the next start on the monotonic clock, in nanoseconds; nil if none is planned.
    var startsAt: UInt64?
    private var startedAt: UInt64 = 0
    /// Deaths in a row that were not preceded by a long life.
    private var deaths = 0

    init(_ taskID: Int) { self.taskID = taskID }

    mutating func started(_ process: Int32, at now: UInt64) {
        self.process = process
        startsAt = nil
        startedAt = now
    }

    /// Plans the restart of a worker that has died.
    mutating func startLater(_ now: UInt64, _ backoff: Backoff) {
        if now &- startedAt >= backoff.longest { deaths = 0 }
        startsAt = now &+ backoff.wait(deaths: deaths)
        deaths += 1
    }
}
