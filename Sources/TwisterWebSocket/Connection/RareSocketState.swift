import TwisterIO

/// State that few connections have at a moment, apart so that idle connections stay small.
final class RareSocketState {
    /// Events behind the first one.
    var laterEvents: [SocketEvent] = []
    /// The task that waits for the next message.
    var reader: LoopWaiter<WebSocketMessage?>?
    /// The peer's close frame.
    var peerClose: CloseFrame?
    /// When the peer has to have closed, in nanoseconds of the loop's clock.
    var closeDeadline: UInt64?
    /// The time that the owner gets for its messages when a frame that ends the connection has come.
    var endGrace = EndGrace.notBegun
    var keepAlive: KeepAlive?
    /// The payload of the last ping, whose pong waits until the peer takes the bytes sent before.
    var laterPong: [UInt8]?
    /// Bytes that the server's budget was told of.
    var charged = 0
    var isParked = false
    /// Whether the owner is about to be looked at, whose peer has ended its side.
    var isClosingLater = false
    /// Since when a frame is incomplete and no byte of it came, in nanoseconds of the loop's clock.
    var frameSince: UInt64?
    var subscriptions: Subscriptions?
    /// The tasks that wait until the message that is being sent in pieces is complete; nil: none is being sent so.
    var afterPieces: [LoopWaiter<Void>]?
    /// Called when the connection is closed.
    var whenClosed: (() -> Void)?

    enum EndGrace {
        case notBegun
        /// In nanoseconds of the loop's clock.
        case until(UInt64)
        case over
    }

    /// Whether a message is being sent in pieces: no other one may come between them.
    var isSendingPieces: Bool { afterPieces != nil }
}

/// Pings a peer again and again, to learn whether it is there.
struct KeepAlive {
    /// In nanoseconds.
    let interval: UInt64
    /// How long the peer may take for its pong.
    let timeout: UInt64
    /// When the next ping is to be sent.
    var nextPing: UInt64
    /// When the pong has to be there; nil: none is due.
    var pongDue: UInt64?

    init(interval: Duration, timeout: Duration, now: UInt64) {
        self.interval = UInt64(clamping: max(interval.nanosecondsClamped, 1_000_000))
        self.timeout = UInt64(clamping: max(timeout.nanosecondsClamped, 1_000_000))
        nextPing = now &+ self.interval
    }

    /// When something is to be done next.
    var next: UInt64 { min(nextPing, pongDue ?? .max) }
}
