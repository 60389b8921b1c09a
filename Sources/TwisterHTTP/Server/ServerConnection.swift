/// A connection as its server sees it, whatever protocol it speaks.
package protocol ServerConnection: AnyObject {
    /// Its place in the server's `ConnectionTable`, which alone changes it.
    var tableIndex: UInt32 { get set }
    /// Connections are numbered in the order in which they came.
    var number: UInt32 { get }

    /// Ends it as soon as nothing is under way: an idle connection now, others after their responses.
    func drain()
    /// Closes it at once.
    func close()

    /// Bytes of memory that the server's budget was told of.
    var chargedBytes: Int { get }
    /// Whether it is left unread because the budget is used up.
    var isParked: Bool { get }
    /// Tells the budget what it holds now.
    func recharge()
    /// Reads no more for now.
    func park()
    /// There is room again.
    func unpark()
    /// Gives it up for the sake of the others.
    func shed()
}

/// The open connections of one server.
package final class ConnectionTable {
    private var connections: ContiguousArray<any ServerConnection> = []
    private var emptied: [() -> Void] = []
    private var lastNumber: UInt32 = 0

    package init() {}

    package var count: Int { connections.count }
    package var isEmpty: Bool { connections.isEmpty }

    func nextNumber() -> UInt32 {
        lastNumber &+= 1
        return lastNumber
    }

    func insert(_ connection: any ServerConnection) {
        connection.tableIndex = UInt32(truncatingIfNeeded: connections.count)
        connections.append(connection)
    }

    func remove(_ connection: any ServerConnection) {
        let index = Int(connection.tableIndex)
        guard index < connections.count, connections[index] === connection else { return }
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.tableIndex = UInt32(truncatingIfNeeded: index)
        }
        guard connections.isEmpty else { return }
        // Memory that many connections took is given back when the last of them has closed.
        if connections.capacity > 1024 { connections = [] }
        let waiters = emptied
        emptied = []
        for waiter in waiters { waiter() }
    }

    /// All of them, in no order; they may be closed while the caller goes through them.
    var all: ContiguousArray<any ServerConnection> { connections }

    /// Calls back once, when the last connection has closed.
    func whenEmpty(_ callback: @escaping () -> Void) { emptied.append(callback) }
}
