import Glibc
import Testing

@testable import TwisterIO

/// The backends that can be had here; a missing io_uring is said, so that nobody takes its tests for passed.
let backends: [IOBackend] = {
    do throws(IOError) {
        _ = try IOLoop(IOLoop.Configuration(backend: .ioUring))
        return [.epoll, .ioUring]
    } catch {
        print("NOTICE: io_uring is not to be had, its tests are skipped: \(error)")
        return [.epoll]
    }
}()

/// Makes a loop on a thread of its own, calls `body` there, and closes the loop.
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

/// The same with async code, as a task of the loop.
func onLoop<Value: Sendable>(
    _ backend: IOBackend, timeout: Duration = .seconds(30), _ body: @escaping @Sendable (IOLoop) async throws -> Value
) async throws -> Value {
    try await withLoop(backend) { loop in
        try loop.runSync(timeout: timeout) { try await body(loop) }
    }
}

/// What closures of one loop's thread write to.
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

/// Nanoseconds of the monotonic clock.
func monotonicNow() -> UInt64 { now(CLOCK_MONOTONIC) }

/// Nanoseconds of processor time that this thread has had.
func threadTime() -> UInt64 { now(CLOCK_THREAD_CPUTIME_ID) }

private func now(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// How long `body` takes.
func elapsed(_ body: () async throws -> Void) async rethrows -> Duration {
    let start = monotonicNow()
    try await body()
    return .nanoseconds(Int64(monotonicNow() - start))
}

/// Waits until `condition` holds; ten seconds at most.
func eventually(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<5_000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record("it never came true")
}
