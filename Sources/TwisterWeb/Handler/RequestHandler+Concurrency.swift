import TwisterHTTP
import TwisterIO

/// Doing several things at once in a handler.
///
/// A handler belongs to its loop's thread. The compiler therefore does not allow it in an `async let`, which might run on any
/// thread. These functions run their closures on the handler's loop, so that the closures may use the handler's methods as
/// usual, and wait for several things at once.
extension RequestHandler {
    /// Runs all of the closures at the same time, as far as they wait, and returns what they return:
    ///
    ///     let (user, posts) = try await together({ try await self.user(1) }, { try await self.posts(of: 1) })
    ///
    /// - Throws: the first error that one of them throws; the others are cancelled, and waited for.
    public final func together<each Value>(
        _ work: repeat @escaping () async throws -> each Value
    ) async throws -> (repeat each Value) {
        connection.checkThread("RequestHandler.together")
        let parts = (repeat OnLoopWork(each work))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for part in repeat each parts { group.addTask { try await part.run() } }
            // Not `waitForAll`, which throws the first error only once all tasks have ended. Leaving the group with the error
            // cancels the others.
            while try await group.next() != nil {}
        }
        return (repeat try (each parts).result.get())
    }

    /// Runs `work` for at most `timeout`. After that its task is cancelled, and waited for.
    ///
    /// - Throws: `TimeoutError`, which becomes 504 where the handler does not catch it; the error that `work` throws;
    ///   `CancellationError` once the client has disconnected.
    ///
    /// Tornado: `gen.with_timeout`.
    public final func withTimeout<Value>(
        _ timeout: Duration, _ work: @escaping () async throws -> Value
    ) async throws -> Value {
        connection.checkThread("RequestHandler.withTimeout")
        let loop = loop
        let part = OnLoopWork(work)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await part.run() }
            group.addTask {
                try await loop.sleep(for: timeout)
                throw TimeoutError(after: timeout)
            }
            defer { group.cancelAll() }
            try await group.next()
            return try part.result.get()
        }
    }
}

/// Work of a handler that runs as a task of its own. It never leaves the loop's thread, because child tasks inherit the executor
/// of the handler's task: hence `@unchecked Sendable`.
final class OnLoopWork<Value>: @unchecked Sendable {
    private let work: () async throws -> Value
    private(set) var result: Result<Value, any Error> = .failure(CancellationError())

    init(_ work: @escaping () async throws -> Value) { self.work = work }

    func run() async throws { result = .success(try await work()) }
}
