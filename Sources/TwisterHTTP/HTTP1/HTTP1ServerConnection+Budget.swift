import HTTPTypes
import TwisterIO

/// A connection's share in the budget of all.
extension HTTP1ServerConnection {
    /// Unread bytes below this are not counted.
    static let uncountedSize = 16_384

    var chargedBytes: Int { rare?.charged ?? 0 }
    var isParked: Bool { rare?.isParked ?? false }

    /// Tells the budget what the connection holds now. Where that is too much for the budget, the connection is left unread
    /// until there is room, or it is given up.
    func recharge() {
        var held = exchange?.exchange.requestBody.held ?? 0
        let unread = stream.unconsumed.count
        if unread > Self.uncountedSize { held += unread }
        if stream.isOverHighWatermark { held += stream.outputMemory }
        let before = chargedBytes
        guard held != before else { return }
        madeRare().charged = held
        context.charge(held - before, to: self)
    }

    func holding(at now: UInt64) -> BudgetHolding {
        if let output = BudgetHolding(bytes: chargedBytes, outputOf: stream, context.deadlines, at: now) {
            return output
        }
        guard phase == .exchange, let exchange, !exchange.isRequestRead, let clocks = exchange.clocks else {
            return BudgetHolding(bytes: chargedBytes)
        }
        return exchange.exchange.holding(chargedBytes, of: clocks, context.deadlines, at: now)
    }

    /// Gives the connection's share back when it closes.
    func releaseCharge() {
        guard let rare else { return }
        rare.isParked = false
        guard rare.charged != 0 else { return }
        context.budget.change(by: -rare.charged)
        rare.charged = 0
    }

    /// Leaves the client unread. Its body's clock stands still meanwhile, since the client is not to blame.
    func park() {
        madeRare().isParked = true
        exchange?.pauseClocks()
        leaveUnread()
    }

    func unpark() {
        rare?.isParked = false
        guard !stream.isClosed else { return }
        switch phase {
        case .idle, .proxyHeader, .dropping: stream.startReceiving()
        case .exchange: exchange?.resumeAfterParking()
        case .blocked, .handingOver, .ending: break
        }
    }

    /// Responds with 503 where nothing of a response is sent, and closes the connection otherwise.
    func shed() {
        if phase == .blocked || exchange?.exchange.isHeadSent == true {
            close()
        } else {
            exchange?.dropCollectedBody()
            refuse(503, "the server is short of memory", [.retryAfter: "1"])
        }
        releaseCharge()
    }
}
