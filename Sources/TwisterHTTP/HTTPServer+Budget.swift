import Logging
import TwisterIO

/// What happens when the budget of bytes is used up: the connections that would hold more are left unread and, where that
/// does not help, the newest of those that hold something is given up, one after the other.
extension HTTPServer {
    private static let checkInterval: Duration = .milliseconds(50)
    /// So many checks in a row over the budget before somebody has to go.
    private static let patience = 4

    func park(_ connection: HTTP1ServerConnection) {
        connection.pauseForBudget()
        guard !isCheckingBudget else { return }
        isCheckingBudget = true
        checksOverBudget = 0
        Log.general.warning("\(budget.held) bytes are held by connections, over the limit: reading pauses")
        checkBudgetLater()
    }

    private func checkBudgetLater() {
        loop.callLater(Self.checkInterval) { [weak self] in self?.checkBudget() }
    }

    private func checkBudget() {
        // What clients have taken since is not known before it is asked for.
        for connection in connections.values where connection.charged > 0 {
            connection.recharge(unread: connection.stream.unconsumed.count)
        }
        if budget.isExceeded {
            checksOverBudget += 1
            if checksOverBudget >= Self.patience { newestHolder()?.shed() }
        } else {
            checksOverBudget = 0
            let parked = connections.values.filter(\.isParked).sorted { $0.number < $1.number }
            for connection in parked { connection.resumeAfterBudget() }
        }
        isCheckingBudget = connections.values.contains(where: \.isParked)
        if isCheckingBudget { checkBudgetLater() }
    }

    private func newestHolder() -> HTTP1ServerConnection? {
        connections.values.lazy.filter { $0.charged > 0 }.max { $0.number < $1.number }
    }
}
