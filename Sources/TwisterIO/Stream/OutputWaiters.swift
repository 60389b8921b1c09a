/// Tasks and callbacks that wait until the kernel has taken output of their stream.
struct OutputWaiters {
    /// Waiting for the low watermark.
    private var low: [LoopWaiter<Void>] = []
    /// Waiting until everything that was queued when they came was taken; `left` bytes of that are still here.
    private var flushes: [(left: Int, waiter: Waiter)] = []

    private enum Waiter {
        case task(LoopWaiter<Void>)
        /// Gets the reason where the stream closed first.
        case callback((StreamClosedError.Reason?) -> Void)

        func end(_ reason: StreamClosedError.Reason?) {
            switch self {
            case .callback(let callback): callback(reason)
            case .task(let waiter):
                waiter.resume(with: reason.map { .failure(StreamClosedError(realError: $0)) } ?? .success(()))
            }
        }
    }

    var isEmpty: Bool { low.isEmpty && flushes.isEmpty }

    mutating func waitUntilLow(_ waiter: LoopWaiter<Void>) { low.append(waiter) }

    mutating func waitForFlush(of count: Int, _ waiter: LoopWaiter<Void>) { flushes.append((count, .task(waiter))) }

    mutating func waitForFlush(of count: Int, _ callback: @escaping (StreamClosedError.Reason?) -> Void) {
        flushes.append((count, .callback(callback)))
    }

    mutating func taken(_ count: Int, isLow: Bool) {
        if isLow, !low.isEmpty {
            for waiter in low { waiter.resume(with: .success(())) }
            low.removeAll()
        }
        guard !flushes.isEmpty else { return }
        // Nearly always there is one, and it is done.
        if flushes.count == 1, flushes[0].left <= count { return flushes.removeLast().waiter.end(nil) }
        for index in flushes.indices { flushes[index].left -= count }
        // They came in order, so the first ones are done first.
        let done = flushes.prefix { $0.left <= 0 }
        guard !done.isEmpty else { return }
        flushes.removeFirst(done.count)
        for flush in done { flush.waiter.end(nil) }
    }

    mutating func fail(_ reason: StreamClosedError.Reason) {
        guard !isEmpty else { return }
        let error = StreamClosedError(realError: reason)
        for waiter in low { waiter.resume(with: .failure(error)) }
        low.removeAll()
        let failed = flushes
        flushes.removeAll()
        for flush in failed { flush.waiter.end(reason) }
    }
}
