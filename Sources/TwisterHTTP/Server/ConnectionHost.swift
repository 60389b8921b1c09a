package import TwisterCodec
import TwisterIO

/// The server of a connection, as a protocol needs it that has taken the connection over from HTTP.
package protocol ConnectionHost: AnyObject {
    /// Whether the server has begun to shut down.
    var isShuttingDown: Bool { get }

    /// After so many nanoseconds without progress, a client that does not take its output is cut off.
    var writeStall: UInt64 { get }

    /// After so many nanoseconds without a byte, a message that was begun is late.
    var readStall: UInt64 { get }

    /// `successor` stands for the connection in the server from now on: it is told of the shutdown.
    func replace(_ connection: any ServerConnection, by successor: any ServerConnection)

    /// The connection is closed, or the server has nothing more to do with it.
    func connectionClosed(_ connection: any ServerConnection)

    /// A connection that counted as its client's has closed.
    func releaseClient(_ client: IPAddress?)

    /// A connection holds `change` more bytes than before. Where that is too much for the server's budget, the connection is parked
    /// until there is room.
    func charge(_ change: Int, to connection: any ServerConnection)
}

extension ServerContext: ConnectionHost {
    package var isShuttingDown: Bool { isDraining }
    package var writeStall: UInt64 { deadlines.writeStall }
    package var readStall: UInt64 { deadlines.bodyStall }

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
