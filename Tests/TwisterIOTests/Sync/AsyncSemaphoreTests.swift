import Testing

@testable import TwisterIO

struct AsyncSemaphoreTests {
    @Test("LK-3: a permit goes to the task that has waited longest; no other task takes it first", arguments: backends)
    func fair(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let semaphore = AsyncSemaphore(value: 1)
            try await semaphore.acquire()
            let order = Box<[Int]>([])
            let tasks = (0..<4).map { number in
                Task(executorPreference: loop) {
                    try await semaphore.acquire()
                    order.value.append(number)
                    semaphore.release()
                }
            }
            try await loop.sleep(for: .milliseconds(2))
            semaphore.release()
            #expect(!semaphore.tryAcquire(), "it was handed over")
            for task in tasks { try await task.value }
            #expect(order.value == [0, 1, 2, 3])
            #expect(semaphore.value == 1)
        }
    }

    @Test("LK-3: at most as many tasks as permits work at once, and each permit is released", arguments: backends)
    func limit(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let semaphore = AsyncSemaphore(value: 3)
            let now = Box(0)
            let most = Box(0)
            try await withThrowingTaskGroup { group in
                for number in 0..<30 {
                    group.addTask(executorPreference: loop) {
                        try? await semaphore.withPermit {
                            now.value += 1
                            most.value = max(most.value, now.value)
                            try await loop.sleep(for: .microseconds(200))
                            now.value -= 1
                            if number.isMultiple(of: 5) { throw TestFailure() }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(most.value == 3)
            #expect(semaphore.value == 3)
        }
    }

    @Test("LK-3: waiters that timed out or were cancelled take no permit, however many there were", arguments: backends)
    func abandoned(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let semaphore = AsyncSemaphore(value: 0)
            let timedOut = (0..<300).map { _ in
                Task(executorPreference: loop) { try await semaphore.acquire(timeout: .milliseconds(1)) }
            }
            for task in timedOut {
                let result = await task.result
                #expect(throws: TimeoutError.self) { try result.get() }
            }
            let cancelled = (0..<300).map { _ in Task(executorPreference: loop) { try await semaphore.acquire() } }
            let last = Task(executorPreference: loop) { try await semaphore.acquire() }
            try await loop.sleep(for: .milliseconds(2))
            for task in cancelled.reversed() { task.cancel() }
            for task in cancelled {
                let result = await task.result
                #expect(throws: CancellationError.self) { try result.get() }
            }
            semaphore.release()
            try await last.value
            #expect(semaphore.value == 0)
        }
    }

    @Test("LK-3: permits are neither lost nor doubled when threads acquire, cancel and release at once")
    func race() async throws {
        let semaphore = AsyncSemaphore(value: 2)
        await withTaskGroup { group in
            for number in 0..<400 {
                group.addTask {
                    let task = Task {
                        try await semaphore.withPermit { await Task.yield() }
                    }
                    if number.isMultiple(of: 3) { task.cancel() }
                    _ = await task.result
                }
            }
        }
        #expect(semaphore.value == 2)
    }

    @Test("LK-3: releasing a bounded semaphore too often is an error")
    func bounded() async throws {
        let semaphore = AsyncBoundedSemaphore(value: 1)
        #expect(throws: OverReleaseError.self) { try semaphore.release() }
        try await semaphore.acquire()
        #expect(!semaphore.tryAcquire())
        try semaphore.release()
        #expect(semaphore.value == 1)
        #expect(try await semaphore.withPermit { semaphore.value } == 0)
        #expect(throws: OverReleaseError.self) { try semaphore.release() }
        let unbounded = AsyncSemaphore(value: 1)
        unbounded.release()
        #expect(unbounded.value == 2)
    }
}
