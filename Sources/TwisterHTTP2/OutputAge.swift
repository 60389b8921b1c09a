/// How long the output of a stream has waited while the connection sent that of others.
///
/// nghttp2 sends what is most urgent, and nothing else as long as there is some of it. A response or a WebSocket of less urgency
/// would wait for ever beside one that never waits for its client. So a stream that was passed over for a second is raised above
/// all others, until a piece of its output is sent.
struct OutputAge {
    private enum State {
        case nothingWaits
        /// Output waits since that time. The stream and the connection had sent so many bytes then.
        case waiting(since: UInt64, sent: Int, connectionSent: Int)
        /// The stream goes before all others until it has sent so many bytes.
        case raised(until: Int)
    }

    private var state = State.nothingWaits

    /// So long a stream may be passed over, in nanoseconds.
    private static let limit: UInt64 = 1_000_000_000
    /// The time between two looks at the streams of a connection of which some wait.
    static let lookInterval = limit / 2
    /// So many bytes are sent of a stream that was raised.
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
            // Where the client takes nothing at all, none of the streams is passed over.
            return now &- since >= Self.limit && connectionSent != before
        case .nothingWaits, .waiting: state = .waiting(since: now, sent: sent, connectionSent: connectionSent)
        }
        return false
    }

    /// The stream is raised, which has sent so many bytes.
    mutating func raise(_ sent: Int) { state = .raised(until: sent &+ Self.piece) }

    /// Whether a raised stream has sent its piece, or all that it had.
    func isServed(_ sent: Int, isEmpty: Bool) -> Bool {
        guard case .raised(let end) = state else { return false }
        return isEmpty || sent >= end
    }

    mutating func lower() { state = .nothingWaits }
}
