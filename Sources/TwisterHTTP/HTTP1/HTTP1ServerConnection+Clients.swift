import TwisterCodec
import TwisterIO

/// The address of the client, and the limits that hold for it.
extension HTTP1ServerConnection {
    func readProxyHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch ProxyProtocolParser.parse(bytes) {
        case .needMore: return 0
        case .complete(let consumed, let source):
            // Nil: the peer is the client.
            if let source { client = source }
            guard context.clients == nil || source == nil || countClient() else { return bytes.count }
            if let exchange { renew(exchange) }
            becomeIdle()
            giveBackExchange()
            return consumed
        case .invalid:
            stopReading()
            stream.close()
            return bytes.count
        }
    }

    /// Counts the connection as its client's, now that it is known who that is. Where the client has too many, it closes
    /// the connection and returns false.
    func countClient() -> Bool {
        guard let clients = context.clients, let counted = clients.client(client) else { return true }
        if clients.openConnection(counted) {
            madeRare().isClientCounted = true
            return true
        }
        clients.tellRefusal(client, connections: 1, at: stream.turnTime)
        context.counts.refusedConnections.add()
        stopReading()
        // A reset, after which the kernel has nothing to remember either.
        stream.reset()
        return false
    }

    func releaseClient() {
        guard let rare, rare.isClientCounted, let clients = context.clients, let counted = clients.client(client)
        else { return }
        rare.isClientCounted = false
        clients.closeConnection(counted)
    }

    func madeRare() -> RareConnectionState {
        if let rare { return rare }
        let made = RareConnectionState()
        rare = made
        return made
    }
}
