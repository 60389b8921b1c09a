import Glibc
import Logging

/// The consumer of a stream whose bytes the application itself reads: it serves the one outstanding read from the stream's
/// buffer, and holds the peer up while nobody reads.
final class StreamReader: IOStreamConsumer {
    /// The stream, which owns the reader.
    private unowned let stream: BaseIOStream
    /// The most bytes that a read may wait with. Default 100 MiB.
    var maxBufferSize = 104_857_600
    private var closeCallback: (() -> Void)?
    private var pending: Pending?

    private struct Pending {
        var request: ReadRequest
        let waiter: LoopWaiter<ReadRequest.Result>
    }

    init(_ stream: BaseIOStream) { self.stream = stream }

    var isReading: Bool { pending != nil }

    /// With so many unread bytes and no read, nothing more is received: four of the pool's buffers.
    private var idleLimit: Int { 4 * stream.reactor.bufferSize }

    // MARK: Reading

    /// Reads what `request` asks for: at once where it is there, else when it has come.
    ///
    /// - Throws: `AlreadyReadingError`, `StreamClosedError`, `UnsatisfiableReadError`, `StreamBufferFullError`,
    ///   `CancellationError`.
    func read(_ request: ReadRequest) async throws -> ReadRequest.Result {
        guard pending == nil else { throw AlreadyReadingError() }
        // The connection broke: the bytes that came before are not all that the peer meant to send.
        if request.readsToEnd, let reason = stream.closeReason, reason.isFailure {
            throw StreamClosedError(realError: reason)
        }
        let atEnd = stream.isPeerEnded || stream.isClosed
        var request = request
        do {
            let (consumed, result) = try request.offer(stream.input.bytes, atEnd: atEnd, limit: maxBufferSize)
            stream.input.consume(consumed, stream.reactor)
            if let result {
                holdUpOrGoOn(unread: stream.input.count)
                return result
            }
        } catch {
            refuse(error)
            throw error
        }
        if atEnd { throw end(giving: request) }
        let waiter = LoopWaiter<ReadRequest.Result>(stream.loop) { [self] in giveUp() }
        return try await waiter.value {
            pending = Pending(request: request, waiter: waiter)
            stream.startReceiving()
        }
    }

    /// Offers unread bytes to the outstanding read. Returns how many it consumed.
    func offer(_ bytes: UnsafeRawBufferPointer, atEnd: Bool = false) -> Int {
        guard pending != nil else {
            holdUpOrGoOn(unread: bytes.count)
            return 0
        }
        do {
            guard let (consumed, result) = try pending?.request.offer(bytes, atEnd: atEnd, limit: maxBufferSize)
            else { return 0 }
            if let result {
                finish(.success(result))
                holdUpOrGoOn(unread: bytes.count - consumed)
            }
            return consumed
        } catch {
            finish(.failure(error))
            refuse(error)
            return 0
        }
    }

    /// The peer has sent its last byte: the outstanding read gets what there is, or learns that it is not enough.
    func ended() {
        if pending != nil {
            let consumed = offer(stream.input.bytes, atEnd: true)
            stream.input.consume(consumed, stream.reactor)
        }
        if let request = pending?.request { finish(.failure(end(giving: request))) }
        if closeCallback != nil { closeSoon() }
    }

    private func finish(_ result: Swift.Result<ReadRequest.Result, any Error>) {
        // The stream may be read again before the waiting task has run.
        pending.take()?.waiter.resume(with: result)
    }

    /// The reading task was cancelled: everything it had not been given yet is there for the next read.
    private func giveUp() {
        guard let request = pending.take()?.request else { return }
        giveBack(request)
        holdUpOrGoOn(unread: stream.input.count)
    }

    private func giveBack(_ request: ReadRequest) {
        guard !request.taken.isEmpty, !stream.input.prepend(request.taken, stream.reactor) else { return }
        stream.closeForLackOfMemory()
    }

    /// No read can be satisfied any more: what is queued still goes out, then the stream closes.
    private func end(giving request: ReadRequest) -> StreamClosedError {
        giveBack(request)
        if !stream.isClosed { closeSoon() }
        return StreamClosedError(realError: stream.closeReason ?? .endedByPeer)
    }

    /// The bytes that came cannot satisfy the read.
    private func refuse(_ error: any Error) {
        if error is UnsatisfiableReadError { Log.general.info("Unsatisfiable read, closing connection: \(error)") }
        stream.close(.error(error))
    }

    /// Back-pressure: an unread buffer stops receiving when it is full enough and goes on when half of that is read.
    private func holdUpOrGoOn(unread: Int) {
        if unread > idleLimit {
            stream.stopReceiving()
        } else if unread <= idleLimit / 2 {
            stream.startReceiving()
        }
    }

    // MARK: Closing

    /// How long a peer may take for the rest of the output of a stream that nobody uses any more.
    private static let drainTime: UInt64 = 30_000_000_000

    /// Closes when the queued output was sent, or the peer has not taken it for too long.
    func closeSoon() {
        guard !stream.isClosed else { return }
        if stream.outputCount > 0 { stream.limitOutput(patience: Self.drainTime) }
        stream.lingerAfterOutput()
    }

    func setCloseCallback(_ callback: (() -> Void)?) {
        closeCallback = callback
        if stream.isClosed {
            closed()
        } else if callback != nil {
            if stream.isPeerEnded { closeSoon() } else { holdUpOrGoOn(unread: stream.input.count) }
        }
    }

    /// The stream is about to be closed: the outstanding read ends.
    func closing(_ reason: StreamClosedError.Reason) {
        guard let request = pending?.request else { return }
        giveBack(request)
        finish(.failure(StreamClosedError(realError: reason)))
    }

    /// The stream is closed. The callback comes in the next turn, when the task whose read failed has run.
    func closed() {
        guard let callback = closeCallback.take() else { return }
        stream.loop.addLocalCallback(callback)
    }

    // MARK: IOStreamConsumer

    func streamReceived(_ stream: IOStream, _ bytes: UnsafeRawBufferPointer) -> Int { offer(bytes) }
    func streamEnded(_ stream: IOStream) { ended() }
    func streamPeerLeft(_ stream: IOStream, isGone: Bool) {
        // A peer that has only ended its side may have sent more than was received, which the application may still read.
        if isGone, closeCallback != nil { stream.close(.failed(IOError(errno: ECONNRESET, "receive"))) }
    }
    func streamDeadline(_ stream: IOStream, asOf time: UInt64) {
        // A peer that still takes some of it is slow, not gone.
        if let since = stream.outputTakenAt, time < since &+ Self.drainTime {
            return stream.setDeadline(since &+ Self.drainTime)
        }
        stream.close(.failed(IOError(errno: ETIMEDOUT, "send")))
    }
    func streamClosed(_ stream: IOStream, _ reason: StreamClosedError.Reason) { closed() }
}
