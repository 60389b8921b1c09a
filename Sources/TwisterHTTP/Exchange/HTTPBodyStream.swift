import TwisterIO

/// Where the bytes of a request's body come from, whatever the version of HTTP.
package protocol BodySource: AnyObject {
    /// The reader lags behind: no more bytes for now.
    func pauseBody()
    /// The reader takes bytes again.
    func resumeBody()
    /// A reader waits for the body: a client that waits for permission (100-continue) is told to send it.
    func bodyAwaited()
}

/// A request's body as it arrives: an async sequence of byte arrays, read once, by one reader at a time.
///
/// A reader that lags behind slows its client down instead of filling memory: over `bodyBufferSize` bytes the socket is left
/// unread. Iterating throws `HTTPBodyError` where the body ends early, `CancellationError` where the task is cancelled, and
/// `AlreadyReadingError` while another task waits for the next bytes.
///
/// The stream belongs to the loop that serves the request: reading it off that loop's thread ends the program with a message.
public final class HTTPBodyStream: AsyncSequence, AsyncIteratorProtocol {
    /// Some bytes of the body, as many as came together.
    public typealias Element = [UInt8]

    /// Nil once all of the body has come, or once no more of it can come: `finish` is called at the end of each exchange.
    private var source: (any BodySource)?
    private let loop: IOLoop
    private let highWatermark: Int
    private var chunks = FIFO<[UInt8]>()
    /// The bytes that came last; small pieces are gathered here.
    private var last: [UInt8] = []
    /// Bytes that wait for the reader.
    private(set) var buffered = 0
    private(set) var isPaused = false
    private var end: Result<Void, any Error>?
    private var reader: UnsafeContinuation<[UInt8]?, any Error>?
    /// The number of the reader that waited last. A late cancellation names the reader that it is meant for.
    private var readerNumber = 0

    init(_ loop: IOLoop, source: (any BodySource)?, highWatermark: Int) {
        self.loop = loop
        self.source = source
        self.highWatermark = highWatermark
    }

    /// A body that is there already, in one piece; no piece for an empty one.
    convenience init(_ bytes: [UInt8], on loop: IOLoop) {
        self.init(loop, source: nil, highWatermark: 0)
        last = bytes
        buffered = bytes.count
        end = .success(())
    }

    public func makeAsyncIterator() -> HTTPBodyStream { self }

    /// The next bytes, as many as there are; nil at the end of the body.
    public func next() async throws -> [UInt8]? {
        loop.preconditionOnLoop("HTTPBodyStream.next")
        guard reader == nil else { throw AlreadyReadingError() }
        if let chunk = takeChunk() { return chunk }
        if let end {
            try end.get()
            return nil
        }
        source?.bodyAwaited()
        readerNumber += 1
        let canceller = BodyCanceller(self, loop, readerNumber)
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
            source?.resumeBody()
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
            source?.pauseBody()
        }
    }

    func finish(_ result: Result<Void, any Error>) {
        guard end == nil else { return }
        end = result
        source = nil
        reader.take()?.resume(with: result.map { nil })
    }

    /// Ends the body with an error, even where all of it has come. Bytes that wait for the reader are dropped.
    func refuse(_ error: HTTPBodyError) {
        chunks = FIFO()
        last = []
        buffered = 0
        isPaused = false
        end = nil
        finish(.failure(error))
    }

    /// Ends the wait of the reader with that number. Another reader may be waiting by now, which goes on waiting.
    fileprivate func cancelReader(_ number: Int) {
        if number == readerNumber { reader.take()?.resume(throwing: CancellationError()) }
    }
}

/// Why a body ended before its end.
public enum HTTPBodyError: Error, Sendable {
    /// The client disconnected, the connection broke, or the handler has returned: a task that the handler left behind gets no
    /// more of the body.
    case clientDisconnected
    /// The server refused the body as too long, too slow or badly framed. `status` is what the client is told.
    case refused(status: Int)
}

/// Carries a cancellation, which may come from any thread, to the loop's.
private final class BodyCanceller: @unchecked Sendable {
    private weak var body: HTTPBodyStream?
    private let loop: IOLoop
    private let number: Int

    init(_ body: HTTPBodyStream, _ loop: IOLoop, _ number: Int) {
        self.body = body
        self.loop = loop
        self.number = number
    }

    func cancel() {
        if loop.isCurrentThread {
            body?.cancelReader(number)
        } else {
            loop.addCallback { self.body?.cancelReader(self.number) }
        }
    }
}
