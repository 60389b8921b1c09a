import TwisterHTTP
import TwisterIO

/// The connection as its server sees it.
extension WebSocketConnection: ServerConnection {
    /// Takes the connection's place in its server, and becomes the consumer of its stream.
    func takeOver(_ connection: HandedConnection) {
        connection.host.replace(connection.predecessor, by: self)
        stream.consumer = self
        stream.setDeadline(nil)
        // The connection counts as the client's until it is closed.
        guard connection.isClientCounted else { return }
        madeRare().whenClosed = { connection.host.releaseClient(connection.client) }
    }

    /// Tells the peer that the server goes away.
    func drain() {
        owner?.shutdownBegan()
        close(CloseFrame(code: .goingAway))
    }

    /// Does nothing, because `drain` has begun to close the connection.
    func closeIfIdle() {}

    var requestsUnderWay: [ShutdownResult.Cut] { [] }

    func cancel() { cancelOwner() }

    func close() { stream.close() }

    // MARK: The server's budget of bytes

    /// Bytes up to this number are not counted in the budget.
    static let uncountedSize = 16_384

    var chargedBytes: Int { rare?.charged ?? 0 }
    var isParked: Bool { rare?.isParked ?? false }

    func holding(at now: UInt64) -> BudgetHolding {
        if let server,
            let output = BudgetHolding(bytes: chargedBytes, outputOf: stream, server.deadlines, at: now)
        {
            return output
        }
        guard let incoming, incoming.awaitsPeer else { return BudgetHolding(bytes: chargedBytes) }
        let owedSince = isParked ? nil : rare?.frameSince
        return BudgetHolding(
            bytes: chargedBytes, received: incoming.received, in: incoming.lastPayload &- incoming.began,
            late: owedSince.map { now &- min($0, now) } ?? 0)
    }

    func recharge() {
        guard let server else { return }
        var held = (incoming?.bytes.count ?? 0) + stream.unconsumedCount
        if held < Self.uncountedSize { held = 0 }
        if stream.isOverHighWatermark { held += stream.outputMemory }
        let change = held - chargedBytes
        guard change != 0 else { return }
        madeRare().charged = held
        server.charge(change, to: self)
    }

    func releaseCharge() {
        guard let rare else { return }
        rare.isParked = false
        guard rare.charged != 0 else { return }
        server?.charge(-rare.charged, to: self)
        rare.charged = 0
    }

    func park() {
        madeRare().isParked = true
        stream.stopReceiving()
    }

    func unpark() {
        rare?.isParked = false
        guard !stream.isClosed else { return }
        // The peer is not to blame for the time in which nothing was read.
        if rare?.frameSince != nil { startFrameClock() }
        readOn()
    }

    func shed() {
        fail(.tryAgainLater, "the server is short of memory")
        // A peer that does not take its output would not get the close frame either.
        if stream.isOverHighWatermark { return stream.close() }
        // Unread input is dropped now.
        stream.resumeInput()
        releaseCharge()
    }
}
