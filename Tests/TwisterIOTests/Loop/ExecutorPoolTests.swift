import Glibc
import Synchronization
import Testing

@testable import TwisterIO

struct ExecutorPoolTests {
    @Test(
        "IOL-23, CON-3: blocking work runs elsewhere, the loop goes on, and the result comes back to it",
        arguments: backends)
    func run(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let ticks = ConditionLock(0)
            let ticker = PeriodicCallback(on: loop, every: .milliseconds(1)) { ticks.withLock { $0 += 1 } }
            ticker.start()
            let wasOnLoop = try await loop.runInExecutor {
                // The work ends when the loop has gone on meanwhile.
                for _ in 0..<20_000 where ticks.withLock({ $0 }) < 5 { usleep(1000) }
                return loop.isCurrentThread
            }
            ticker.stop()
            #expect(!wasOnLoop)
            #expect(loop.isCurrentThread)
            #expect(ticks.withLock { $0 } >= 5)
            await #expect(throws: TestFailure.self) { try await loop.runInExecutor { throw TestFailure() } }
        }
    }

    @Test("IOL-23: threads are started as needed, up to the size, and are used again")
    func threads() async throws {
        var pool = ExecutorPool(size: 2)
        // The thread whose result has arrived is about to be idle again, unless the machine holds it up.
        for attempt in 0..<20 where attempt == 0 || pool.threadCount != 1 {
            pool.shutDown()
            pool = ExecutorPool(size: 2)
            #expect(pool.threadCount == 0)
            for _ in 0..<10 {
                try await pool.run {}
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        #expect(pool.threadCount == 1)
        let gauge = Gauge()
        try await withThrowingTaskGroup { [pool] group in
            for _ in 0..<8 {
                group.addTask {
                    try await pool.run {
                        gauge.enter()
                        // The first one waits for a second one.
                        for _ in 0..<4_000 where gauge.most < 2 { usleep(5_000) }
                        usleep(5_000)
                        gauge.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(pool.threadCount == 2)
        #expect(gauge.most == 2)
        pool.shutDown()
    }

    @Test("IOL-23: work over the queue's limit is refused, with the limit in the error")
    func queueLimit() async throws {
        let pool = ExecutorPool(size: 1, queueLimit: 1)
        let gate = Gate()
        async let running: Void = pool.run { gate.wait() }
        try await eventually { pool.threadCount == 1 && pool.queuedCount == 0 }
        async let waiting: Void = pool.run {}
        try await eventually { pool.queuedCount == 1 }
        let error = await #expect(throws: ExecutorError.self) { try await pool.run {} }
        guard case .queueFull(limit: 1) = error else {
            gate.open()
            Issue.record("\(String(describing: error))")
            return
        }
        gate.open()
        _ = try await (running, waiting)
        pool.shutDown()
    }

    @Test("IOL-23: a cancelled task's work is dropped if it waits; if it runs, it sees the cancellation")
    func cancellation() async throws {
        let pool = ExecutorPool(size: 1)
        let isRunning = Atomic(false)
        let ran = Atomic(false)
        let running = Task {
            try await pool.run {
                isRunning.store(true, ordering: .releasing)
                while !ExecutorPool.isCurrentWorkCancelled { usleep(500) }
                try ExecutorPool.checkCancellation()
            }
        }
        try await eventually { isRunning.load(ordering: .acquiring) }
        let waiting = Task { try await pool.run { ran.store(true, ordering: .releasing) } }
        try await eventually { pool.queuedCount == 1 }
        waiting.cancel()
        let dropped = await waiting.result
        #expect(throws: CancellationError.self) { try dropped.get() }
        #expect(pool.queuedCount == 0)
        running.cancel()
        let ended = await running.result
        #expect(throws: CancellationError.self) { try ended.get() }
        try await pool.run {}
        let hasRun = ran.load(ordering: .acquiring)
        #expect(!hasRun)
        #expect(!ExecutorPool.isCurrentWorkCancelled)
        pool.shutDown()
    }

    @Test("IOL-24: the default executor can be replaced; the loop's own ends with the loop", arguments: backends)
    func defaultExecutor(_ backend: IOBackend) async throws {
        let given = ExecutorPool(size: 1, name: "given")
        let own = try await onLoop(backend) { loop in
            let own = loop.defaultExecutor
            #expect(own.size == ExecutorPool.defaultSize)
            try await loop.runInExecutor {}
            #expect(own.threadCount == 1)
            return own
        }
        await #expect(throws: ExecutorError.self) { try await own.run {} }
        try await eventually { own.threadCount == 0 }
        try await onLoop(backend) { loop in
            loop.setDefaultExecutor(given)
            try await loop.runInExecutor {}
        }
        #expect(given.threadCount == 1)
        try await given.run {}
        given.shutDown()
    }

    @Test("IOL-23: shutting down the pool refuses waiting work and lets running work end")
    func shutDown() async throws {
        let pool = ExecutorPool(size: 1)
        let gate = Gate()
        let running = Task { try await pool.run { gate.wait() } }
        try await eventually { pool.threadCount == 1 && pool.queuedCount == 0 }
        let waiting = Task { try await pool.run {} }
        try await eventually { pool.queuedCount == 1 }
        pool.shutDown()
        let refused = await waiting.result
        #expect(throws: ExecutorError.self) { try refused.get() }
        gate.open()
        try await running.value
        try await eventually { pool.threadCount == 0 }
    }
}

/// Counts how many threads are between `enter` and `leave` at once.
private final class Gauge: Sendable {
    private let now = Atomic(0)
    private let highest = Atomic(0)
    var most: Int { highest.load(ordering: .acquiring) }
    func enter() {
        let count = now.add(1, ordering: .acquiringAndReleasing).newValue
        highest.max(count, ordering: .acquiringAndReleasing)
    }
    func leave() { now.subtract(1, ordering: .acquiringAndReleasing) }
}

/// A gate at which threads wait until it is opened.
private final class Gate: Sendable {
    private let isOpen = ConditionLock(false)
    func wait() { isOpen.wait { $0 ? () : nil } }
    func open() {
        isOpen.withLock { $0 = true }
        isOpen.broadcast()
    }
}
