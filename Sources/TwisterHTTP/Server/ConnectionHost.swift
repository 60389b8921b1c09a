package import TwisterCodec
import TwisterIO

/// The server of a connection, as seen by a protocol that has taken the connection over from HTTP.
package protocol ConnectionHost: AnyObject {
    /// Whether the server has begun to shut down.
    var isShuttingDown: Bool { get }

    /// The longest time, in nanoseconds, in which a client takes none of its output before it is disconnected.
    var writeStall: UInt64 { get }

    /// The server's deadlines, which also hold for a message that has begun.
    var deadlines: Deadlines { get }

    /// Replaces the connection by `successor`, which the server tells of its shutdown from now on.
    func replace(_ connection: any ServerConnection, by successor: any ServerConnection)

    /// The connection is closed, or the server has nothing more to do with it.
    func connectionClosed(_ connection: any ServerConnection)

    /// A connection that counted as its client's has closed.
    func releaseClient(_ client: IPAddress?)

    /// Adds `change`, in bytes, to what the connection holds. Where the server's budget has no room for that, the connection is
    /// parked until there is room.
    func charge(_ change: Int, to connection: any ServerConnection)
}

extension ServerContext: ConnectionHost {
    package var isShuttingDown: Bool { isDraining }
    package var writeStall: UInt64 { deadlines.writeStall }

    package func replace(_ connection: any ServerConnection, by successor: any ServerConnection) {
        connections.replace(connection, by: successor)
    }

    package func connectionClosed(_ connection: any ServerConnection) { connections.remove(connection) }

    package func releaseClient(_ client: IPAddress?) {
        if let clients, let counted = clients.client(client) { clients.closeConnection(counted) }
    }

    package func charge(_ change: Int, to connection: any ServerConnection) {
        budget.change(by: change)
        if change > 0, !connection.isParked, budget.budget.isExceeded { budget.park(connection) }
    }
}
