import Glibc
import Testing

@testable import TwisterIO

/// The backends that are available here. A missing io_uring is printed, so that its tests do not seem to have passed.
let backends: [IOBackend] = {
    do throws(IOError) {
        _ = try IOLoop(IOLoop.Configuration(backend: .ioUring))
        return [.epoll, .ioUring]
    } catch {
        print("NOTICE: io_uring is not available, its tests are skipped: \(error)")
        return [.epoll]
    }
}()

/// Creates a loop on a thread of its own, calls `body` there, and closes the loop.
func withLoop<Value: Sendable>(
    _ backend: IOBackend, clock: ManualClock? = nil, _ body: @escaping @Sendable (IOLoop) throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        do throws(IOError) {
            try NativeThread.start(name: "test-loop") {
                let result = Result {
                    let loop = try IOLoop(clock?.configuration(backend) ?? IOLoop.Configuration(backend: backend))
                    defer { loop.close() }
                    return try body(loop)
                }
                continuation.resume(with: result)
            }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}

/// Like `withLoop`, for async code, which runs as a task of the loop.
func onLoop<Value: Sendable>(
    _ backend: IOBackend, timeout: Duration = .seconds(120), _ body: @escaping @Sendable (IOLoop) async throws -> Value
) async throws -> Value {
    try await withLoop(backend) { loop in
        try loop.runSync(timeout: timeout) { try await body(loop) }
    }
}

/// A variable that closures on one loop's thread write to.
final class Box<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}

struct TestFailure: Error, Equatable {
    var number = 0
}

/// Runs `body` on a thread of its own.
func onThread(_ body: @escaping @Sendable () -> Void) throws {
    try NativeThread.start(name: "test", body)
}

/// The time of the monotonic clock, in nanoseconds.
func monotonicNow() -> UInt64 { now(CLOCK_MONOTONIC) }

/// The processor time of this thread, in nanoseconds.
func threadTime() -> UInt64 { now(CLOCK_THREAD_CPUTIME_ID) }

private func now(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Returns the time that `body` takes.
func elapsed(_ body: () async throws -> Void) async rethrows -> Duration {
    let start = monotonicNow()
    try await body()
    return .nanoseconds(Int64(monotonicNow() - start))
}

/// Waits until `condition` holds, at most twenty seconds.
func eventually(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<10_000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record("the condition never held")
}
