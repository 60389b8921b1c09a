import Glibc
import Synchronization
import Testing

@testable import TwisterIO

@Suite("AsyncMonitor")
struct AsyncMonitorTests {
    @Test("LK-1: a task waits until the state is as it needs it; others wait on", arguments: backends)
    func waits(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let monitor = AsyncMonitor(0)
            #expect(try await monitor.wait { $0 == 0 ? "at once" : nil } == "at once")
            let order = Box<[Int]>([])
            let tasks = [3, 1, 2].map { wanted in
                Task(executorPreference: loop) {
                    let found = try await monitor.wait { $0 >= wanted ? $0 : nil }
                    order.value.append(wanted)
                    return found
                }
            }
            for value in 1...3 {
                try await loop.pass()
                monitor.update { $0 = value }
            }
            var found: [Int] = []
            for task in tasks { found.append(try await task.value) }
            #expect(found == [3, 1, 2] && order.value == [1, 2, 3])
            #expect(monitor.read { $0 } == 3)
        }
    }

    @Test("LK-1: a wait ends with its timeout or cancellation, and the state stays", arguments: backends)
    func ends(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let monitor = AsyncMonitor([1])
            await #expect(throws: TimeoutError.self) {
                try await monitor.wait(timeout: .milliseconds(2)) { $0.isEmpty ? true : nil }
            }
            let task = Task(executorPreference: loop) { try await monitor.wait { $0.isEmpty ? true : nil } }
            try await loop.pass()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(throws: TestFailure.self) {
                try monitor.update { state throws(TestFailure) in
                    state.append(2)
                    throw TestFailure()
                }
            }
            #expect(monitor.read { $0 } == [1, 2])
        }
    }

    /// The messages of a room, as in Tornado's chat.
    private struct Messages: Sendable {
        var all: [Int] = []
        func after(_ cursor: Int) -> ArraySlice<Int>? { cursor < all.count ? all[cursor...] : nil }
    }

    @Test("LK-1: readers and writers on several loops lose no message", arguments: backends)
    func severalLoops(_ backend: IOBackend) async throws {
        let group = try await IOLoopGroup(count: 3, configuration: IOLoop.Configuration(backend: backend))
        let room = AsyncMonitor(Messages())
        let (writers, each) = (3, 2_000)
        let received = try await withThrowingTaskGroup(of: [Int].self) { tasks in
            for index in 0..<6 {
                tasks.addTask(executorPreference: group.loops[index % 3]) {
                    var mine: [Int] = []
                    while mine.count < writers * each {
                        let cursor = mine.count
                        mine += try await room.wait(timeout: .seconds(20)) { $0.after(cursor) }
                    }
                    return mine
                }
            }
            for writer in 0..<writers {
                tasks.addTask(executorPreference: group.loops[writer]) {
                    for number in 0..<each {
                        room.update { $0.all.append(writer * each + number) }
                        if number % 16 == 0 { await Task.yield() }
                    }
                    return []
                }
            }
            return try await tasks.reduce(into: [[Int]]()) { if !$1.isEmpty { $0.append($1) } }
        }
        await group.stop()
        #expect(received.count == 6 && received.allSatisfy { $0 == received[0] })
        #expect(received[0].sorted() == Array(0..<(writers * each)))
    }

    private final class Counts: Sendable {
        let count = Mutex(0)
        let inside = Atomic(0)
        let sum = Atomic(0)
    }

    private final class Errors: Sendable {
        let seen = Mutex<[IOLoopError?]>([])
        func add(_ error: any Error) { seen.withLock { $0.append(error as? IOLoopError) } }
    }

    @Test("LK-2 to LK-5, Q-1: events, semaphores, locks and queues work across loops", arguments: backends)
    func others(_ backend: IOBackend) async throws {
        let group = try await IOLoopGroup(count: 3, configuration: IOLoop.Configuration(backend: backend))
        let (event, lock, semaphore) = (AsyncEvent(), AsyncLock(), AsyncSemaphore(value: 2))
        let queue = AsyncQueue<Int>(maxSize: 3)
        let counts = Counts()
        try await withThrowingTaskGroup { tasks in
            for loop in group.loops {
                tasks.addTask(executorPreference: loop) {
                    try await event.wait(timeout: .seconds(20))
                    for number in 1...300 {
                        // A value that is read and written with an await in between.
                        try await lock.withLock {
                            let old = counts.count.withLock { $0 }
                            await Task.yield()
                            counts.count.withLock { $0 = old + 1 }
                        }
                        try await semaphore.withPermit {
                            let now = counts.inside.wrappingAdd(1, ordering: .relaxed).newValue
                            #expect(now <= 2)
                            await Task.yield()
                            counts.inside.wrappingSubtract(1, ordering: .relaxed)
                        }
                        try await queue.put(number, timeout: .seconds(20))
                    }
                }
                tasks.addTask(executorPreference: loop) {
                    for _ in 1...300 {
                        let number = try await queue.get(timeout: .seconds(20))
                        counts.sum.wrappingAdd(number, ordering: .relaxed)
                        try queue.taskDone()
                    }
                }
            }
            event.set()
            try await tasks.waitForAll()
        }
        try await queue.join(timeout: .seconds(1))
        await group.stop()
        #expect(counts.count.withLock { $0 } == 900 && counts.sum.load(ordering: .relaxed) == 3 * 300 * 301 / 2)
    }

    @Test(
        "LK-1 to LK-5, Q-1: a wait with a timeout on a loop that is closed ends with IOLoopError.closed",
        arguments: backends)
    func closedLoop(_ backend: IOBackend) async throws {
        let errors = Errors()
        let waits: [@Sendable (Duration?) async throws -> Void] = [
            { _ = try await AsyncCondition().wait(timeout: $0) },
            { try await AsyncEvent().wait(timeout: $0) },
            { try await AsyncSemaphore(value: 0).acquire(timeout: $0) },
            { _ = try await AsyncQueue<Int>().get(timeout: $0) },
            { _ = try await AsyncMonitor(0).wait(timeout: $0) { $0 == 1 ? true : nil } },
        ]
        let group = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
        for wait in waits {
            Task(executorPreference: group.loops[0]) {
                do { try await wait(.seconds(3600)) } catch { errors.add(error) }
                // The loop is closed now: a task that would wait again is told so.
                do { try await wait(nil) } catch { errors.add(error) }
            }
        }
        try await Task.sleep(for: .milliseconds(20))
        await group.stop()
        let seen = errors.seen.withLock { $0 }
        #expect(seen.count == 2 * waits.count && seen.allSatisfy { if case .closed? = $0 { true } else { false } })
    }
}
