import TwisterIO

/// State that few connections have at a moment, apart so that idle connections stay small.
final class RareSocketState {
    /// Events that come after the first one, which is in `WebSocketConnection.event`.
    var laterEvents: [SocketEvent] = []
    /// The task that waits for the next message.
    var reader: LoopWaiter<WebSocketMessage?>?
    /// The peer's close frame.
    var peerClose: CloseFrame?
    /// When the peer must have closed, in nanoseconds of the loop's clock.
    var closeDeadline: UInt64?
    /// How long the owner still gets for its messages once a frame has come that ends the connection.
    var endGrace = EndGrace.notBegun
    var keepAlive: KeepAlive?
    /// The payload of the last ping, whose pong waits until the peer takes the bytes sent before.
    var laterPong: [UInt8]?
    /// Bytes that the server's budget was told of.
    var charged = 0
    var isParked = false
    /// Whether the owner is about to be checked in the next turn, because the peer has ended its side.
    var isClosingLater = false
    /// Since when the peer owes the rest of a message, in nanoseconds of the loop's clock. Bytes of it move this time on,
    /// each by as much as it may take at the least rate.
    var frameSince: UInt64?
    var subscriptions: Subscriptions?
    /// The tasks that wait until a message is sent that takes its time: it is long and is being compressed, or it is sent in
    /// pieces. Nil: no such message is being sent.
    var afterMessage: [LoopWaiter<Void>]?
    /// Whether a long message is being compressed, in several turns of the loop.
    var isCompressing = false
    /// Called when the connection is closed.
    var whenClosed: (() -> Void)?

    enum EndGrace {
        case notBegun
        /// In nanoseconds of the loop's clock.
        case until(UInt64)
        case over
    }

    /// Whether a message is being sent that others have to wait for.
    var isSendingMessage: Bool { afterMessage != nil }
}

/// Pings a peer at intervals to find out whether it is still there.
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
