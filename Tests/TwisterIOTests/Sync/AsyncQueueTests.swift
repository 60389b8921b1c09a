import Testing

@testable import TwisterIO

struct AsyncQueueTests {
    @Test(
        "QU-1: producers wait while it is full, consumers while it is empty, and the order stays",
        arguments: backends)
    func bounded(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let queue = AsyncQueue<Int>(maxSize: 2)
            let most = Box(0)
            let producer = Task(executorPreference: loop) {
                for number in 0..<50 {
                    try await queue.put(number)
                    most.value = max(most.value, queue.count)
                }
            }
            var taken: [Int] = []
            for _ in 0..<50 {
                if taken.count.isMultiple(of: 7) { try await loop.sleep(for: .microseconds(500)) }
                taken.append(try await queue.get())
            }
            try await producer.value
            #expect(taken == Array(0..<50))
            #expect(most.value == 2)
            #expect(queue.isEmpty)
        }
    }

    @Test("QU-1, QU-2: getNowait and putNowait throw on an empty and on a full queue")
    func nowait() throws {
        let queue = AsyncQueue<Int>(maxSize: 1)
        #expect(queue.maxSize == 1)
        #expect(throws: QueueError.empty) { try queue.getNowait() }
        try queue.putNowait(1)
        #expect(queue.isFull)
        #expect(throws: QueueError.full) { try queue.putNowait(2) }
        let one = try queue.getNowait()
        #expect(one == 1)
        #expect(!queue.isFull)
    }

    @Test("QU-1: put and get that time out have put and taken nothing", arguments: backends)
    func timeouts(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let queue = AsyncQueue<Int>(maxSize: 1)
            await #expect(throws: TimeoutError.self) { try await queue.get(timeout: .milliseconds(1)) }
            try await queue.put(1)
            await #expect(throws: TimeoutError.self) { try await queue.put(2, timeout: .milliseconds(1)) }
            #expect(try await queue.get(timeout: .seconds(10)) == 1)
            #expect(queue.isEmpty)
            loop.callLater(.milliseconds(1)) { try queue.putNowait(3) }
            #expect(try await queue.get(timeout: .seconds(10)) == 3)
        }
    }

    @Test("QU-1: consumers are served in the order in which they came, without the cancelled ones", arguments: backends)
    func fair(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let queue = AsyncQueue<Int>()
            let consumers = (0..<4).map { _ in Task(executorPreference: loop) { try await queue.get() } }
            try await loop.sleep(for: .milliseconds(2))
            consumers[1].cancel()
            for number in 0..<3 { try queue.putNowait(number) }
            #expect(try await consumers[0].value == 0)
            #expect(try await consumers[2].value == 1)
            #expect(try await consumers[3].value == 2)
            let result = await consumers[1].result
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }

    @Test("QU-1: join waits until each element's work is done", arguments: backends)
    func join(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let queue = AsyncQueue<Int>()
            try await queue.join()
            for number in 0..<3 { try await queue.put(number) }
            await #expect(throws: TimeoutError.self) { try await queue.join(timeout: .milliseconds(1)) }
            let done = Box(0)
            let worker = Task(executorPreference: loop) {
                for try await _ in queue {
                    try await loop.sleep(for: .milliseconds(1))
                    done.value += 1
                    try queue.taskDone()
                }
            }
            try await queue.join(timeout: .seconds(10))
            #expect(done.value == 3)
            #expect(throws: QueueError.tooManyTasksDone) { try queue.taskDone() }
            worker.cancel()
            let result = await worker.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }

    @Test("QU-2: the priority queue returns the smallest first, equal ones in order", arguments: backends)
    func priority(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            struct Job: Sendable, Equatable {
                let priority: Int
                let number: Int
            }
            let queue = AsyncPriorityQueue<Job> { $0.priority < $1.priority }
            var jobs = (0..<200).map { Job(priority: $0 * 7 % 10, number: $0) }
            for job in jobs { try queue.putNowait(job) }
            jobs.sort { ($0.priority, $0.number) < ($1.priority, $1.number) }
            var taken: [Job] = []
            while !queue.isEmpty { taken.append(try queue.getNowait()) }
            #expect(taken == jobs)
            let numbers = AsyncPriorityQueue<Int>(maxSize: 2)
            try await numbers.put(5)
            try await numbers.put(3)
            let waiting = Task(executorPreference: loop) { try await numbers.put(4) }
            try await loop.sleep(for: .milliseconds(2))
            #expect(try await numbers.get() == 3)
            try await waiting.value
            #expect(try await numbers.get() == 4)
            #expect(try await numbers.get() == 5)
        }
    }

    @Test("QU-2: the LIFO queue returns the newest first")
    func lifo() async throws {
        let queue = AsyncLIFOQueue<Int>(maxSize: 3)
        for number in 0..<3 { try queue.putNowait(number) }
        #expect(throws: QueueError.full) { try queue.putNowait(3) }
        #expect(try await queue.get() == 2)
        #expect(try await queue.get() == 1)
        #expect(try await queue.get() == 0)
    }

    @Test("QU-1: across threads with cancellations nothing is lost or doubled")
    func race() async throws {
        let queue = AsyncQueue<Int>(maxSize: 3)
        let count = 400
        let taken = try await withThrowingTaskGroup(of: [Int].self) { group in
            group.addTask {
                for number in 0..<count { try await queue.put(number) }
                return []
            }
            for _ in 0..<3 {
                group.addTask {
                    var mine: [Int] = []
                    while true {
                        let get = Task { try await queue.get() }
                        if Int.random(in: 0..<4) == 0 { get.cancel() }
                        guard case .success(let number) = await get.result else { continue }
                        if number < 0 { return mine }
                        mine.append(number)
                    }
                }
            }
            _ = try await group.next()
            for _ in 0..<3 { try await queue.put(-1) }
            var all: [Int] = []
            for try await mine in group { all += mine }
            return all
        }
        #expect(taken.sorted() == Array(0..<count))
    }
}
