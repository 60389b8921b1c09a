import Testing

@testable import TwisterIO

/// What the loop runs for those that are ready, and in which order.
struct IOLoopLeaderTests {
    /// Work that is ready as often as it is told, and notes each run.
    private final class Repeating: LoopWork, LoopJob {
        private let name: String
        private var left: Int
        private let trace: Box<[String]>
        private let run: () async throws -> Void
        /// Is called when it has run as often as it was told.
        var atEnd: () -> Void = {}

        init(_ name: String, _ times: Int, _ trace: Box<[String]>, _ run: @escaping () async throws -> Void = {}) {
            self.name = name
            left = times
            self.trace = trace
            self.run = run
        }

        func willRun(on worker: Int) -> (any LoopJob)? { self }
        func execute() async throws {
            trace.value.append(name)
            try await run()
        }
        func executionFailed(_ error: any Error) async { trace.value.append("\(error)") }
        func didRun() -> Bool {
            left -= 1
            if left == 0 { atEnd() }
            return left > 0
        }
    }

    @Test("What is ready again runs again at once, 32 times before others have their turn", arguments: backends)
    func inARow(_ backend: IOBackend) async throws {
        let trace = try await withLoop(backend) { loop in
            let trace = Box<[String]>([])
            loop.schedule(Repeating("a", 70, trace))
            loop.schedule(Repeating("b", 1, trace))
            loop.schedule(Repeating("c", 33, trace))
            loop.callLater(.zero) { loop.stop() }
            loop.run()
            return trace.value
        }
        let rows: [(String, Int)] = [("a", 32), ("b", 1), ("c", 32), ("a", 32), ("c", 1), ("a", 6)]
        #expect(trace == rows.flatMap { name, count in Array(repeating: name, count: count) })
    }

    @Test("What waits before it is ready again holds nobody up, and goes on", arguments: backends)
    func waiting(_ backend: IOBackend) async throws {
        let trace = try await withLoop(backend) { loop in
            let trace = Box<[String]>([])
            let waiting = Repeating("a", 3, trace) { try await loop.sleep(for: .milliseconds(20)) }
            waiting.atEnd = { loop.callLater(.milliseconds(20)) { loop.stop() } }
            loop.schedule(waiting)
            loop.schedule(Repeating("b", 2, trace))
            loop.callLater(.seconds(20)) { loop.stop() }
            loop.run()
            return trace.value
        }
        #expect(trace == ["a", "b", "b", "a", "a"])
    }
}
