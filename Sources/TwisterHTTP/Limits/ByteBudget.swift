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
    /// Wakes the keeper of each loop. Not a Mutex: the thread sanitizer does not know it.
    private let keepers = ConditionLock<[ObjectIdentifier: @Sendable () -> Void]>([:])

    package init(limit: Int) { self.limit = limit }

    /// Counts bytes that are held from now on, or (negative) no more.
    func change(by count: Int) { used.wrappingAdd(count, ordering: .relaxed) }

    var isExceeded: Bool { held > limit }

    /// Whether there is room again for clients that go on.
    fileprivate var hasRoom: Bool { held <= limit - limit / 8 }

    /// Bytes held now.
    package var held: Int { used.load(ordering: .relaxed) }

    fileprivate func add(_ keeper: ObjectIdentifier, _ wake: @escaping @Sendable () -> Void) {
        keepers.withLock { $0[keeper] = wake }
    }

    fileprivate func remove(_ keeper: ObjectIdentifier) { keepers.withLock { _ = $0.removeValue(forKey: keeper) } }

    /// Has the keepers of the other loops look for clients that stand still.
    fileprivate func wakeOthers(than keeper: ObjectIdentifier) {
        let others = keepers.withLock { $0.filter { $0.key != keeper } }
        for wake in others.values { wake() }
    }
}

/// Acts when the budget of bytes is used up: the connections that would hold more are left unread, and clients are given up.
///
/// Clients that stand still are given up first, on all loops, until an eighth of the budget is free. Where that does not
/// help, one client at a time is given up of those that go on, the slowest one first (`BudgetHolding`). All of this happens
/// only while the budget is used up. It uses the clocks of the deadlines, so that ordinary requests cost nothing more.
final class BudgetKeeper {
    let budget: ByteBudget
    private let loop: IOLoop
    private let connections: ConnectionTable
    private var state = State.relaxed

    private enum State {
        case relaxed
        /// Connections are parked, or were on another loop; so many checks in a row have found the budget exceeded.
        case checking(overBudget: Int)
    }

    /// Refers to the keeper from the threads of other loops.
    private final class Reference {
        weak var keeper: BudgetKeeper?
        init(_ keeper: BudgetKeeper) { self.keeper = keeper }
    }

    private static let checkInterval: Duration = .milliseconds(50)
    /// A loop has stood still that does not come to a check for this long, in nanoseconds.
    private static let standstill: UInt64 = 300_000_000
    /// So many checks in a row over the budget before a client that goes on is given up.
    private static let patience = 4

    init(_ budget: ByteBudget, _ loop: IOLoop, _ connections: ConnectionTable) {
        self.budget = budget
        self.loop = loop
        self.connections = connections
        let reference = LoopBound(Reference(self))
        budget.add(ObjectIdentifier(self)) { [loop] in
            loop.addCallback { reference.value.keeper?.beginChecking() }
        }
    }

    deinit { budget.remove(ObjectIdentifier(self)) }

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
        Log.general.warning("\(budget.held) bytes are held by connections, over the limit: reading pauses")
        beginChecking()
        budget.wakeOthers(than: ObjectIdentifier(self))
    }

    private func beginChecking() {
        guard case .relaxed = state else { return }
        state = .checking(overBudget: 0)
        checkLater()
    }

    /// - Parameter isPatient: whether a loop that has stood still gets one more interval, to read what has come meanwhile:
    ///   its clients are not to blame.
    private func checkLater(isPatient: Bool = true) {
        let latest = loop.now &+ Self.standstill
        loop.callLater(Self.checkInterval) { [weak self] in
            guard let self else { return }
            if isPatient, loop.now > latest { checkLater(isPatient: false) } else { check() }
        }
    }

    private func check() {
        guard case .checking(var overBudget) = state else { return }
        // How much clients have taken since is known only when each connection looks.
        for connection in connections.all where connection.chargedBytes > 0 { connection.recharge() }
        overBudget = budget.isExceeded ? overBudget + 1 : 0
        if overBudget == 1 { budget.wakeOthers(than: ObjectIdentifier(self)) }
        if overBudget > 0 {
            makeRoom(givesUpActive: overBudget >= Self.patience && connections.all.contains(where: \.isParked))
        }
        if !budget.isExceeded {
            overBudget = 0
            for connection in connections.all.filter(\.isParked).sorted(by: { $0.number < $1.number }) {
                connection.unpark()
            }
        }
        guard budget.isExceeded || connections.all.contains(where: \.isParked) else { return state = .relaxed }
        state = .checking(overBudget: overBudget)
        checkLater()
    }

    /// Gives up the clients that stand still, until there is room; otherwise one of the others, if `givesUpActive`.
    private func makeRoom(givesUpActive: Bool) {
        let now = loop.now
        var holders = connections.all.filter { $0.chargedBytes > 0 }.map { ($0, $0.holding(at: now)) }
        holders.sort { $0.1.goes(before: $1.1) || !$1.1.goes(before: $0.1) && $0.0.number > $1.0.number }
        for (connection, holding) in holders where holding.isStill {
            var before = Int.max
            // A connection may have several requests that stand still.
            while !budget.hasRoom, connection.chargedBytes < before, connection.holding(at: now).isStill {
                before = connection.chargedBytes
                connection.shed()
            }
        }
        if givesUpActive, budget.isExceeded { holders.first { !$0.1.isStill }?.0.shed() }
    }
}
