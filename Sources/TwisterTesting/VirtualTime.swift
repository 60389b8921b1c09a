import TwisterIO

/// Moves the clock of a test's loop.
struct VirtualTime: Sendable {
    let clock: ManualClock
    private let start: UInt64
    let loop: IOLoop

    init(_ clock: ManualClock, _ loop: IOLoop) {
        self.clock = clock
        self.loop = loop
        start = clock.now
    }

    /// How far the clock has been advanced, in whole seconds.
    var elapsedSeconds: Int64 { Int64(clamping: (clock.now - start) / 1_000_000_000) }

    /// Advances the clock step by step, from one deadline to the next, so that a timer that a callback starts runs at its own
    /// time and not late.
    func advance(by duration: Duration) async throws {
        let (sum, overflow) = clock.now.addingReportingOverflow(UInt64(max(duration.nanosecondsClamped, 0)))
        let end = overflow ? UInt64.max - 1 : sum
        try await settle()
        while true {
            let next = try await loop.perform { [loop] in loop.nextDeadline }
            guard next <= end else { break }
            // The timer wheel may report a time before the true deadline; the clock then advances by at least one nanosecond.
            clock.advance(to: min(max(next, clock.now + 1), end), waking: loop)
            try await settle()
            if clock.now >= end { break }
        }
        clock.advance(to: end, waking: loop)
        try await settle()
    }

    /// Waits until nothing is left to run, in several turns in a row: work that a timer resumes runs after its turn, and may
    /// make more work ready. Work that never pauses, such as a download, is waited for at most a fixed number of turns.
    private func settle() async throws {
        var quietTurns = 0
        for _ in 0..<10_000 where quietTurns < 4 {
            let isQuiet = try await loop.perform { [loop] in loop.isQuiet }
            quietTurns = isQuiet ? quietTurns + 1 : 0
        }
    }
}
