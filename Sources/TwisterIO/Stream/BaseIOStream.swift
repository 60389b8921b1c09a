/// What sockets and pipes have in common: the buffer of received bytes, the one outstanding read, the tasks that wait
/// for output to leave, and why the stream is closed.
///
/// A stream belongs to its loop's thread.
///
/// Tornado: `iostream.BaseIOStream`.
public class BaseIOStream: ReactorOwner {
    /// Why a stream is closed.
    public typealias CloseReason = StreamClosedError.Reason

    /// The loop that the stream belongs to.
    public let loop: IOLoop
    /// The loop's, here because to reach it through the loop would retain it each time.
    let reactor: Reactor

    // To check its accesses for exclusivity would cost 310 instructions a request.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    final var input = StreamInput()
    /// State that few streams have.
    final var rare: RareStreamState?
    private final var watermark: UInt32 = 65_536
    final var life = Life.open
    private final var peerEnded = false
    private final var outputEnded = false

    /// Where a stream is between its creation and its end.
    enum Life: UInt8 { case connecting, open, closed }

    init(_ loop: IOLoop) {
        self.loop = loop
        reactor = loop.reactor
    }

    deinit { input.removeAll(reactor) }

    // Computed, because another module's access to a stored property is checked for exclusivity.

    /// Whether the peer has sent its last byte. What it sent before can still be read.
    public internal(set) final var isPeerEnded: Bool {
        get { peerEnded }
        set { peerEnded = newValue }
    }

    /// Whether `shutDownWriting` has ended the output.
    public internal(set) final var isOutputEnded: Bool {
        get { outputEnded }
        set { outputEnded = newValue }
    }

    /// Over this many bytes of output, `write` waits and `isOverHighWatermark` says so. Default 64 KiB.
    package final var highWatermark: Int {
        get { Int(watermark) }
        set { watermark = UInt32(clamping: newValue) }
    }
    /// At this many bytes or fewer it goes on: a quarter of the high watermark.
    package final var lowWatermark: Int { Int(watermark / 4) }

    /// The most bytes of output that may be queued: a `write` that would make it more throws `StreamBufferFullError`
    /// and queues nothing. Default: no limit.
    ///
    /// Tornado: `max_write_buffer_size`.
    public final var maxWriteBufferSize: Int {
        get {
            loop.preconditionOnLoop()
            return rare?.maxWriteBufferSize ?? .max
        }
        set {
            loop.preconditionOnLoop()
            madeRare().maxWriteBufferSize = newValue
        }
    }

    /// Why the stream is closed; nil while it is open. Tornado: `BaseIOStream.error`.
    public final var closeReason: CloseReason? {
        loop.preconditionOnLoop()
        guard life == .closed else { return nil }
        // The usual reason is not kept.
        return rare?.closeReason ?? (isPeerEnded ? .endedByPeer : .closedHere)
    }
    /// Tornado: `BaseIOStream.closed`.
    public final var isClosed: Bool { life == .closed }

    /// Marks the stream as closed.
    final func setClosed(_ reason: CloseReason) {
        life = .closed
        switch reason {
        case .closedHere where !isPeerEnded && rare?.closeReason == nil: break
        case .endedByPeer where isPeerEnded && rare?.closeReason == nil: break
        default: madeRare().closeReason = reason
        }
    }

    final func madeRare() -> RareStreamState {
        if let rare { return rare }
        let made = RareStreamState()
        rare = made
        return made
    }

    // MARK: What a socket does in one way and a pipe in another

    /// Starts to take bytes from the descriptor. Idempotent.
    package func startReceiving() {}

    /// Stops to take bytes, so that the peer is held up. Idempotent.
    package func stopReceiving() {}

    /// Bytes that the kernel has not taken yet.
    package var outputCount: Int { 0 }

    /// Queues bytes for the kernel.
    package func enqueue(_ bytes: [UInt8]) {}

    /// Ends the output after what is queued.
    package func shutDownAfterOutput() {}

    /// Closes after what is queued was sent.
    package func closeAfterOutput() {}

    /// The same, and what the peer still sends does not cost it what was queued.
    package func lingerAfterOutput() { closeAfterOutput() }

    /// Closes at once; what was not sent is dropped. Once closed, ignored.
    package func close(_ reason: CloseReason) {}

    /// Makes the reader the one that takes the stream's bytes.
    func attach(_ reader: StreamReader) {}

    /// Lets `closeAfterOutput` wait only while the peer takes something at least every `patience` nanoseconds.
    func limitOutput(patience: UInt64) {}

    // MARK: Waiting for output to leave

    /// Whether more is queued than the peer seems to take.
    package final var isOverHighWatermark: Bool { outputCount > highWatermark }

    /// Whether a task waits until the peer takes what is queued.
    package final var isOutputAwaited: Bool { rare?.outputWaiters.isEmpty == false }

    /// Waits until the output is at the low watermark.
    ///
    /// - Throws: `StreamClosedError` where the stream closes first; `CancellationError` where the task is cancelled,
    ///   which leaves the output as it is.
    package final func drained() async throws {
        if let closeReason { throw StreamClosedError(realError: closeReason) }
        guard isOverHighWatermark else { return }
        let waiter = LoopWaiter<Void>(loop)
        try await waiter.value { madeRare().outputWaiters.waitUntilLow(waiter) }
    }

    /// Calls back once the kernel has taken everything that is queued now; with the reason where the stream closes first.
    /// At once where nothing is queued.
    package final func whenOutputTaken(_ callback: @escaping (CloseReason?) -> Void) {
        if let closeReason { return callback(closeReason) }
        let count = outputCount
        if count == 0 { return callback(nil) }
        madeRare().outputWaiters.waitForFlush(of: count, callback)
    }

    /// Resumes the tasks that wait for output, `count` bytes of which were just taken.
    @inline(__always)
    final func outputTaken(_ count: Int) {
        guard let rare, !rare.outputWaiters.isEmpty else { return }
        rare.outputWaiters.taken(count, isLow: outputCount <= lowWatermark)
    }

    /// The part of closing that is the same for all: tells everyone who waits.
    final func failWaiters(_ reason: CloseReason) {
        guard let rare else { return }
        rare.outputWaiters.fail(reason)
        rare.reader?.closing(reason)
    }

    /// Whether received bytes stay readable once the stream is closed for `reason`: the last ones of a peer do.
    final func keepsInput(_ reason: CloseReason) -> Bool {
        guard let rare, rare.reader != nil, !input.isEmpty else { return false }
        return switch reason {
        case .closedHere: false
        // Bytes that a filter delivered before it failed can still be read, as those that came before a reset.
        case .error: rare.channel?.failure != nil
        case .endedByPeer, .failed: true
        }
    }
}

/// State that few streams have, apart so that idle connections stay small.
final class RareStreamState {
    /// Serves the reads of the application; made with the first of them.
    var reader: StreamReader?
    // Where a server logs its requests, each of them waits here. The checks would cost 200 instructions.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var outputWaiters = OutputWaiters()
    var maxWriteBufferSize = Int.max
    /// Why the stream is closed, where that is not the usual reason.
    var closeReason: StreamClosedError.Reason?
    /// Gets the result of the connection attempt under way: 0 or an error number.
    var connecting: ((CInt) -> Void)?
    /// Stands between the socket and the consumer.
    var channel: FilterChannel?
    /// Stands in place of the socket.
    var carrier: (any StreamCarrier)?
}
