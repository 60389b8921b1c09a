/// Calls back again and again, at a steady period from start to start.
///
/// Calls never overlap: an async callback that is still running when its next time comes makes that time pass unused. What
/// was missed, because the loop was busy or the callback slow, is not made up for. What the callback throws is logged, and
/// the next call comes all the same. Belongs to its loop's thread.
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
    /// Counts starts, so that an async call of an earlier one does not go on with this one.
    private var startCount = 0
    private var isCalling = false

    /// Whether it was started and not stopped. Tornado: `PeriodicCallback.is_running`.
    public private(set) var isRunning = false

    /// - Parameters:
    ///   - loop: where it is called.
    ///   - period: from start to start; more than nothing.
    ///   - jitter: each period is multiplied by a random number of `1 - jitter/2 ..< 1 + jitter/2`, so that many processes do
    ///     not move in step. 0 ... 1; default 0.
    ///   - callback: must not block the loop.
    public convenience init(
        on loop: IOLoop, every period: Duration, jitter: Double = 0, _ callback: @escaping () throws -> Void
    ) {
        self.init(loop, period, jitter, .plain(callback))
    }

    /// The same with an async callback, which is a task of the loop. `stop` lets a call that is under way end.
    public convenience init(
        on loop: IOLoop, every period: Duration, jitter: Double = 0,
        _ callback: @escaping @Sendable () async throws -> Void
    ) {
        self.init(loop, period, jitter, .async(callback))
    }

    private init(_ loop: IOLoop, _ period: Duration, _ jitter: Double, _ body: Body) {
        precondition(period.nanosecondsClamped > 0, "PeriodicCallback: the period is more than nothing")
        precondition((0...1).contains(jitter), "PeriodicCallback: the jitter is 0 ... 1")
        self.loop = loop
        self.period = UInt64(period.nanosecondsClamped)
        self.jitter = jitter
        self.body = body
    }

    /// Starts; the first call comes one period from now. Running already: nothing happens.
    ///
    /// Tornado: `PeriodicCallback.start`.
    public func start() {
        loop.preconditionOnLoop()
        guard !isRunning else { return }
        isRunning = true
        startCount += 1
        nextTime = loop.now
        scheduleNext()
    }

    /// Stops; no call begins after this. Tornado: `PeriodicCallback.stop`.
    public func stop() {
        loop.preconditionOnLoop()
        isRunning = false
        if let timeout = timeout.take() { loop.removeTimeout(timeout) }
    }

    /// When the next call is due: the first time after `now` that is a whole number of periods after `previous`.
    ///
    /// A pure function: start to start, and what was missed is left out. A clock that went back does not bring the same
    /// time again.
    static func nextTime(after previous: UInt64, period: UInt64, now: UInt64) -> UInt64 {
        let period = max(period, 1)
        let missed = now < previous ? 0 : (now - previous) / period * period
        let (latest, overflow) = previous.addingReportingOverflow(missed)
        let (next, overflow2) = latest.addingReportingOverflow(period)
        return overflow || overflow2 ? .max - 1 : min(next, .max - 1)
    }

    /// The period, for once: `random` is 0 ..< 1.
    static func jittered(_ period: UInt64, jitter: Double, random: Double) -> UInt64 {
        guard jitter != 0 else { return period }
        return max(1, UInt64(exactly: (Double(period) * (1 + jitter * (random - 0.5))).rounded()) ?? period)
    }

    private func scheduleNext() {
        let once = Self.jittered(period, jitter: jitter, random: .random(in: 0..<1))
        nextTime = Self.nextTime(after: nextTime, period: once, now: loop.now)
        // The loop keeps a running one alive, as Tornado's does.
        timeout = loop.callAt(IOLoop.Instant(nanoseconds: nextTime)) { self.call() }
    }

    private func call() {
        timeout = nil
        guard isRunning else { return }
        switch body {
        case .plain(let callback):
            loop.runCallback(callback)
            if isRunning, timeout == nil { scheduleNext() }
        case .async(let callback):
            // A call from before the last `stop` may still run.
            if isCalling { return scheduleNext() }
            callAsync(callback)
        }
    }

    private func callAsync(_ callback: @escaping @Sendable () async throws -> Void) {
        isCalling = true
        let mine = startCount
        let box = UncheckedTransfer(self)
        Task(executorPreference: loop) {
            await IOLoop.runLoggingErrors(callback)
            let periodic = box.value
            periodic.isCalling = false
            if periodic.isRunning, periodic.startCount == mine { periodic.scheduleNext() }
        }
    }
}
