import Synchronization

/// A number that the server counts for metrics. Any thread may read it, at any time, also while the thread that counts is
/// blocked.
package struct EventCount: ~Copyable, Sendable {
    private let value = Atomic<Int>(0)

    package init() {}

    package var current: Int { value.load(ordering: .relaxed) }

    /// Counts events, on the one thread that counts these. It costs as much as adding to a plain variable: there is no
    /// atomic addition, so that counts of a second thread would get lost.
    @inline(__always)
    package func add(_ count: Int = 1) {
        value.store(value.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    /// Counts events that several threads count.
    package func addFromAnyThread(_ count: Int = 1) { value.wrappingAdd(count, ordering: .relaxed) }

    /// Replaces a number that goes up and down, on the one thread that knows it.
    package func set(_ number: Int) { value.store(number, ordering: .relaxed) }
}

/// The numbers that a loop counts, whether or not somebody reads them. `TwisterMetrics` does, and reports the differences.
///
/// The other place of such numbers is, for each server, `ServerCounts`. A part of the server that has something to count adds an
/// `EventCount` to the one that fits, and a line to `TwisterMetrics/CountReport.swift`, which gives it a name.
package final class LoopCounts: Sendable {
    /// Turns of the loop.
    package let turns = EventCount()
    /// How often the loop was found not to turn for longer than it may. Another thread finds that: `addFromAnyThread`.
    package let stalls = EventCount()

    package init() {}
}
