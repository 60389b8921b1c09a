import HTTPTypes
import TwisterIO

/// A connection's share in the budget of all.
extension HTTP1ServerConnection {
    /// Unread bytes below this are not counted.
    static let uncountedSize = 16_384

    /// Tells the budget what the connection holds now; `unread`: bytes that wait in the stream. Where that is too much
    /// for the budget, the connection is left unread until there is room, or it is given up.
    func recharge(unread: Int = 0) {
        var held = exchange.requestBody.count + exchange.bodyStream.buffered
        if unread > Self.uncountedSize { held += unread }
        if stream.isOverHighWatermark { held += stream.outputMemory }
        let change = held - charged
        guard change != 0 else { return }
        charged = held
        server.budget.change(by: change)
        if change > 0, !isParked, server.budget.isExceeded { server.park(self) }
    }

    /// The connection is gone.
    func releaseCharge() {
        isParked = false
        guard charged != 0 else { return }
        server.budget.change(by: -charged)
        charged = 0
    }

    /// Reads no more for now. That the body stands still is not the client's fault.
    func pauseForBudget() {
        isParked = true
        clocks.pauseBody()
        leaveUnread()
    }

    /// There is room again.
    func resumeAfterBudget() {
        isParked = false
        guard !stream.isClosed else { return }
        switch reading {
        case .fixedBody, .chunkedBody: if !exchange.bodyStream.isPaused { resumeBody() }
        case .proxyHeader, .head, .nothing: stream.startReceiving()
        case .later: break
        }
    }

    /// Gives the connection up for the others' sake: 503, where nothing of an answer is sent.
    func shed() {
        let isAnswering = exchange.isHeadSent
        if case .executing = progress {} else { exchange.dropRequestBody() }
        if isAnswering { stream.close() } else { refuse(503, "the server is short of memory", [.retryAfter: "1"]) }
        releaseCharge()
    }
}
