import TwisterIO

// MARK: - The end of a client whose request was not responded to

extension HTTP1ServerConnection {
    /// The client has ended its side before its request was responded to. A handler that is about to write first does so.
    @inline(never)
    func tellHandlerOfEndLater() {
        stream.loop.addLocalCallback { [weak self, stream] in
            guard let consumer = stream.consumer else { return }
            // A handler that took the stream over meanwhile, for a WebSocket, has put another consumer in this one's place.
            if consumer === self { self?.tellHandlerOfEnd() } else { consumer.streamPeerLeft(stream, isGone: false) }
        }
    }

    /// A client whose request only waits counts as left. One that still has a part of its response to take does not, because it
    /// may have closed just its own half; should it have left all the same, it refuses what it is sent, which closes the stream.
    func tellHandlerOfEnd() {
        guard phase == .exchange, let exchange, exchange.isRequestRead, case .executing = exchange.run,
            !exchange.exchange.isFinished, stream.outputCount == 0
        else { return }
        exchange.keepsAlive = false
        clientDisconnected(exchange)
    }

    /// The client has disconnected before its request was responded to.
    func clientDisconnected(_ exchange: HTTP1Connection) {
        exchange.clientDisconnected()
        switch exchange.run {
        case .executing, .endingAndReady: break
        // While the exchange before it is ended, its rest was read, which nobody runs any more.
        case .waiting, .scheduled, .ending:
            endExchangeWithoutRun()
            end()
        }
    }
}
