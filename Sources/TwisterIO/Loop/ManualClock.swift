import Synchronization

/// A clock for tests that stands still until it is advanced; `IOLoop.Configuration.clock` for a loop.
package final class ManualClock: Sendable {
    private let nanoseconds: Atomic<UInt64>

    package init(startingAt nanoseconds: UInt64 = 1_000_000_000) { self.nanoseconds = Atomic(nanoseconds) }

    package var now: UInt64 { nanoseconds.load(ordering: .acquiring) }

    /// The configuration of a loop that uses this clock.
    package func configuration(_ backend: IOBackend? = nil) -> IOLoop.Configuration {
        IOLoop.Configuration(backend: backend, clock: { self.now })
    }

    /// Advances the clock, and wakes `loop`, which then runs the timers that are due.
    package func advance(by duration: Duration, waking loop: IOLoop) {
        nanoseconds.add(UInt64(max(duration.nanosecondsClamped, 0)), ordering: .acquiringAndReleasing)
        loop.wakeup()
    }

    /// Sets the clock to `time`, in nanoseconds, unless it is there or beyond, and wakes `loop`.
    package func advance(to time: UInt64, waking loop: IOLoop) {
        nanoseconds.max(time, ordering: .acquiringAndReleasing)
        loop.wakeup()
    }
}

/// The state of a loop for tests that move its clock. Used on the loop's thread.
extension IOLoop {
    /// Whether nothing is left to be run but what waits for a timer, for I/O or for another thread.
    package var isQuiet: Bool {
        preconditionOnLoop()
        return callbacks.isEmpty && jobs.isEmpty && ready.isEmpty && inbox.isEmpty && streams.gathered.isEmpty
            && streams.overdue.isEmpty
    }

    /// No timer and no deadline is due before this time, in nanoseconds of the loop's clock; `.max`: there is none.
    package var nextDeadline: UInt64 {
        preconditionOnLoop()
        return reactor.nextDeadline
    }
}
