import TwisterIO

// MARK: - The end of a client whose request was not responded to

extension HTTP1ServerConnection {
    /// Treats the client as disconnected in the loop's next turn, because it has ended its side before its request was responded
    /// to. The delay lets a handler that is about to respond do so first.
    @inline(never)
    func tellHandlerOfEndLater() {
        stream.loop.addLocalCallback { [weak self, stream] in
            guard let consumer = stream.consumer else { return }
            // A handler that has taken the stream over meanwhile, for a WebSocket, has replaced the stream's consumer.
            if consumer === self { self?.tellHandlerOfEnd() } else { consumer.streamPeerLeft(stream, isGone: false) }
        }
    }

    /// Treats a client as disconnected if no part of a response is under way to it. A client that is still receiving a response
    /// may have closed just its own half of the connection, and gets the rest. If it has left all the same, its system resets
    /// the connection when more arrives, which closes the stream.
    func tellHandlerOfEnd() {
        guard phase == .exchange, let exchange, exchange.isRequestRead, case .executing = exchange.run,
            !exchange.exchange.isFinished
        else { return }
        // Before the head is sent, the output is that of an earlier response.
        if exchange.exchange.isHeadSent, stream.outputCount > 0 { return }
        exchange.keepsAlive = false
        clientDisconnected(exchange)
    }

    /// The client has disconnected before its request was responded to.
    func clientDisconnected(_ exchange: HTTP1Connection) {
        exchange.clientDisconnected()
        switch exchange.run {
        case .executing, .endingAndReady: break
        // `ending` belongs to the exchange before: while that is being ended, this request was read, and now nobody will run it.
        case .waiting, .scheduled, .ending:
            endExchangeWithoutRun()
            end()
        }
    }
}
