import Testing

@testable import TwisterIO

struct IOLoopRunSyncTests {
    @Test("IOL-13: returns the result, and throws the error of the work", arguments: backends)
    func results(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let three = try loop.runSync { 3 }
            #expect(three == 3)
            let slept = try loop.runSync {
                try await loop.sleep(for: .milliseconds(1))
                return loop.isCurrentThread
            }
            #expect(slept)
            #expect(throws: TestFailure.self) { try loop.runSync { throw TestFailure() } }
        }
    }

    @Test("IOL-13: after the timeout the work is cancelled", arguments: backends)
    func timeout(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let wasCancelled = Box(false)
            let error = #expect(throws: TimeoutError.self) {
                try loop.runSync(timeout: .milliseconds(5)) {
                    defer { wasCancelled.value = Task.isCancelled }
                    try await loop.sleep(for: .seconds(600))
                }
            }
            #expect(error?.timeout == .milliseconds(5))
            // The cancelled work ends in the next run, which it must not stop.
            try loop.runSync { try await loop.sleep(for: .milliseconds(5)) }
            #expect(wasCancelled.value)
        }
    }

    @Test("IOL-13: a loop that something else stops first is an error", arguments: backends)
    func stopped(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            loop.callLater(.milliseconds(2)) { loop.stop() }
            #expect(throws: IOLoopError.stopped) {
                try loop.runSync { try await loop.sleep(for: .seconds(600)) }
            }
        }
    }
}
