import TwisterHTTP
import TwisterIO

/// The flow of one stream's response: the tasks that wait for room, and how fast the client opens the stream's window.
struct OutputFlow {
    private var waiters: [LoopWaiter<Void>] = []
    /// Whether nghttp2 was told that there is nothing to send for now.
    var isDeferred = false
    /// Bytes that were sent.
    private(set) var sent = 0
    var age = OutputAge()
    /// Since when some bytes wait without a break, or since the last check that found the client fast enough; nil: no bytes
    /// wait.
    private var stretchBegan: UInt64?
    private var sentBefore = 0
    private var connectionSentBefore = 0

    /// The window that holds a stream's response back.
    enum Obstacle {
        /// The stream's own window is exhausted.
        case streamWindow
        /// The connection's window is exhausted, which all streams share.
        case connectionWindow
    }

    // MARK: Tasks

    mutating func wait(_ waiter: LoopWaiter<Void>) { waiters.append(waiter) }

    /// Resumes the tasks that wait for room.
    mutating func resume() {
        guard !waiters.isEmpty else { return }
        let all = waiters
        waiters = []
        for waiter in all { waiter.resume(with: .success(())) }
    }

    /// Fails the tasks that wait for room: there will be none.
    mutating func fail() {
        let all = waiters
        waiters = []
        for waiter in all { waiter.resume(with: .failure(StreamClosedError(realError: .endedByPeer))) }
    }

    // MARK: Time

    mutating func taken(_ count: Int) { sent &+= count }

    /// Leaves out the time from now on, in which the client is not to blame, until the next check.
    mutating func pause() { stretchBegan = nil }

    /// Whether the client was too slow while some bytes waited: it took nothing for the stall time, or less than the least
    /// rate. Where the connection's window is exhausted, other streams may have used it up, so that everything counts that the
    /// client has taken of all streams.
    ///
    /// - Parameter connectionSent: bytes of bodies that all streams of the connection have sent.
    mutating func isTooSlow(
        _ waiting: Int, _ obstacle: Obstacle, _ connectionSent: Int, _ deadlines: Deadlines, at now: UInt64
    ) -> Bool {
        guard waiting > 0 else {
            stretchBegan = nil
            return false
        }
        guard let began = stretchBegan else {
            begin(at: now, connectionSent)
            return false
        }
        let elapsed = now &- began
        guard elapsed >= deadlines.writeStall else { return false }
        let (product, isOver) = elapsed.multipliedReportingOverflow(by: UInt64(max(deadlines.writeRate, 0)))
        let due = isOver ? UInt64.max : product / 1_000_000_000
        let taken = taken(obstacle, connectionSent)
        begin(at: now, connectionSent)
        return taken == 0 || taken < due
    }

    /// For how long the client has taken none of the bytes that wait, as far as that is known. The parameters are those of
    /// `isTooSlow`.
    func stillFor(_ obstacle: Obstacle, _ connectionSent: Int, at now: UInt64) -> UInt64 {
        guard let began = stretchBegan, now > began, taken(obstacle, connectionSent) == 0 else { return 0 }
        return now &- began
    }

    /// How many bytes the client has taken since the stretch began.
    private func taken(_ obstacle: Obstacle, _ connectionSent: Int) -> UInt64 {
        switch obstacle {
        case .streamWindow: UInt64(clamping: sent &- sentBefore)
        case .connectionWindow: UInt64(clamping: connectionSent &- connectionSentBefore)
        }
    }

    private mutating func begin(at now: UInt64, _ connectionSent: Int) {
        stretchBegan = now
        sentBefore = sent
        connectionSentBefore = connectionSent
    }
}
