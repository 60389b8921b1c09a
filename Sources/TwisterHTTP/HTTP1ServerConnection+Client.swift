import TwisterIO

/// A connection's part in what its client has open.
extension HTTP1ServerConnection {
    /// Counts the connection as its client's, now that it is known who that is. Where the client has too many, it closes
    /// the connection and answers false.
    func countClient() -> Bool {
        guard let clients = server.clients, let counted = clients.client(client) else { return true }
        if clients.openConnection(counted) {
            isClientCounted = true
            return true
        }
        clients.tellRefusal(client, connections: 1, at: stream.turnTime)
        stopReading()
        // A reset, after which the kernel has nothing to remember either.
        stream.reset()
        return false
    }

    /// The connection is gone, or is no longer HTTP's. A second call is ignored.
    func releaseClient() {
        guard isClientCounted, let clients = server.clients, let counted = clients.client(client) else { return }
        isClientCounted = false
        clients.closeConnection(counted)
    }
}
