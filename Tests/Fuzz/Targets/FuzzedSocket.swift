import Synchronization
import TwisterWeb
import TwisterWebSocket

/// How many WebSockets have begun and ended.
final class FuzzedSocketCounts: Sendable {
    struct Counts: Sendable {
        var opened = 0
        var closed = 0
    }

    private let counts = Mutex(Counts())

    var snapshot: Counts { counts.withLock { $0 } }
    func noteOpened() { counts.withLock { $0.opened += 1 } }
    func noteClosed() { counts.withLock { $0.closed += 1 } }
}

/// Sends each message back, in one of the ways that handlers have.
final class FuzzedSocket: WebSocketHandler {
    enum Kind: CaseIterable {
        /// As it came, compressed by itself where the client can do that.
        case plain
        /// Compressed with what was sent before.
        case takeover
        /// Piece by piece.
        case streamed
        /// To all subscribers of a topic, of which the handler is the only one.
        case published
        /// By a loop over the messages.
        case conversation
    }

    /// The field of the response that says which kind it is.
    static let kindField = "X-Kind"

    private let kind: Kind
    private let counts: FuzzedSocketCounts

    init(_ context: HandlerContext, _ kind: Kind, _ counts: FuzzedSocketCounts) {
        self.kind = kind
        self.counts = counts
        super.init(context)
    }

    required init(_ context: HandlerContext) {
        kind = .plain
        counts = FuzzedSocketCounts()
        super.init(context)
    }

    override func prepare() async throws { try setHeader(Self.kindField, "\(kind)") }

    override func getCompressionOptions() -> WebSocketCompression? {
        WebSocketCompression(contextTakeover: kind == .takeover, minimumSize: kind == .published ? 16 : 0)
    }

    override func selectSubprotocol(_ subprotocols: [String]) -> String? { subprotocols.first }

    override var streamsMessages: Bool { kind == .streamed }

    override func open() async throws {
        counts.noteOpened()
        switch kind {
        case .plain, .takeover, .streamed: break
        case .published: subscribe("topic")
        case .conversation: for try await message in messages { try await writeMessage(message) }
        }
    }

    override func onMessage(_ message: WebSocketMessage) async throws {
        if kind == .published { publish(message, to: "topic") } else { try await writeMessage(message) }
    }

    override func onMessageStream(_ message: WebSocketMessageStream) async throws {
        let copy = try await beginMessage(isText: message.isText)
        for try await piece in message { try await copy.write(piece) }
        try await copy.finish()
    }

    override func onClose() async { counts.noteClosed() }
}
