import TwisterIO

/// Where the pieces of a message come from.
protocol MessagePieceSource: AnyObject {
    /// Reads what has come meanwhile.
    func readOn()
    /// The error that says how the connection has ended.
    var closedError: WebSocketClosedError { get }
}

/// The pieces of one message, as they come. A piece has at most a few hundred KiB, and may end anywhere, even within a
/// character.
///
/// The stream belongs to the loop of its connection. The sequence ends with the message. Its iterator throws
/// `WebSocketClosedError` where the connection ends before the message does, and `CancellationError`.
public final class WebSocketMessageStream: AsyncSequence {
    /// Whether the message is a text, in UTF-8, which has been checked.
    public let isText: Bool
    /// Nil once the message is complete: the connection has the stream only while it is incomplete.
    private weak var connection: (any MessagePieceSource)?
    private let loop: IOLoop
    private var piece: [UInt8] = []
    private var state = State.incomplete
    private var waiter: LoopWaiter<Void>?

    private enum State {
        case incomplete
        case complete
        case broken
    }

    init(isText: Bool, _ connection: any MessagePieceSource, _ loop: IOLoop) {
        self.isText = isText
        self.connection = connection
        self.loop = loop
    }

    /// Whether a piece was not taken yet.
    var isFull: Bool { !piece.isEmpty }

    /// The next piece has come.
    func put(_ bytes: [UInt8], isLast: Bool) {
        if piece.isEmpty { piece = bytes } else { piece += bytes }
        if isLast { state = .complete }
        if isFull || isLast { waiter.take()?.resume(with: .success(())) }
    }

    /// The connection has ended within the message.
    func breakOff() {
        guard state == .incomplete else { return }
        state = .broken
        waiter.take()?.resume(with: .success(()))
    }

    /// The next piece; nil at the end.
    public func next() async throws -> [UInt8]? {
        loop.preconditionOnLoop()
        while true {
            if isFull {
                let taken = piece
                piece = []
                connection?.readOn()
                return taken
            }
            switch state {
            case .complete: return nil
            case .broken: throw connection?.closedError ?? WebSocketClosedError()
            case .incomplete: break
            }
            guard waiter == nil else { throw WebSocketError(description: "another task reads this message already") }
            let made = LoopWaiter<Void>(loop) { [weak self] in self?.waiter = nil }
            try await made.value { waiter = made }
        }
    }

    /// Waits for the pieces, one after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let stream: WebSocketMessageStream

        public mutating func next() async throws -> [UInt8]? { try await stream.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: self) }
}
