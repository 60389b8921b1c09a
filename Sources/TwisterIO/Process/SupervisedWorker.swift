/// One worker's place: who is in it, and when the next one comes.
struct SupervisedWorker {
    let taskID: Int
    var process: Int32?
    /// When it is to be started again, on the monotonic clock.
    var startsAt: UInt64?
    private var startedAt: UInt64 = 0
    /// Deaths in a row, none of which had a long life before it.
    private var deaths = 0

    init(_ taskID: Int) { self.taskID = taskID }

    mutating func started(_ process: Int32, at now: UInt64) {
        self.process = process
        startsAt = nil
        startedAt = now
    }

    mutating func startLater(_ now: UInt64, _ configuration: ProcessSupervisor.Configuration) {
        let longest = UInt64(max(0, configuration.maxBackoff.nanosecondsClamped))
        if now &- startedAt >= longest { deaths = 0 }
        startsAt = now &+ Self.backoff(deaths: deaths, configuration)
        deaths += 1
    }

    /// How long the place stays empty after so many deaths in a row before this one.
    static func backoff(deaths: Int, _ configuration: ProcessSupervisor.Configuration) -> UInt64 {
        let longest = UInt64(max(0, configuration.maxBackoff.nanosecondsClamped))
        let initial = UInt64(max(0, configuration.initialBackoff.nanosecondsClamped))
        let (wait, overflow) = initial.multipliedReportingOverflow(by: 1 << UInt64(min(max(deaths, 0), 32)))
        return overflow ? longest : min(wait, longest)
    }
}
