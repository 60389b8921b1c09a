import TwisterIO

/// A request's body as it arrives: an async sequence of byte arrays, read once, by one reader.
///
/// A reader that lags behind holds up its client, not the memory: over `bodyBufferSize` bytes the socket is left unread.
/// Iterating throws `HTTPBodyError` where the body ends early, and `CancellationError` where the task is cancelled.
public final class HTTPBodyStream: AsyncSequence, AsyncIteratorProtocol {
    /// Some bytes of the body, as many as came together.
    public typealias Element = [UInt8]

    private weak var exchange: HTTP1Connection?
    private var chunks = FIFO<[UInt8]>()
    /// What came last; small pieces are gathered here.
    private var last: [UInt8] = []
    /// Bytes that wait for the reader.
    private(set) var buffered = 0
    private let highWatermark: Int
    private(set) var isPaused = false
    private var end: Result<Void, any Error>?
    private var reader: UnsafeContinuation<[UInt8]?, any Error>?

    /// The body of a request that has none, or whose body is collected.
    nonisolated(unsafe) static let empty: HTTPBodyStream = {
        let stream = HTTPBodyStream(nil, highWatermark: 0)
        stream.end = .success(())
        return stream
    }()

    init(_ exchange: HTTP1Connection?, highWatermark: Int) {
        self.exchange = exchange
        self.highWatermark = highWatermark
    }

    public func makeAsyncIterator() -> HTTPBodyStream { self }

    /// The next bytes, as many as there are; nil at the end of the body.
    public func next() async throws -> [UInt8]? {
        if let chunk = takeChunk() { return chunk }
        if let end {
            try end.get()
            return nil
        }
        exchange?.sendContinueIfAwaited()
        let canceller = BodyCanceller(self, exchange?.stream?.loop)
        return try await withTaskCancellationHandler {
            try Task.checkCancellation()
            return try await withUnsafeThrowingContinuation { reader = $0 }
        } onCancel: {
            canceller.cancel()
        }
    }

    private func takeChunk() -> [UInt8]? {
        guard buffered > 0 else { return nil }
        let chunk = chunks.popFirst() ?? takeLast()
        buffered -= chunk.count
        if isPaused, buffered <= highWatermark / 2 {
            isPaused = false
            exchange?.resumeBody()
        }
        return chunk
    }

    private func takeLast() -> [UInt8] {
        defer { last = [] }
        return last
    }

    // MARK: The connection's side

    /// Pieces up to this size are gathered into one: a byte that lies alone takes more than sixty.
    private static let gatheredSize = 16_384

    func receive(_ bytes: UnsafeRawBufferPointer) {
        if let reader = reader.take() { return reader.resume(returning: [UInt8](bytes)) }
        if last.isEmpty || last.count + bytes.count > Self.gatheredSize {
            if !last.isEmpty { chunks.append(last) }
            last = [UInt8](bytes)
        } else {
            last.append(contentsOf: bytes)
        }
        buffered += bytes.count
        if buffered > highWatermark, !isPaused {
            isPaused = true
            exchange?.pauseBody()
        }
    }

    func finish(_ result: Result<Void, any Error>) {
        guard end == nil else { return }
        end = result
        reader.take()?.resume(with: result.map { nil })
    }

    fileprivate func cancelReader() { reader.take()?.resume(throwing: CancellationError()) }
}

/// Why a body ended before its end.
public enum HTTPBodyError: Error, Sendable {
    /// The client closed, or the connection broke.
    case clientWent
    /// The body was refused: too long, too slow, or badly framed; the status that the client was told.
    case refused(status: Int)
}

/// Carries a cancellation, which may come from any thread, to the loop's.
private final class BodyCanceller: @unchecked Sendable {
    private weak var body: HTTPBodyStream?
    private let loop: IOLoop?

    init(_ body: HTTPBodyStream, _ loop: IOLoop?) {
        self.body = body
        self.loop = loop
    }

    func cancel() {
        guard let loop else { return }
        if loop.isCurrentThread {
            body?.cancelReader()
        } else {
            loop.addCallback { self.body?.cancelReader() }
        }
    }
}
