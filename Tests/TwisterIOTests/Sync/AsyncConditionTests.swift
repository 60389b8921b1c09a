import Testing

@testable import TwisterIO

struct AsyncConditionTests {
    @Test("LK-1: notify resumes the task that has waited longest, notifyAll the rest", arguments: backends)
    func notify(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let condition = AsyncCondition()
            let order = Box<[Int]>([])
            let tasks = (0..<5).map { number in
                Task(executorPreference: loop) {
                    try await condition.wait()
                    order.value.append(number)
                }
            }
            try await loop.sleep(for: .milliseconds(2))
            condition.notify()
            try await loop.sleep(for: .milliseconds(2))
            #expect(order.value == [0])
            condition.notify(2)
            try await loop.sleep(for: .milliseconds(2))
            #expect(order.value == [0, 1, 2])
            condition.notifyAll()
            for task in tasks { try await task.value }
            #expect(order.value == [0, 1, 2, 3, 4])
        }
    }

    @Test("LK-1: a notification for which no task waits is lost; a timeout is false", arguments: backends)
    func timeout(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let condition = AsyncCondition()
            condition.notify()
            condition.notify(-1)
            let wasNotified = try await condition.wait(timeout: .milliseconds(2))
            #expect(!wasNotified)
            loop.callLater(.milliseconds(2)) { condition.notifyAll() }
            let wasNotifiedInTime = try await condition.wait(timeout: .seconds(20))
            #expect(wasNotifiedInTime)
        }
    }

    @Test("LK-1: a waiter that was cancelled or timed out uses up no notification", arguments: backends)
    func cancelled(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let condition = AsyncCondition()
            let first = Task(executorPreference: loop) { try await condition.wait() }
            let second = Task(executorPreference: loop) { try await condition.wait(timeout: .milliseconds(1)) }
            let third = Task(executorPreference: loop) { try await condition.wait() }
            try await loop.sleep(for: .milliseconds(20))
            first.cancel()
            let secondWasNotified = try await second.value
            #expect(!secondWasNotified)
            condition.notify()
            let thirdWasNotified = try await third.value
            #expect(thirdWasNotified)
            let result = await first.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }

    @Test(
        "LK-1: a condition that a second loop or another thread uses ends the program with a message",
        arguments: ["loop", "thread"])
    func secondLoop(_ user: String) async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [user] in
            let condition = AsyncCondition()
            try await onLoop(.epoll) { loop in
                condition.notify()
                if user == "loop" {
                    try await onLoop(.epoll) { _ in condition.notifyAll() }
                } else {
                    try await Task.detached { _ = try await condition.wait() }.value
                }
            }
        }
        let errors = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(errors.contains("Keep the state that several loops share in an AsyncMonitor"), "\(errors)")
    }

    @Test("LK-1: a condition whose loop is closed may belong to another one", arguments: backends)
    func nextLoop(_ backend: IOBackend) async throws {
        let condition = AsyncCondition()
        for _ in 0..<3 {
            try await onLoop(backend) { loop in
                loop.callLater(.milliseconds(2)) { condition.notify() }
                let wasNotified = try await condition.wait(timeout: .seconds(10))
                #expect(wasNotified)
            }
        }
    }
}
