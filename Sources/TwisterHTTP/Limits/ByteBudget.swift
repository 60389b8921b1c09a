import Logging
import Synchronization
import TwisterIO

/// How many bytes all connections of a server's loops may hold together: bodies that are collected or wait for their
/// handlers, unread requests, responses that their clients don't take.
///
/// A few KiB for each connection are not counted, so that ordinary requests have nothing to do with it.
package final class ByteBudget: Sendable {
    private let used = Atomic<Int>(0)
    private let limit: Int

    package init(limit: Int) { self.limit = limit }

    /// Counts bytes that are held from now on, or (negative) no more.
    func change(by count: Int) { used.wrappingAdd(count, ordering: .relaxed) }

    var isExceeded: Bool { used.load(ordering: .relaxed) > limit }

    /// Bytes held now.
    package var held: Int { used.load(ordering: .relaxed) }
}

/// Acts when the budget of bytes is used up: the connections that would hold more are left unread and, where that does not
/// help, the newest of those that hold something is given up, one after the other.
final class BudgetKeeper {
    let budget: ByteBudget
    private let loop: IOLoop
    private let connections: ConnectionTable
    private var state = State.relaxed

    private enum State {
        case relaxed
        /// Connections are parked; so many checks in a row have found the budget exceeded.
        case checking(overBudget: Int)
    }

    private static let checkInterval: Duration = .milliseconds(50)
    /// So many checks in a row over the budget before a connection is given up.
    private static let patience = 4

    init(_ budget: ByteBudget, _ loop: IOLoop, _ connections: ConnectionTable) {
        self.budget = budget
        self.loop = loop
        self.connections = connections
    }

    /// Counts bytes that a connection of this loop holds from now on, or (negative) no more.
    func change(by count: Int) {
        budget.change(by: count)
        // The allocator would keep what many large bodies and messages have left, long after their clients are gone.
        if count <= -IOLoop.largeBlock { loop.noteFreed(-count) }
    }

    /// The connection would hold more than there is room for.
    func park(_ connection: any ServerConnection) {
        connection.park()
        guard case .relaxed = state else { return }
        state = .checking(overBudget: 0)
        Log.general.warning("\(budget.held) bytes are held by connections, over the limit: reading pauses")
        checkLater()
    }

    private func checkLater() {
        loop.callLater(Self.checkInterval) { [weak self] in self?.check() }
    }

    private func check() {
        guard case .checking(var overBudget) = state else { return }
        // How much clients have taken since is known only when each connection looks.
        for connection in connections.all where connection.chargedBytes > 0 { connection.recharge() }
        if budget.isExceeded {
            overBudget += 1
            if overBudget >= Self.patience { newestHolder()?.shed() }
        } else {
            overBudget = 0
            for connection in connections.all.filter(\.isParked).sorted(by: { $0.number < $1.number }) {
                connection.unpark()
            }
        }
        guard connections.all.contains(where: \.isParked) else { return state = .relaxed }
        state = .checking(overBudget: overBudget)
        checkLater()
    }

    private func newestHolder() -> (any ServerConnection)? {
        connections.all.lazy.filter { $0.chargedBytes > 0 }.max { $0.number < $1.number }
    }
}
