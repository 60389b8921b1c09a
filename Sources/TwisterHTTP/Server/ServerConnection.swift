import TwisterIO

/// A connection as its server sees it, whatever protocol it speaks.
package protocol ServerConnection: AnyObject {
    /// The connection's index in the server's `ConnectionTable`, which alone changes it.
    var tableIndex: UInt32 { get set }
    /// The connection's number; connections are numbered in the order in which they were accepted.
    var number: UInt32 { get }

    /// Tells the handler of the request under way that the server has begun to shut down. An idle connection stays as it is.
    func drain()
    /// Closes the connection where no request is under way.
    func closeIfIdle()
    /// The requests that are being read or responded to.
    var requestsUnderWay: [ShutdownResult.Cut] { get }
    /// Cancels the tasks of the handlers that run for the connection.
    func cancel()
    /// Closes the connection at once.
    func close()

    /// How many bytes of memory the connection has reported to the server's budget.
    var chargedBytes: Int { get }
    /// Whether the connection is left unread because the budget is used up.
    var isParked: Bool { get }
    /// Reports to the budget how many bytes the connection holds now.
    func recharge()
    /// Stops reading until `unpark`.
    func park()
    /// Reads again, because the budget has room.
    func unpark()
    /// Ends the connection, or a request of it, to make room in the budget for others.
    func shed()
}

/// The open connections of one server.
package final class ConnectionTable {
    private var connections: ContiguousArray<any ServerConnection> = []
    /// Called each time the last connection has closed.
    var emptied: () -> Void = {}
    private var lastNumber: UInt32 = 0
    private let counts: ServerCounts

    package init(_ counts: ServerCounts) { self.counts = counts }

    package var count: Int { connections.count }
    package var isEmpty: Bool { connections.isEmpty }

    package func nextNumber() -> UInt32 {
        lastNumber &+= 1
        return lastNumber
    }

    func insert(_ connection: any ServerConnection) {
        connection.tableIndex = UInt32(truncatingIfNeeded: connections.count)
        connections.append(connection)
        counts.acceptedConnections.add()
        counts.openConnections.set(connections.count)
    }

    /// The same client is served by another object from now on, since its connection has changed the protocol.
    package func replace(_ connection: any ServerConnection, by successor: any ServerConnection) {
        let index = Int(connection.tableIndex)
        guard index < connections.count, connections[index] === connection else { return }
        successor.tableIndex = connection.tableIndex
        connections[index] = successor
    }

    package func remove(_ connection: any ServerConnection) {
        let index = Int(connection.tableIndex)
        guard index < connections.count, connections[index] === connection else { return }
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.tableIndex = UInt32(truncatingIfNeeded: index)
        }
        counts.openConnections.set(connections.count)
        guard connections.isEmpty else { return }
        // Memory that many connections took is given back when the last of them has closed.
        if connections.capacity > 1024 { connections = [] }
        emptied()
    }

    /// All of them, in no order; they may be closed while the caller goes through them.
    var all: ContiguousArray<any ServerConnection> { connections }
}

/// A handler whose connection has closed.
package protocol LoneHandler: AnyObject {
    /// Tells it that the server shuts down.
    func tellShutdown()
    var requestUnderWay: ShutdownResult.Cut? { get }
    /// Cancels its task.
    func cancel()
}

/// The handlers of one server that go on although their clients have disconnected.
package final class LoneHandlers {
    private struct Reference {
        weak var handler: (any LoneHandler)?
    }

    private var references: [ObjectIdentifier: Reference] = [:]
    /// Called each time the last of them has returned.
    var emptied: () -> Void = {}

    package init() {}

    var count: Int { references.count }
    var isEmpty: Bool { references.isEmpty }
    var all: [any LoneHandler] { references.values.compactMap(\.handler) }

    package func insert(_ handler: any LoneHandler) {
        references[ObjectIdentifier(handler)] = Reference(handler: handler)
    }

    package func remove(_ handler: any LoneHandler) {
        guard references.removeValue(forKey: ObjectIdentifier(handler)) != nil, references.isEmpty else { return }
        emptied()
    }
}
