import Glibc
import Logging
import Synchronization

/// Watches loops from a thread of its own, and reports a loop whose turn takes too long: a handler blocks the loop's thread, so
/// that all other connections of that loop wait.
///
/// Its thread sleeps for as long as all loops wait for the kernel, so that an idle server makes no wake-ups.
///
/// Tornado: `IOLoop.set_blocking_log_threshold` (4.x).
package final class StallDetector: Sendable {
    /// A loop whose turn takes too long.
    package struct Stall: Sendable {
        /// The index of the loop among those that are watched.
        package let loop: Int
        /// How long ago the loop last waited for events.
        package let duration: Duration
        /// The handler that runs; `.unknown` for other work.
        package let label: JobLabel
        /// The functions on the stack of its thread, the innermost first.
        package let backtrace: [String]
    }

    private struct State {
        var isEnded = false
        /// For each loop that was reported, when it became busy.
        var reported: [Int: UInt64] = [:]
        /// Whether a loop became busy since the thread last checked.
        var isRung = false
    }

    private let threshold: UInt64
    private let loops: [IOLoop]
    private let pulses: [LoopPulse]
    private let report: @Sendable (Stall) -> Void
    private let state = ConditionLock(State())

    /// - Parameters:
    ///   - threshold: how long a loop may take for a turn; nil: nothing is watched.
    ///   - loops: the loops to watch.
    ///   - report: called on the detector's thread, once for each stall. Default: an error in the log `twister.general`.
    package init(
        _ threshold: Duration?, _ loops: [IOLoop], report: @escaping @Sendable (Stall) -> Void = StallDetector.log
    ) {
        self.threshold = UInt64(clamping: threshold?.nanosecondsClamped ?? 0)
        self.loops = loops
        pulses = loops.map(\.pulse)
        self.report = report
        guard self.threshold > 0 else { return }
        do throws(IOError) {
            try NativeThread.start(name: "twister-stalls", blocksSignals: true) { self.watch() }
        } catch {
            Log.general.warning("Loops that stand still are not reported: \(error)")
        }
    }

    /// Ends the watch.
    package func end() {
        state.withLock { $0.isEnded = true }
        state.signal()
    }

    /// Whether no loop is stalled at the moment. Without a threshold, a loop counts as stalled after a second.
    package var areHealthy: Bool {
        let now = MonotonicTime.now
        let limit = threshold == 0 ? 1_000_000_000 : threshold
        return pulses.allSatisfy { pulse in pulse.busySince.map { now < $0 &+ limit } ?? true }
    }

    /// Writes an error into the log `twister.general`.
    package static let log: @Sendable (Stall) -> Void = { stall in
        let handler = stall.label == .unknown ? "" : " in \(stall.label)"
        let milliseconds = Int(stall.duration / Duration.milliseconds(1))
        Log.general.error("Loop \(stall.loop) stands still for \(milliseconds) ms\(handler)")
        for frame in stall.backtrace { Log.general.error("  in \(frame)") }
    }

    // MARK: The thread

    private func watch() {
        while !state.withLock({ $0.isEnded }) {
            if let pause = look() { sleep(pause) } else { sleepUntilBusy() }
        }
        for pulse in pulses { pulse.wakeWhenBusy(nil) }
    }

    /// Reports stalled loops. Returns how long to sleep before the next check, in nanoseconds; nil: all loops wait for events.
    private func look() -> UInt64? {
        var next: UInt64?
        var stalled = 0
        for (index, pulse) in pulses.enumerated() {
            guard let since = pulse.busySince else { continue }
            let now = MonotonicTime.now
            let age = now > since ? now - since : 0
            if age >= threshold {
                stalled += 1
                tell(index, pulse, since, age)
            }
            next = min(next ?? .max, age < threshold ? threshold - age : threshold)
        }
        WorkerStatus.inherited?.stalledLoops = stalled
        return next
    }

    private func tell(_ index: Int, _ pulse: LoopPulse, _ since: UInt64, _ age: UInt64) {
        let isNew = state.withLock { state in
            if state.reported[index] == since { return false }
            state.reported[index] = since
            return true
        }
        guard isNew else { return }
        let label = pulse.label
        let backtrace = pulse.backtrace()
        // The loop may have gone on meanwhile: then the backtrace does not show the code that had blocked it.
        guard pulse.busySince == since else { return }
        loops[index].counts.stalls.addFromAnyThread()
        report(Stall(loop: index, duration: .nanoseconds(Int64(clamping: age)), label: label, backtrace: backtrace))
    }

    private func sleep(_ nanoseconds: UInt64) {
        state.wait(nanoseconds: nanoseconds) { $0.isEnded ? () : nil }
    }

    /// Waits until a loop is busy, and then some time longer. So a loop with short turns does not wake this thread in each of
    /// them, and a loop that stalls is still noticed in time.
    private func sleepUntilBusy() {
        state.withLock { $0.isRung = false }
        for pulse in pulses { pulse.wakeWhenBusy { [state] in Self.ring(state) } }
        // If a loop became busy at this very moment, the loop may not know yet that it has to wake this thread, and this thread
        // may not know yet that the loop is busy. A millisecond later each sees what the other has written.
        sleep(1_000_000)
        if !pulses.contains(where: { $0.busySince != nil }) {
            state.wait { $0.isEnded || $0.isRung ? () : nil }
        }
        sleep(threshold / 2)
    }

    /// Called by a loop that has become busy.
    private static func ring(_ state: ConditionLock<State>) {
        state.withLock { $0.isRung = true }
        state.signal()
    }
}
