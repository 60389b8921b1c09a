package import TwisterCodec
package import TwisterIO

/// A version of HTTP that a server speaks beside HTTP/1.1, on the same port: for connections that begin with the preface of
/// HTTP/2 (RFC 9113, 3.4), and for those with TLS whose clients have agreed on it. It lies in another target, which has libraries
/// of its own.
package protocol ConnectionProtocol: ConnectionOption {
    /// Makes the part of one server, on the thread of its loop.
    func makeService(for context: ServerContext) -> any ConnectionService
}

/// Serves the connections of one server that speak another version of HTTP.
package protocol ConnectionService: AnyObject {
    /// Takes over the connection, which it makes the stream's consumer. Nothing of its bytes is consumed.
    func serve(_ connection: HandedConnection)
}

/// A connection that another version of HTTP, or another protocol, takes over.
package struct HandedConnection {
    /// The server that has accepted it.
    package let host: any ConnectionHost
    /// It is in the server's table of connections, and is to be replaced there.
    package let predecessor: any ServerConnection
    package let stream: IOStream
    /// The client's address; nil on a unix socket.
    package let client: IPAddress?
    /// Whether the connection counts as its client's (`ConnectionHost.releaseClient`).
    package let isClientCounted: Bool
    /// When it was accepted, where no exchange of it was noted.
    package let accepted: UInt64?
}

extension HandedConnection {
    /// A stream of a connection that goes on and counts as its client's: another protocol takes over that stream alone.
    ///
    /// - Parameter host: takes the place of the server, which knows nothing of the stream.
    package init(_ stream: IOStream, of connection: any ServerConnection, host: any ConnectionHost) {
        self.init(
            host: host, predecessor: connection, stream: stream, client: nil, isClientCounted: false, accepted: nil)
    }
}
