import Synchronization

/// A clock that stands still until it is moved: `IOLoop.Configuration.clock` for tests.
package final class ManualClock: Sendable {
    private let nanoseconds: Atomic<UInt64>

    package init(startingAt nanoseconds: UInt64 = 1_000_000_000) { self.nanoseconds = Atomic(nanoseconds) }

    package var now: UInt64 { nanoseconds.load(ordering: .acquiring) }

    /// A configuration of a loop that goes by this clock.
    package func configuration(_ backend: IOBackend? = nil) -> IOLoop.Configuration {
        IOLoop.Configuration(backend: backend, clock: { self.now })
    }

    /// Moves the clock, and has `loop` look at it.
    package func advance(by duration: Duration, waking loop: IOLoop) {
        nanoseconds.add(UInt64(max(duration.nanosecondsClamped, 0)), ordering: .acquiringAndReleasing)
        loop.wakeup()
    }
}
