import Glibc
import Synchronization

/// Several loops, each on a thread of its own, which share nothing. May be used from any thread.
///
/// One process uses every core that way. Tornado starts processes for this (`process.fork_processes`).
public final class IOLoopGroup: Sendable {
    private struct Member: Sendable {
        let loop: IOLoop
        let thread: LoopThread
    }

    private let members: [Member]

    /// The number of the machine's cores.
    package static var coreCount: Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

    /// The loops, in order of creation.
    public var loops: [IOLoop] { members.map(\.loop) }

    /// Starts `count` threads (nil: one for each core) and runs a loop on each.
    ///
    /// - Throws: `IOError` if a loop cannot be created; no loop is left running then.
    public init(
        count: Int? = nil, configuration: IOLoop.Configuration = IOLoop.Configuration()
    ) async throws {
        var members: [Member] = []
        do {
            for index in 0..<max(1, count ?? Self.coreCount) {
                let thread = LoopThread(name: "twister-loop-\(index)")
                let loop = try await thread.start(configuration)
                members.append(Member(loop: loop, thread: thread))
            }
        } catch {
            for member in members { await member.thread.stop() }
            throw error
        }
        self.members = members
    }

    /// Runs `body` on each loop's thread, one loop after the other, and returns the results in the loops' order.
    ///
    /// - Throws: the error that `body` throws; `IOLoopError.closed` after `stop`.
    public func map<Result: Sendable>(
        _ body: @escaping @Sendable (_ index: Int, _ loop: IOLoop) throws -> Result
    ) async throws -> [Result] {
        var results: [Result] = []
        for (index, member) in members.enumerated() {
            results.append(try await member.loop.perform { try body(index, member.loop) })
        }
        return results
    }

    /// Stops the loops and waits for their threads to end. Idempotent.
    public func stop() async {
        for member in members { await member.thread.stop() }
    }

    /// Stops all loops, and waits for the threads of those with these indices: the other threads are blocked.
    package func stop(_ awaited: Set<Int>) async {
        for (index, member) in members.enumerated() where !awaited.contains(index) { member.loop.stop() }
        for index in awaited { await members[index].thread.stop() }
    }
}

/// A thread that runs one loop.
private final class LoopThread: Sendable {
    private struct State {
        var loop: IOLoop?
        /// Nil before the thread is started, and once somebody has waited for its end.
        var thread: pthread_t?
        var isEnded = false
        var waiters: [UnsafeContinuation<Void, Never>] = []
    }
    private let name: String
    private let state = ConditionLock(State())

    init(name: String) { self.name = name }

    func start(_ configuration: IOLoop.Configuration) async throws -> IOLoop {
        do {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                do throws(IOError) {
                    let thread = try NativeThread.startJoinable(name: name) { self.main(configuration, continuation) }
                    state.withLock { $0.thread = thread }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        } catch {
            join()
            throw error
        }
        // The thread has stored it before it resumed this task.
        guard let loop = state.withLock({ $0.loop }) else { throw IOLoopError.closed }
        return loop
    }

    private func main(_ configuration: IOLoop.Configuration, _ started: UnsafeContinuation<Void, any Error>) {
        do throws(IOError) {
            let loop = try IOLoop(configuration)
            state.withLock { $0.loop = loop }
            started.resume()
            loop.run()
            loop.close()
        } catch {
            started.resume(throwing: error)
        }
        let waiters = state.withLock { state in
            state.isEnded = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func stop() async {
        guard let loop = state.withLock({ $0.loop }) else { return }
        loop.stop()
        await withUnsafeContinuation { continuation in
            let isEnded = state.withLock { state in
                if !state.isEnded { state.waiters.append(continuation) }
                return state.isEnded
            }
            if isEnded { continuation.resume() }
        }
        join()
    }

    /// Waits until the thread, whose loop has ended, has freed what libraries keep for each thread. OpenSSL would lose what
    /// it keeps for a thread that is about to end while the process ends.
    private func join() {
        let thread = state.withLock { $0.thread.take() }
        if let thread { pthread_join(thread, nil) }
    }
}
