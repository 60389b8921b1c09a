import Testing

@testable import TwisterIO

struct AsyncLockTests {
    @Test("LK-3: one task at a time holds the lock, across suspensions, in the order of arrival", arguments: backends)
    func exclusion(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let lock = AsyncLock()
            let log = Box<[Int]>([])
            try await withThrowingTaskGroup { group in
                for number in 0..<10 {
                    group.addTask(executorPreference: loop) {
                        try await lock.withLock {
                            log.value.append(number)
                            try await loop.sleep(for: .microseconds(200))
                            log.value.append(number)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(stride(from: 0, to: 20, by: 2).allSatisfy { log.value[$0] == log.value[$0 + 1] })
            #expect(Set(log.value).count == 10)
            #expect(!lock.isLocked)
        }
    }

    @Test("LK-3: the lock is released when the body throws; releasing a free lock is an error")
    func release() async throws {
        let lock = AsyncLock()
        await #expect(throws: TestFailure.self) { try await lock.withLock { throw TestFailure() } }
        #expect(!lock.isLocked)
        #expect(throws: OverReleaseError.self) { try lock.release() }
        try await lock.acquire()
        #expect(lock.isLocked)
        #expect(!lock.tryAcquire())
        await #expect(throws: TimeoutError.self) { try await lock.acquire(timeout: .milliseconds(2)) }
        try lock.release()
        #expect(lock.tryAcquire())
    }
}
