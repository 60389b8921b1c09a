import Glibc

extension BaseIOStream {
    /// Queues `bytes` and returns as soon as no more is queued than the peer seems to take: at once below the high
    /// watermark (64 KiB), else when the queue has sunk to the low one (16 KiB). A large array is sent uncopied.
    ///
    /// What is queued goes out in order, in this turn of the loop. Where the task is cancelled while it waits, the
    /// bytes stay queued and the stream stays usable.
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

    /// Closes at once; what was not sent is dropped, also what was written just before: `closeAfterWriting` sends it. Once
    /// closed, ignored.
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

    /// Closes when everything that was written was sent, or the peer has not taken it for 30 s.
    ///
    /// The output ends then, and a socket stays open until the peer has ended its side too, for 2 s at most: a socket that
    /// is closed while bytes arrive resets the connection, and the reset may cost the peer what was written. Bytes that
    /// arrive meanwhile are dropped.
    public func closeAfterWriting() {
        loop.preconditionOnLoop()
        attachedReader().closeSoon()
    }
}
