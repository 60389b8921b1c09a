import Glibc
import TwisterIO

/// The measurements, one after the other, on one loop. Counts, and sleepers that together end at most ten per cent late, decide
/// whether it passes. Times are only printed beside their budgets, because they depend on the machine.
final class LoopBench {
    let loop: IOLoop
    let isSmall: Bool
    private var isWithinBudgets = true

    init(_ loop: IOLoop, isSmall: Bool) {
        self.loop = loop
        self.isSmall = isSmall
    }

    /// Whether all counts and the sleepers were within their limits.
    func run() throws -> Bool {
        print("loop-bench: \(loop.backend) backend\(isSmall ? ", small" : "")")
        // First, because memory that other measurements have freed would hide the sleepers' own.
        try sleepers()
        timers()
        timerChurn()
        try callbacksFromThreads()
        try wakeUpLatency()
        try hops()
        try logLines()
        return isWithinBudgets
    }

    // MARK: Timers

    /// Starts and cancels timers with a million outstanding.
    private func timers() {
        let outstanding = isSmall ? 50_000 : 1_000_000
        let rounds = isSmall ? 50_000 : 1_000_000
        let memory = Memory.resident
        var kept: [IOLoop.Timeout] = []
        kept.reserveCapacity(outstanding)
        let delays = (0..<1_000).map(Self.delay)
        let deadlines = delays.map { loop.time().advanced(by: $0) }
        let fill = nanoseconds {
            for index in 0..<outstanding { kept.append(loop.callAt(deadlines[index % 1_000]) {}) }
        }
        line("timers outstanding", "\(outstanding)")
        line("  start the first ones", per(fill, outstanding), "ns each")
        line("  resident", "\((Memory.resident - memory) / outstanding)", "bytes each")
        let churn = nanoseconds {
            for index in 0..<rounds { loop.removeTimeout(loop.callAt(deadlines[index % 1_000]) {}) }
        }
        line("  start and cancel, one by one", per(churn, rounds), "ns a pair (budget: 50 each, 100 a pair)")
        var fresh: [IOLoop.Timeout] = []
        fresh.reserveCapacity(1_000)
        var starting: UInt64 = 0
        var cancelling: UInt64 = 0
        for _ in 0..<(rounds / 1_000) {
            starting += nanoseconds { for deadline in deadlines { fresh.append(loop.callAt(deadline) {}) } }
            cancelling += nanoseconds { for timeout in fresh { loop.removeTimeout(timeout) } }
            fresh.removeAll(keepingCapacity: true)
        }
        line("  start", per(starting, rounds), "ns (budget 50)")
        line("  cancel", per(cancelling, rounds), "ns (budget 50)")
        let clock = nanoseconds { for _ in 0..<rounds { _ = loop.time() } }
        line("  read the clock, as callLater does", per(clock, rounds), "ns more")
        let drain = nanoseconds { for timeout in kept { loop.removeTimeout(timeout) } }
        line("  cancel the first ones", per(drain, outstanding), "ns each")
    }

    /// A random time between a second and an hour from now.
    private static func delay(_ index: Int) -> Duration { .milliseconds(1_000 + (index &* 79_190_009) % 3_600_000) }

    /// Ten million timers started and cancelled: memory stays where it is.
    private func timerChurn() {
        let count = isSmall ? 200_000 : 10_000_000
        let warm = count / 10
        for index in 0..<warm { loop.removeTimeout(loop.callLater(Self.delay(index)) {}) }
        let before = Memory.resident
        for index in 0..<count { loop.removeTimeout(loop.callLater(Self.delay(index)) {}) }
        let growth = Memory.resident - before
        line("\(count) timers added and cancelled", "\(growth / 1024)", "KiB more resident")
        judge(growth < 1 << 20, "memory grows with cancelled timers")
    }

    // MARK: Callbacks

    /// A million callbacks from four threads: each once, none lost.
    private func callbacksFromThreads() throws {
        let perThread = isSmall ? 25_000 : 250_000
        let counts = Shared([0, 0, 0, 0])
        let loop = self.loop
        let start = now()
        for thread in 0..<4 {
            startThread {
                for _ in 0..<perThread {
                    loop.addCallback {
                        counts.value[thread] += 1
                        if counts.value.reduce(0, +) == 4 * perThread { loop.stop() }
                    }
                }
            }
        }
        loop.run()
        line("addCallback from four threads", per(now() - start, 4 * perThread), "ns each, run included")
        judge(counts.value == Array(repeating: perThread, count: 4), "callbacks lost or doubled: \(counts.value)")
        let local = nanoseconds {
            for _ in 0..<(4 * perThread) { loop.addCallback {} }
            loop.addCallback { loop.stop() }
            loop.run()
        }
        line("addCallback on the loop", per(local, 4 * perThread), "ns each, run included")
    }

    /// The latency of a callback from another thread to a sleeping loop.
    private func wakeUpLatency() throws {
        let rounds = isSmall ? 500 : 5_000
        let latencies = Shared<[UInt64]>([])
        let loop = self.loop
        startThread {
            for _ in 0..<rounds {
                usleep(200)
                let start = now()
                loop.addCallback {
                    latencies.value.append(now() - start)
                    if latencies.value.count == rounds { loop.stop() }
                }
            }
        }
        loop.run()
        let sorted = latencies.value.sorted()
        line("wake-up from another thread, median", "\(Double(sorted[rounds / 2]) / 1_000)", "us (budget 100)")
        line("  99th percentile", "\(Double(sorted[rounds * 99 / 100]) / 1_000)", "us")
    }

    // MARK: Tasks

    /// The cost of one turn of the loop for an async function that yields.
    private func hops() throws {
        let rounds = isSmall ? 20_000 : 500_000
        let time = try loop.runSync {
            let start = now()
            for _ in 0..<rounds { await Task.yield() }
            return now() - start
        }
        line("Task.yield, a turn each", per(time, rounds), "ns")
        let loop = self.loop
        let spawning = try loop.runSync {
            let start = now()
            for _ in 0..<rounds { await loop.spawnCallback {}.value }
            return now() - start
        }
        line("spawnCallback, awaited", per(spawning, rounds), "ns")
    }

    /// Thousands of tasks that sleep together end together.
    private func sleepers() throws {
        let count = isSmall ? 1_000 : 10_000
        let duration: Duration = isSmall ? .milliseconds(200) : .seconds(5)
        let before = Memory.resident
        let peak = Shared(0)
        let loop = self.loop
        let time = try loop.runSync {
            let start = now()
            loop.callLater(duration / 2) { peak.value = Memory.resident }
            try await withThrowingTaskGroup { group in
                for _ in 0..<count { group.addTask(executorPreference: loop) { try await loop.sleep(for: duration) } }
                try await group.waitForAll()
            }
            return now() - start
        }
        let ratio = Double(time) / 1e9 / (duration / .seconds(1))
        line("\(count) sleepers of \(duration)", "\(Double(time) / 1e6)", "ms, \(ratio) of one (at most 1.1)")
        line("  resident", "\((peak.value - before) / count)", "bytes each")
        judge(ratio <= 1.1, "the sleepers took too long")
    }

    // MARK: Log

    /// Lines that several threads add to one log.
    private func logLines() throws {
        for threads in [1, 2, 4, 8] {
            let (time, dropped) = try LogBench.measure(threads: threads, lines: isSmall ? 10_000 : 200_000)
            line(
                "log line of 100 bytes, \(threads) thread(s)", "\((time * 10).rounded() / 10)",
                "ns each, \(dropped) dropped")
        }
    }

    // MARK: Output

    private func judge(_ holds: Bool, _ failure: String) {
        guard !holds else { return }
        isWithinBudgets = false
        print("FAILED: \(failure)")
    }

    private func line(_ what: String, _ value: String, _ unit: String = "") {
        let padded = what + String(repeating: " ", count: max(1, 40 - what.utf8.count))
        print("\(padded) \(value) \(unit)")
    }

    private func per(_ time: UInt64, _ count: Int) -> String {
        let tenths = (Double(time) / Double(count) * 10).rounded() / 10
        return "\(tenths)"
    }

    /// Processor time of this thread, so that other programs do not count.
    private func nanoseconds(_ body: () -> Void) -> UInt64 {
        let start = threadTime()
        body()
        return threadTime() - start
    }
}
