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
}
