extension IOStream {
    /// Whether a filter may still be put on the stream: nothing is read or waits to be read, and everything that was written is
    /// sent.
    package var isIdle: Bool {
        loop.preconditionOnLoop()
        return life == .open && rare?.channel == nil && input.isEmpty && output == nil && sending == .nothing
            && afterOutput == .goOn && !isPeerEnded && !isReading
    }

    /// The error of whatever is tried on the stream once it is closed.
    package var closedError: StreamClosedError { StreamClosedError(realError: closeReason ?? .closedHere) }

    /// Waits for a result that comes on the loop's thread, once. A task that is cancelled closes the stream.
    ///
    /// - Parameter start: begins; gets the function that is to be called with the result.
    package func wait(_ start: (_ resume: @escaping (Result<Void, any Error>) -> Void) -> Void) async throws {
        let waiter = LoopWaiter<Void>(loop) { [self] in close() }
        try await waiter.value { start { waiter.resume(with: $0) } }
    }
}
