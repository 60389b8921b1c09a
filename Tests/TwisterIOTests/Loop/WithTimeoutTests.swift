import Testing

@testable import TwisterIO

struct WithTimeoutTests {
    @Test("GEN-7, GEN-13: a timeout does not cancel the future", arguments: backends)
    func future(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let promise = Promise<Int>(on: loop)
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.milliseconds(5), on: loop, promise.future)
            }
            #expect(!promise.future.isDone)
            try promise.setResult(1)
            #expect(try await withTimeout(.milliseconds(5), on: loop, promise.future) == 1)
        }
    }

    @Test("GEN-7: a timeout cancels the work, and does not wait for it", arguments: backends)
    func work(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let wasCancelled = AsyncEvent()
            let goOn = AsyncEvent()
            let ended = AsyncEvent()
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.milliseconds(5), on: loop) {
                    defer { ended.set() }
                    try? await loop.sleep(for: .seconds(600))
                    if Task.isCancelled { wasCancelled.set() }
                    // From here on it ignores its cancellation.
                    await Task.detached { try? await goOn.wait() }.value
                }
            }
            try await wasCancelled.wait(timeout: .seconds(10))
            goOn.set()
            // A task that returns to a closed loop never ends.
            try await ended.wait(timeout: .seconds(10))
            #expect(try await withTimeout(.seconds(10), on: loop) { 5 } == 5)
            await #expect(throws: TestFailure.self) {
                try await withTimeout(.seconds(10), on: loop) { throw TestFailure() }
            }
            #expect(loop.statistics.timers <= 1, "only the timeout of runSync is left")
        }
    }

    @Test("GEN-7: cancelling the waiting task cancels the work", arguments: backends)
    func cancelled(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let ended = AsyncEvent()
            let task = Task(executorPreference: loop) {
                try await withTimeout(.seconds(600), on: loop) {
                    defer { ended.set() }
                    try await loop.sleep(for: .seconds(600))
                }
            }
            try await loop.sleep(for: .milliseconds(2))
            task.cancel()
            try await ended.wait(timeout: .seconds(10))
            let result = await task.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }
}
