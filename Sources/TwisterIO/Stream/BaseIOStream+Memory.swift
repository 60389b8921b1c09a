import Glibc
import Logging

/// A stream for which there is no memory is closed, so that the others go on. Buffers whose size depends on the peer (unread
/// input, output that waits) are allocated with `Reactor.allocate`, which reports a failure instead of ending the process.
extension BaseIOStream {
    /// Whether there is memory for objects of about `size` bytes that serve the stream. Otherwise the stream is closed: Swift
    /// would end the program where it has no memory for an object.
    package final func hasMemory(_ size: Int, for use: MemoryUse) -> Bool {
        if reactor.hasMemory(size, for: use) { return true }
        closeForLackOfMemory()
        return false
    }

    /// Notes that `size` bytes are free again that were held for a long time. When the loop has nothing to do, it gives free
    /// memory back to the system.
    package final func noteFreed(_ size: Int) { reactor.noteFreed(size) }

    /// Closes the stream, with at most one line a second in the log.
    @inline(never)
    final func closeForLackOfMemory() {
        guard !isClosed else { return }
        let now = loop.now
        if loop.streams.shortageLoggedAt == 0 || now &- loop.streams.shortageLoggedAt >= 1_000_000_000 {
            loop.streams.shortageLoggedAt = now
            Log.general.error("Memory is short: connections are closed that need more of it")
        }
        close(.failed(IOError(errno: ENOMEM, "memory of a stream")))
    }
}

extension IOStream {
    /// Has the reactor receive. If it cannot, the stream would stay open for ever, so the stream is closed in the next turn:
    /// its owner may not have been told of it yet.
    func receiveFromReactor() {
        let result = reactor.startReceiving(handle)
        guard result < 0, result != -ESTALE else { return }
        closeSoon(IOError(errno: -result, "receive"))
    }

    /// Sets the deadline of the connection.
    @inline(__always)
    func arm(_ deadline: UInt64) {
        let result = reactor.setDeadline(handle, deadline)
        if result != 0 { arm(deadline, notBy: result) }
    }

    /// The reactor has set no deadline: a stream without a socket has its carrier set it.
    @inline(never)
    private func arm(_ deadline: UInt64, notBy result: CInt) {
        if let carrier { return carrier.setDeadline(deadline) }
        if result == -ENOMEM { closeSoon(IOError(errno: ENOMEM, "set a deadline")) }
    }

    @inline(never)
    private func closeSoon(_ error: IOError) {
        loop.addLocalCallback { [self] in close(.failed(error)) }
    }

    /// Where output is written that there is no memory for. `commitOutput` then closes the stream.
    @inline(never)
    func spill(_ size: Int) -> UnsafeMutableRawPointer {
        precondition(size <= Reactor.spillSize, "IOStream: no memory for \(size) bytes of output")
        return reactor.spill
    }
}
