/// How long the output of a stream has waited while the connection sent output of other streams.
///
/// nghttp2 sends the most urgent output, and nothing else as long as there is some of it. A less urgent response or WebSocket
/// would wait for ever beside a stream that always has output. Therefore a stream that was passed over for a second is raised
/// above all others until a piece of its output is sent.
struct OutputAge {
    private enum State {
        case nothingWaits
        /// Output waits since that time, at which the stream and the connection had sent this many bytes.
        case waiting(since: UInt64, sent: Int, connectionSent: Int)
        /// The stream goes before all others until it has sent this many bytes.
        case raised(until: Int)
    }

    private var state = State.nothingWaits

    /// How long a stream may be passed over, in nanoseconds.
    private static let limit: UInt64 = 1_000_000_000
    /// The time between two checks of a connection's streams while output of some waits, in nanoseconds.
    static let lookInterval = limit / 2
    /// How many bytes a raised stream sends before it is lowered again.
    private static let piece = 65_536

    var isRaised: Bool {
        if case .raised = state { return true }
        return false
    }

    /// Notes the stream's progress. Returns whether it was passed over for too long.
    ///
    /// - Parameters:
    ///   - waits: whether output waits, and not because the client has closed the stream's window.
    ///   - sent: bytes that the stream has sent.
    ///   - connectionSent: bytes that all streams of the connection have sent.
    mutating func isPassedOver(waits: Bool, _ sent: Int, _ connectionSent: Int, at now: UInt64) -> Bool {
        switch state {
        case _ where !waits: state = .nothingWaits
        case .raised: break
        case .waiting(let since, sent, let before):
            // Where the client takes nothing at all, no stream is passed over.
            return now &- since >= Self.limit && connectionSent != before
        case .nothingWaits, .waiting: state = .waiting(since: now, sent: sent, connectionSent: connectionSent)
        }
        return false
    }

    /// Raises the stream, which has sent `sent` bytes so far.
    mutating func raise(_ sent: Int) { state = .raised(until: sent &+ Self.piece) }

    /// Whether a raised stream has sent its piece, or all that it had.
    func isServed(_ sent: Int, isEmpty: Bool) -> Bool {
        guard case .raised(let end) = state else { return false }
        return isEmpty || sent >= end
    }

    mutating func lower() { state = .nothingWaits }
}
