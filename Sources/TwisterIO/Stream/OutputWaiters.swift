/// Tasks that wait until the kernel has taken output of their stream.
struct OutputWaiters {
    /// Waiting for the low watermark.
    private var low: [LoopWaiter<Void>] = []
    /// Waiting until everything that was queued when they came was taken; `left` bytes of that are still here.
    private var flushes: [(left: Int, waiter: LoopWaiter<Void>)] = []

    var isEmpty: Bool { low.isEmpty && flushes.isEmpty }

    mutating func waitUntilLow(_ waiter: LoopWaiter<Void>) { low.append(waiter) }

    mutating func waitForFlush(of count: Int, _ waiter: LoopWaiter<Void>) { flushes.append((count, waiter)) }

    mutating func taken(_ count: Int, isLow: Bool) {
        if isLow, !low.isEmpty {
            for waiter in low { waiter.resume(with: .success(())) }
            low.removeAll()
        }
        guard !flushes.isEmpty else { return }
        for index in flushes.indices { flushes[index].left -= count }
        // They came in order, so the first ones are done first.
        while let first = flushes.first, first.left <= 0 {
            flushes.removeFirst()
            first.waiter.resume(with: .success(()))
        }
    }

    mutating func fail(_ reason: StreamClosedError.Reason) {
        guard !isEmpty else { return }
        let error = StreamClosedError(realError: reason)
        for waiter in low { waiter.resume(with: .failure(error)) }
        for flush in flushes { flush.waiter.resume(with: .failure(error)) }
        low.removeAll()
        flushes.removeAll()
    }
}
