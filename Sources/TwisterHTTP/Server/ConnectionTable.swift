import TwisterIO

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
