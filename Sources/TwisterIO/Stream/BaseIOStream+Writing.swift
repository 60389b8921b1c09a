import Glibc

extension BaseIOStream {
    /// Queues `bytes`. Returns at once while the queue is below the high watermark (64 KiB), otherwise once it has sunk to the
    /// low one (16 KiB), so that no more is queued than the peer takes. A large array is sent without a copy.
    ///
    /// Queued bytes go out in order, in this turn of the loop. If the task is cancelled while it waits, the bytes stay queued
    /// and the stream stays usable.
    ///
    /// - Throws: `StreamClosedError`; `StreamBufferFullError` over `maxWriteBufferSize` (nothing is queued then);
    ///   `CancellationError`.
    ///
    /// Tornado: `BaseIOStream.write`, whose Future stands for what `flush` waits for.
    public func write(_ bytes: [UInt8]) async throws {
        loop.preconditionOnLoop()
        if let closeReason { throw StreamClosedError(realError: closeReason) }
        if isOutputEnded { throw StreamClosedError(realError: .failed(IOError(errno: EPIPE, "write"))) }
        guard bytes.count <= maxWriteBufferSize - min(outputCount, maxWriteBufferSize) else {
            throw StreamBufferFullError(buffer: .write, limit: maxWriteBufferSize)
        }
        enqueue(bytes)
        try await drained()
    }

    /// Queues `text` in UTF-8. Tornado: `BaseIOStream.write`.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Waits until the kernel has taken everything that was written so far.
    ///
    /// - Throws: `StreamClosedError` where the stream closes first, `CancellationError`.
    ///
    /// Tornado: the Future of `BaseIOStream.write`.
    public func flush() async throws {
        loop.preconditionOnLoop()
        if let closeReason { throw StreamClosedError(realError: closeReason) }
        let count = outputCount
        guard count > 0 else { return }
        let waiter = LoopWaiter<Void>(loop)
        try await waiter.value { madeRare().outputWaiters.waitForFlush(of: count, waiter) }
    }

    /// Whether written bytes wait for the kernel to take them. Tornado: `BaseIOStream.writing`.
    public var isWriting: Bool {
        loop.preconditionOnLoop()
        return outputCount > 0
    }

    // MARK: The end

    /// Ends the output: the peer sees the end after what was written, and may go on sending (half-close).
    public func shutDownWriting() {
        loop.preconditionOnLoop()
        guard !isClosed, !isOutputEnded else { return }
        isOutputEnded = true
        shutDownAfterOutput()
    }

    /// Closes at once. Bytes that were not sent are dropped, even those written just before: `closeAfterWriting` sends them.
    /// Ignored once the stream is closed.
    ///
    /// Tornado: `BaseIOStream.close`.
    public func close() {
        loop.preconditionOnLoop()
        close(.closedHere)
    }

    /// Closes at once with `error` as the reason, which later reads and writes throw inside `StreamClosedError`.
    ///
    /// Tornado: `BaseIOStream.close(exc_info)`.
    public func close(error: any Error) {
        loop.preconditionOnLoop()
        close((error as? StreamClosedError)?.realError ?? .error(error))
    }

    /// Closes once everything that was written is sent, or once the peer has taken nothing of it for 30 s.
    ///
    /// The output ends then, and a socket stays open until the peer has ended its side too, for 2 s at most: a socket that
    /// is closed while bytes arrive resets the connection, and the reset may cost the peer what was written. Bytes that
    /// arrive meanwhile are dropped.
    public func closeAfterWriting() {
        loop.preconditionOnLoop()
        attachedReader().closeSoon()
    }
}
