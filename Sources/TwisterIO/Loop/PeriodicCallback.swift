/// Calls a callback repeatedly. The period is measured from the start of one call to the start of the next.
///
/// Calls never overlap: a call is left out while the previous call of an async callback still runs. Calls that were missed,
/// because the loop was busy or the callback slow, are not made up for. An error that the callback throws is logged, and the
/// calls go on. Used on its loop's thread only.
///
/// Tornado: `ioloop.PeriodicCallback`.
public final class PeriodicCallback {
    private enum Body {
        case plain(() throws -> Void)
        case async(@Sendable () async throws -> Void)
    }

    private let loop: IOLoop
    private let period: UInt64
    private let jitter: Double
    private let body: Body
    private var nextTime: UInt64 = 0
    private var timeout: IOLoop.Timeout?
    /// Counts the calls of `start`, so that an async call that began before the last one does not schedule a call.
    private var startCount = 0
    private var isCalling = false
    private var isStarted = false

    /// Whether it was started and not stopped. On the loop's thread.
    ///
    /// Tornado: `PeriodicCallback.is_running`.
    public var isRunning: Bool {
        loop.preconditionOnLoop()
        return isStarted
    }

    /// - Parameters:
    ///   - loop: the loop on whose thread `callback` is called.
    ///   - period: the time from the start of one call to the start of the next; positive.
    ///   - jitter: each period is multiplied by a random number of `1 - jitter/2 ..< 1 + jitter/2`, so that many processes do
    ///     not call at the same times. 0 ... 1; default 0.
    ///   - callback: must not block the loop.
    public convenience init(
        on loop: IOLoop, every period: Duration, jitter: Double = 0, _ callback: @escaping () throws -> Void
    ) {
        self.init(loop, period, jitter, .plain(callback))
    }

    /// Creates one with an async callback, which runs as a task of the loop. `stop` does not cancel a call that runs.
    public convenience init(
        on loop: IOLoop, every period: Duration, jitter: Double = 0,
        _ callback: @escaping @Sendable () async throws -> Void
    ) {
        self.init(loop, period, jitter, .async(callback))
    }

    private init(_ loop: IOLoop, _ period: Duration, _ jitter: Double, _ body: Body) {
        precondition(period.nanosecondsClamped > 0, "PeriodicCallback: the period must be positive")
        precondition((0...1).contains(jitter), "PeriodicCallback: the jitter must be in 0 ... 1")
        self.loop = loop
        self.period = UInt64(period.nanosecondsClamped)
        self.jitter = jitter
        self.body = body
    }

    /// Starts the calls; the first one comes after one period. Does nothing if it runs already. On the loop's thread.
    ///
    /// Tornado: `PeriodicCallback.start`.
    public func start() {
        loop.preconditionOnLoop()
        guard !isStarted else { return }
        isStarted = true
        startCount += 1
        nextTime = loop.now
        scheduleNext()
    }

    /// Stops the calls; none begins after this. On the loop's thread.
    ///
    /// Tornado: `PeriodicCallback.stop`.
    public func stop() {
        loop.preconditionOnLoop()
        isStarted = false
        if let timeout = timeout.take() { loop.removeTimeout(timeout) }
    }

    /// Returns the time of the next call: the first time after `now` that is a whole number of periods after `previous`.
    ///
    /// A pure function. If the clock was set back, the same time is not returned again.
    static func nextTime(after previous: UInt64, period: UInt64, now: UInt64) -> UInt64 {
        let period = max(period, 1)
        let missed = now < previous ? 0 : (now - previous) / period * period
        let (latest, overflow) = previous.addingReportingOverflow(missed)
        let (next, overflow2) = latest.addingReportingOverflow(period)
        return overflow || overflow2 ? .max - 1 : min(next, .max - 1)
    }

    /// Returns the length of one period, with jitter.
    ///
    /// - Parameter random: in 0 ..< 1.
    static func jittered(_ period: UInt64, jitter: Double, random: Double) -> UInt64 {
        guard jitter != 0 else { return period }
        return max(1, UInt64(exactly: (Double(period) * (1 + jitter * (random - 0.5))).rounded()) ?? period)
    }

    private func scheduleNext() {
        let once = Self.jittered(period, jitter: jitter, random: .random(in: 0..<1))
        nextTime = Self.nextTime(after: nextTime, period: once, now: loop.now)
        // The loop keeps this object alive while it runs, as Tornado's does.
        timeout = loop.callAt(IOLoop.Instant(nanoseconds: nextTime)) { self.call() }
    }

    private func call() {
        timeout = nil
        guard isStarted else { return }
        switch body {
        case .plain(let callback):
            loop.runCallback(callback)
            if isStarted, timeout == nil { scheduleNext() }
        case .async(let callback):
            // A call that began before the last `stop` may still run.
            if isCalling { return scheduleNext() }
            callAsync(callback)
        }
    }

    private func callAsync(_ callback: @escaping @Sendable () async throws -> Void) {
        isCalling = true
        let mine = startCount
        let box = LoopBound(self)
        Task(executorPreference: loop) {
            await IOLoop.runLoggingErrors(callback)
            let periodic = box.value
            periodic.isCalling = false
            if periodic.isStarted, periodic.startCount == mine { periodic.scheduleNext() }
        }
    }
}
