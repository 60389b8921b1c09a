import Testing

@testable import TwisterIO

/// What Tornado's `gen` gives to several coroutines at once: the language has it, and it stays on the loop.
@Suite("Task groups on a loop")
struct TaskGroupTests {
    @Test("GEN-4, GEN-5: several at once, all of them on the loop, in the time of the longest", arguments: backends)
    func multi(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let strays = Box(0)
            let results = Box<[Int: Int]>([:])
            let duration = try await elapsed {
                try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                    for number in 0..<300 {
                        group.addTask(executorPreference: loop) {
                            try await loop.sleep(for: .milliseconds(100))
                            if !loop.isCurrentThread { strays.value += 1 }
                            return (number, number * number)
                        }
                    }
                    for try await (number, square) in group { results.value[number] = square }
                }
            }
            #expect(results.value == Dictionary(uniqueKeysWithValues: (0..<300).map { ($0, $0 * $0) }))
            #expect(strays.value == 0)
            #expect(duration >= .milliseconds(100) && duration < .seconds(15), "not 30 s, one after the other")
        }
    }

    @Test("GEN-4: the first error is thrown, and cancels the others", arguments: backends)
    func firstError(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let cancelled = Box(0)
            let duration = await elapsed {
                await #expect(throws: TestFailure(number: 7)) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<10 {
                            group.addTask(executorPreference: loop) {
                                do {
                                    try await loop.sleep(for: .seconds(20))
                                } catch {
                                    cancelled.value += 1
                                    throw error
                                }
                            }
                        }
                        group.addTask(executorPreference: loop) {
                            try await loop.sleep(for: .milliseconds(10))
                            throw TestFailure(number: 7)
                        }
                        for try await _ in group {}
                    }
                }
            }
            #expect(cancelled.value == 10)
            #expect(duration < .seconds(10))
        }
    }

    @Test("GEN-6: results come in the order in which the tasks end", arguments: backends)
    func order(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let order = Box<[Int]>([])
            try await withThrowingTaskGroup(of: Int.self) { group in
                for milliseconds in [150, 10, 80] {
                    group.addTask(executorPreference: loop) {
                        try await loop.sleep(for: .milliseconds(milliseconds))
                        return milliseconds
                    }
                }
                for try await result in group { order.value.append(result) }
            }
            #expect(order.value == [10, 80, 150])
        }
    }

    @Test("GEN-9: Task.yield lets the loop run a turn", arguments: backends)
    func yield(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let ran = Box<[String]>([])
            loop.addCallback { ran.value.append("callback") }
            loop.callLater(.zero) { ran.value.append("timer") }
            #expect(ran.value == [])
            for _ in 0..<10 where ran.value.count < 2 { await Task.yield() }
            #expect(Set(ran.value) == ["callback", "timer"])
            #expect(loop.isCurrentThread)
        }
    }

    @Test("GEN-10, GEN-11: a plain value can be awaited as a future", arguments: backends)
    func plainValue(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let done = Future(on: loop, result: .success(5))
            #expect(done.isDone)
            let value = try await done.value
            #expect(value == 5)
            let failed = Future<Int>(on: loop, result: .failure(TestFailure(number: 1)))
            await #expect(throws: TestFailure(number: 1)) { try await failed.value }
        }
    }
}
