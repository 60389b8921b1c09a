/// What sockets and pipes have in common: the buffer of received bytes, the one outstanding read, the tasks that wait
/// for output to leave, and why the stream is closed.
///
/// A stream belongs to its loop's thread.
///
/// Tornado: `iostream.BaseIOStream`.
public class BaseIOStream {
    /// Why a stream is closed.
    public enum CloseReason: Error, Sendable, CustomStringConvertible {
        /// `close()` was called here.
        case closedHere
        /// The peer ended the connection.
        case endedByPeer
        /// A system call failed: `ECONNRESET`, `EPIPE`, `ETIMEDOUT` and the like.
        case failed(IOError)
        /// An error ended it here: what was given to `close(error:)`, `UnsatisfiableReadError`,
        /// `StreamBufferFullError`.
        case error(any Error)

        public var description: String {
            switch self {
            case .closedHere: "closed here"
            case .endedByPeer: "ended by the peer"
            case .failed(let error): "\(error)"
            case .error(let error): "\(error)"
            }
        }
    }

    /// The loop that the stream belongs to.
    public let loop: IOLoop
    let reactor: Reactor

    @exclusivity(unchecked) var input = StreamInput()
    /// Answers the application's reads; made with the first of them.
    @exclusivity(unchecked) var reader: StreamReader?
    @exclusivity(unchecked) var outputWaiters = OutputWaiters()

    /// Over this many bytes of output, `write` waits and `isOverHighWatermark` says so. Default 64 KiB.
    @exclusivity(unchecked) package var highWatermark = 65_536
    /// At this many bytes or fewer it goes on. Default 16 KiB.
    @exclusivity(unchecked) package var lowWatermark = 16_384
    /// The most bytes of output that may be queued: a `write` that would make it more throws `StreamBufferFullError`
    /// and queues nothing. Default: no limit.
    ///
    /// Tornado: `max_write_buffer_size`.
    public var maxWriteBufferSize = Int.max

    /// Whether the peer has sent its last byte. What it sent before can still be read.
    @exclusivity(unchecked) public internal(set) var isPeerEnded = false
    /// Whether `shutDownWriting` has ended the output.
    @exclusivity(unchecked) public internal(set) var isOutputEnded = false
    /// Why the stream is closed; nil while it is open. Tornado: `BaseIOStream.error`.
    @exclusivity(unchecked) public internal(set) var closeReason: CloseReason?
    /// Tornado: `BaseIOStream.closed`.
    public var isClosed: Bool { closeReason != nil }

    init(_ loop: IOLoop) {
        self.loop = loop
        reactor = loop.reactor
    }

    deinit { input.removeAll(reactor) }

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

    /// Closes at once; what was not sent is dropped. Once closed, ignored.
    package func close(_ reason: CloseReason) {}

    /// Makes the reader the one that takes the stream's bytes.
    func attach(_ reader: StreamReader) {}

    /// Lets `closeAfterOutput` wait only while the peer takes something at least every `patience` nanoseconds.
    func limitOutput(patience: UInt64) {}

    // MARK: Waiting for output to leave

    /// Whether more is queued than the peer seems to take.
    package var isOverHighWatermark: Bool { outputCount > highWatermark }

    /// Waits until the output is at the low watermark.
    ///
    /// - Throws: the `CloseReason` where the stream closes first; `CancellationError` where the task is cancelled,
    /// which
    ///   leaves the output as it is.
    package func drained() async throws {
        if let closeReason { throw closeReason }
        guard isOverHighWatermark else { return }
        let waiter = LoopWaiter<Void>(loop)
        try await waiter.value { outputWaiters.waitUntilLow(waiter) }
    }

    /// Resumes who waits for output, `count` bytes of which were just taken.
    @inline(__always)
    func outputTaken(_ count: Int) {
        guard !outputWaiters.isEmpty else { return }
        outputWaiters.taken(count, isLow: outputCount <= lowWatermark)
    }

    /// The part of closing that is the same for all: tells everyone who waits.
    func failWaiters(_ reason: CloseReason) {
        outputWaiters.fail(reason)
        reader?.closing(reason)
    }

    /// Whether what was received stays readable once the stream is closed for `reason`: the peer's last words do.
    func keepsInput(_ reason: CloseReason) -> Bool {
        guard reader != nil, !input.isEmpty else { return false }
        return switch reason {
        case .closedHere, .error: false
        case .endedByPeer, .failed: true
        }
    }
}
