import Logging
import TwisterIO

/// Collects the results of the loops of a group that shuts down, and waits for them no longer than it may.
final class ShutdownCollector: Sendable {
    private struct State {
        var left: Int
        var ended: Set<Int> = []
        var result = ShutdownResult()
        var waiter: UnsafeContinuation<Void, Never>?
    }

    private let state: ConditionLock<State>

    init(count: Int) { state = ConditionLock(State(left: count)) }

    /// The loops that have ended, and what they have told.
    var results: (ended: Set<Int>, result: ShutdownResult) { state.withLock { ($0.ended, $0.result) } }

    func ended(_ index: Int, _ result: ShutdownResult) {
        let waiter = state.withLock { state -> UnsafeContinuation<Void, Never>? in
            state.ended.insert(index)
            state.result.add(result)
            state.left -= 1
            return state.left == 0 ? state.waiter.take() : nil
        }
        waiter?.resume()
    }

    /// Waits until all loops have ended, at most for `timeout`.
    func wait(_ timeout: Duration) async {
        await withUnsafeContinuation { continuation in
            let isOver = state.withLock { state in
                if state.left > 0 { state.waiter = continuation }
                return state.left == 0
            }
            if isOver { return continuation.resume() }
            // A thread of its own, since handlers may block those of Swift's pool as well.
            do throws(IOError) {
                try BackgroundTimer.call(after: timeout) { [self] in state.withLock { $0.waiter.take() }?.resume() }
            } catch {
                Log.general.warning("Loops that are blocked are waited for: \(error)")
            }
        }
    }
}
