import Glibc
import Testing

@testable import TwisterIO

struct AsyncEventTests {
    @Test(
        "LK-2: set resumes the waiting tasks, which stay on their loop; after clear, tasks wait again",
        arguments: backends)
    func set(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let event = AsyncEvent()
            let onLoop = Box<[Bool]>([])
            let waiting = (0..<3).map { _ in
                Task(executorPreference: loop) {
                    try await event.wait()
                    onLoop.value.append(loop.isCurrentThread)
                }
            }
            try await loop.sleep(for: .milliseconds(2))
            #expect(onLoop.value.isEmpty)
            try onThread {
                event.set()
                // `clear` follows at once; the tasks are resumed nevertheless.
                event.clear()
            }
            for task in waiting { try await task.value }
            #expect(onLoop.value == [true, true, true])
            try await eventually { !event.isSet }
            await #expect(throws: TimeoutError.self) { try await event.wait(timeout: .milliseconds(2)) }
            event.set()
            event.set()
            try await event.wait()
            #expect(event.isSet)
        }
    }

    @Test("LK-2: a wait on a thread without a loop times out")
    func withoutLoop() async throws {
        let event = AsyncEvent()
        let error = await #expect(throws: TimeoutError.self) { try await event.wait(timeout: .milliseconds(3)) }
        #expect(error?.timeout == .milliseconds(3))
        #expect(AsyncEvent(isSet: true).isSet)
    }

    @Test("LK-2: a wait on a thread whose loop does not run times out")
    func waitBesideIdleLoop() async {
        await #expect(processExitsWith: .success) {
            let waiting = Task { @MainActor in
                _ = try IOLoop.current()
                await #expect(throws: TimeoutError.self) { try await AsyncEvent().wait(timeout: .milliseconds(20)) }
            }
            let deadline = Task {
                try await Task.sleep(for: .seconds(30))
                exit(7)
            }
            try await waiting.value
            deadline.cancel()
        }
    }

    @Test("LK-2: a cancelled wait ends at once, before and while it waits", arguments: backends)
    func cancel(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let event = AsyncEvent()
            let early = Task(executorPreference: loop) { try await event.wait() }
            early.cancel()
            let late = Task(executorPreference: loop) { try await event.wait(timeout: .seconds(60)) }
            try await loop.sleep(for: .milliseconds(2))
            late.cancel()
            for result in [await early.result, await late.result] {
                #expect(throws: CancellationError.self) { try result.get() }
            }
            #expect(loop.statistics.timers <= 1, "the wait's timer is gone")
        }
    }

    @Test("LK-2: setting, cancelling and timing out at the same time resumes each waiter once")
    func race() async throws {
        for _ in 0..<200 {
            let event = AsyncEvent()
            let tasks = (0..<8).map { number in
                Task { try await event.wait(timeout: number.isMultiple(of: 2) ? .microseconds(50) : nil) }
            }
            async let setting: Void = Task.detached { event.set() }.value
            for task in tasks.prefix(4) { task.cancel() }
            for task in tasks { _ = await task.result }
            await setting
        }
    }
}
