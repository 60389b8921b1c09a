import Testing

@testable import TwisterIO

struct FutureTests {
    @Test(
        "S-65, IOL-22: addFuture calls on the loop's thread, in a later turn, even where it is done",
        arguments: backends)
    func addFuture(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let calls = Box<[Int]>([])
            let promise = Promise<Int>(on: loop)
            loop.addFuture(promise.future) { future in
                #expect(loop.isCurrentThread)
                calls.value.append(try future.result?.get() ?? -1)
                loop.addFuture(future) { _ in
                    calls.value.append(2)
                    loop.stop()
                }
                #expect(calls.value == [1], "not from within")
            }
            try onThread { try? promise.setResult(1) }
            loop.run()
            #expect(calls.value == [1, 2])
        }
    }

    @Test(
        "S-66, CON-7: callbacks run in the order in which they were added, before and after the result",
        arguments: backends)
    func order(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let calls = Box<[Int]>([])
            let promise = Promise<Int>(on: loop)
            for number in 0..<5 { promise.future.addDoneCallback { _ in calls.value.append(number) } }
            try promise.setResult(0)
            for number in 5..<8 { promise.future.addDoneCallback { _ in calls.value.append(number) } }
            loop.addCallback { loop.stop() }
            loop.run()
            #expect(calls.value == Array(0..<8))
        }
    }

    @Test("S-67: setResult does not call the callbacks itself, and releases them", arguments: backends)
    func laterTurn(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let promise = Promise<Int>(on: loop)
            let flag = Box(false)
            weak var weakHeld: Box<Int>?
            do {
                let held = Box(0)
                weakHeld = held
                promise.future.addDoneCallback { _ in
                    held.value += 1
                    flag.value = true
                }
            }
            loop.addCallback {
                try promise.setResult(1)
                #expect(!flag.value)
                loop.addCallback {
                    #expect(flag.value)
                    loop.stop()
                }
            }
            loop.run()
            #expect(weakHeld == nil)
        }
    }

    @Test("S-67, CON-6: setting a result twice is an error, and the first result stays", arguments: backends)
    func twice(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let promise = Promise<Int>(on: loop)
            try promise.setResult(1)
            #expect(throws: FutureError.alreadyDone) { try promise.setResult(2) }
            #expect(throws: FutureError.alreadyDone) { try promise.setException(TestFailure()) }
            #expect(throws: FutureError.alreadyDone) { try promise.setResultUnlessCancelled(2) }
            let result = try promise.future.result?.get()
            #expect(result == 1)
        }
    }

    @Test("S-68, CON-1: result, error, isDone and value say what was set", arguments: backends)
    func results(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let promise = Promise<Int>(on: loop)
            #expect(!promise.future.isDone)
            #expect(promise.future.result == nil)
            try onThread { try? promise.setException(TestFailure(number: 7)) }
            await #expect(throws: TestFailure(number: 7)) { try await promise.future.value }
            #expect(loop.isCurrentThread)
            #expect(promise.future.isDone)
            #expect(promise.future.error as? TestFailure == TestFailure(number: 7))
            let done = Future(on: loop, result: .success(3))
            #expect(try await done.value == 3)
            #expect(done.error == nil)
        }
    }

    @Test("S-68, CON-6: a cancelled future throws, takes no result, and runs its callbacks", arguments: backends)
    func cancel(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let promise = Promise<Int>(on: loop)
            let called = AsyncEvent()
            promise.future.addDoneCallback { _ in called.set() }
            #expect(promise.future.cancel())
            #expect(!promise.future.cancel())
            #expect(promise.future.isCancelled)
            await #expect(throws: CancellationError.self) { try await promise.future.value }
            #expect(throws: FutureError.alreadyDone) { try promise.setResult(1) }
            try promise.setResultUnlessCancelled(1)
            try await called.wait(timeout: .seconds(10))
        }
    }

    @Test("S-68: cancelling a waiting task ends its wait, but does not cancel the future", arguments: backends)
    func cancelWaiter(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let promise = Promise<Int>(on: loop)
            let waiting = Task(executorPreference: loop) { try await promise.future.value }
            let other = Task(executorPreference: loop) { try await promise.future.value }
            try await loop.sleep(for: .milliseconds(2))
            waiting.cancel()
            let result = await waiting.result
            #expect(throws: CancellationError.self) { try result.get() }
            #expect(!promise.future.isDone)
            try promise.setResult(4)
            #expect(try await other.value == 4)
        }
    }

    @Test("GEN-1, CON-1: a future of async work has its result, and cancel() cancels the work", arguments: backends)
    func work(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let future = Future(on: loop) {
                try await loop.sleep(for: .milliseconds(1))
                return loop.isCurrentThread
            }
            #expect(try await future.value)
            let ended = AsyncEvent()
            let endless = Future(on: loop) {
                defer { ended.set() }
                try await loop.sleep(for: .seconds(600))
            }
            try await loop.sleep(for: .milliseconds(2))
            endless.cancel()
            try await ended.wait(timeout: .seconds(10))
            await #expect(throws: CancellationError.self) { try await endless.value }
        }
    }

    @Test("CON-5: a chained promise gets the result, unless it is done", arguments: backends)
    func chain(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let source = Promise<Int>(on: loop)
            let target = Promise<Int>(on: loop)
            let done = Promise<Int>(on: loop)
            try done.setResult(1)
            source.future.chain(to: target)
            source.future.chain(to: done)
            try source.setResult(2)
            #expect(try await target.future.value == 2)
            #expect(try await done.future.value == 1)
        }
    }

    @Test("S-68: a promise that is released without a result fails its future", arguments: backends)
    func abandoned(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let future = Promise<Int>(on: loop).future
            await #expect(throws: FutureError.abandoned) { try await future.value }
        }
    }
}
