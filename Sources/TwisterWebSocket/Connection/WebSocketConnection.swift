import TwisterHTTP
import TwisterIO

/// One WebSocket on its stream (RFC 6455): reads frames and puts messages together, sends messages, and closes in an orderly way.
///
/// The owner is told of events one after the other. While it deals with a message, the next one stays unread, so that the flow
/// control of TCP or HTTP/2 slows the peer down. Control frames that follow the message are dealt with meanwhile.
///
/// The owner's functions run as jobs of the loop, so that no task exists while nothing comes.
///
/// Tornado: `websocket.WebSocketProtocol13`.
final class WebSocketConnection {
    let stream: IOStream
    // An idle connection holds all of this, so it is small.
    /// Handles the events. Released once the connection is closed and the owner has been told.
    private(set) var owner: (any SocketOwner)?
    /// The server that has accepted the connection; nil: this is the client's side.
    let server: (any ConnectionHost)?
    let compression: MessageCompression?
    /// The most bytes of a message that is collected, before and after it is decompressed.
    private let maxMessageSize: Int
    /// The first event that the owner has not begun to deal with.
    private var event: SocketEvent?
    /// Whether messages are given to the owner piece by piece.
    private let streamsMessages: Bool
    var incoming: IncomingMessage?
    var rare: RareSocketState?
    private var run = Run.waiting
    var phase = Phase.open
    var tableIndex: UInt32 = 0
    let number: UInt32

    /// How far the connection is on its way to its end.
    enum Phase: UInt8 {
        case open
        /// This side has sent its close frame and waits for the peer's.
        case closeSent
        /// Nothing is read any more; what is queued goes out, then the stream closes.
        case ending
        case closed
    }

    /// How far the owner's handling of events is.
    private enum Run {
        /// The owner does not run.
        case waiting
        /// The owner is in the loop's queue.
        case scheduled
        /// The owner runs on that worker of the loop.
        case executing(worker: Int)
        /// The owner has returned, and what comes next is being read.
        case advancing
    }

    init(
        _ stream: IOStream, _ owner: any SocketOwner, server: (any ConnectionHost)?, number: UInt32,
        compression: MessageCompression?, maxMessageSize: Int, streamsMessages: Bool = false
    ) {
        self.stream = stream
        self.owner = owner
        self.server = server
        self.number = number
        self.compression = compression
        self.streamsMessages = streamsMessages
        self.maxMessageSize = max(maxMessageSize, 0)
    }

    var isServer: Bool { server != nil }

    func madeRare() -> RareSocketState {
        if let rare { return rare }
        let made = RareSocketState()
        rare = made
        return made
    }

    /// Tells the owner that the connection is open, and reads on when the owner has dealt with that.
    func start(keepAlive: KeepAlive?) {
        if let keepAlive {
            madeRare().keepAlive = keepAlive
            stream.setDeadline(noLaterThan: keepAlive.next)
        }
        push(.opened)
        stream.startReceiving()
    }

    // MARK: Events

    /// Whether the owner can be given another message.
    var takesMessage: Bool {
        if rare?.reader != nil { return true }
        guard event == nil else { return false }
        switch run {
        case .waiting, .advancing: return true
        case .scheduled, .executing: return false
        }
    }

    /// How many pings and pongs may wait for the owner.
    private static let mostLaterEvents = 16

    /// Tells the owner of a ping or pong, unless many wait already: an owner may be busy for as long as the connection lasts.
    func tellControl(_ event: SocketEvent) {
        if rare?.laterEvents.count ?? 0 < Self.mostLaterEvents { push(event) }
    }

    /// Gives a message to the task that waits for one, otherwise to the owner.
    func deliver(_ message: WebSocketMessage) {
        if let reader = rare?.reader.take() { return reader.resume(with: .success(message)) }
        push(.message(message))
    }

    /// Whether the next message is given out in pieces.
    var givesPieces: Bool { streamsMessages && rare?.reader == nil }

    /// The most bytes of the message under way, or of the next one. A message that is given out in pieces, or dropped, may have
    /// any size.
    var sizeLimit: Int {
        let isCollected = incoming.map { $0.stream == nil && !$0.isDropped } ?? !givesPieces
        return isCollected ? maxMessageSize : .max
    }

    /// Notes that a message has begun. An owner that takes messages in pieces is told at once.
    func began(_ message: IncomingMessage) {
        guard givesPieces, !message.isDropped else { return }
        let pieces = WebSocketMessageStream(isText: message.opcode == .text, self, stream.loop)
        message.stream = pieces
        push(.stream(pieces))
    }

    /// Gives the owner the event, once it has dealt with those before.
    func push(_ next: SocketEvent) {
        if event == nil { event = next } else { madeRare().laterEvents.append(next) }
        guard case .waiting = run else { return }
        run = .scheduled
        stream.loop.schedule(self)
    }

    private func takeEvent() -> SocketEvent? {
        guard let taken = event.take() else { return nil }
        if let rare, !rare.laterEvents.isEmpty { event = rare.laterEvents.removeFirst() }
        return taken
    }

    /// The next message; nil once no more can come.
    ///
    /// - Throws: `CancellationError`, `WebSocketError` where another task waits already.
    func nextMessage() async throws -> WebSocketMessage? {
        stream.loop.preconditionOnLoop()
        guard rare?.reader == nil else {
            throw WebSocketError(description: "another task reads this WebSocket already")
        }
        if case .message(let message)? = event {
            _ = takeEvent()
            return message
        }
        // A side that closes reads nothing more, and waits for the end.
        guard phase == .open || phase == .closeSent else { return nil }
        let waiter = LoopWaiter<WebSocketMessage?>(stream.loop) { [weak self] in self?.rare?.reader = nil }
        return try await waiter.value {
            madeRare().reader = waiter
            readOn()
        }
    }

    /// Resumes a waiting reader with nil, because no more messages come. Returns whether there was one.
    func endReader() -> Bool {
        guard let reader = rare?.reader.take() else { return false }
        reader.resume(with: .success(nil))
        return true
    }

    /// Reads what has come meanwhile, and receives again.
    func readOn() {
        stream.resumeInput()
        // The owner has taken a piece, and the rest of its frame has not come.
        if let incoming, incoming.frame != nil, incoming.stream?.isFull == false, rare?.frameSince == nil {
            startFrameClock()
        }
        guard phase == .open || phase == .closeSent, stream.unconsumedCount <= Self.heldSize else { return }
        if rare?.isParked != true { stream.startReceiving() }
    }

    /// With this many unread bytes, nothing more is received.
    static let heldSize = 65_536

    // MARK: The owner's task

    /// Cancels the task of the owner, where it runs.
    func cancelOwner() {
        if case .executing(let worker) = run { stream.loop.cancelWorker(worker) }
    }

    /// Whether the owner deals with an event at the moment.
    var isOwnerBusy: Bool {
        if case .executing = run { return true }
        return false
    }
}

extension WebSocketConnection: MessagePieceSource {}

extension WebSocketConnection: LoopWork {
    func willRun(on worker: Int) -> (any LoopJob)? {
        guard case .scheduled = run else { return nil }
        run = .executing(worker: worker)
        if stream.hasPeerLeft { closeLater() }
        return self
    }

    /// Whether this is a client, which gets what its server sent before the end.
    var hasUnreadOfServer: Bool { !isServer && stream.unconsumedCount > 0 }

    func didRun() -> Bool {
        run = .advancing
        if let message = incoming, message.stream != nil, event == nil {
            // Nobody wants the rest of a message that was given out in pieces.
            message.stream.take()?.breakOff()
            message.isDropped = true
        }
        if event == nil {
            readOn()
            if rare?.charged ?? 0 > 0 { recharge() }
            // The peer had ended its side behind messages that are read by now.
            if event == nil, stream.isPeerEnded, !stream.isClosed { closeAfterPeer() }
        }
        guard event != nil else {
            run = .waiting
            return false
        }
        run = .scheduled
        return true
    }
}

extension WebSocketConnection: LoopJob {
    func execute() async throws {
        guard let event = takeEvent(), let owner else { return }
        // The connection and its owner hold each other until the last event.
        if case .closed = event { self.owner = nil }
        try await owner.handle(event)
    }

    func executionFailed(_ error: any Error) async {
        // When a stream closes, it fails the tasks that wait for it at once, and tells the connection in a later turn.
        if phase != .open || stream.isClosed, Self.tellsOfEnd(error) { return }
        let frame = owner?.handlingFailed(error) ?? CloseFrame()
        fail(frame.code ?? .internalError, frame.reason)
    }

    /// Whether the error is how the owner learns that the connection has ended.
    private static func tellsOfEnd(_ error: any Error) -> Bool {
        error is CancellationError || error is WebSocketClosedError || error is StreamClosedError
    }
}
