import TwisterIO

/// Hands a connection over to another version of HTTP.
extension HTTP1ServerConnection {
    /// The start of the preface of HTTP/2: what the parser has read when it refuses the version (RFC 9113, 3.4).
    private static let preface: StaticString = "PRI * HTTP/2.0\r\n"

    /// Hands the connection over where the bytes, which the parser has refused, begin with the preface of a version that the
    /// server speaks, and are the first ones of the connection. Returns whether it does so. Clients with TLS have to agree on
    /// the version during the handshake instead (RFC 9113, 3.3).
    func isHandedOver(at bytes: UnsafeRawBufferPointer) -> Bool {
        let preface = UnsafeRawBufferPointer(start: Self.preface.utf8Start, count: Self.preface.utf8CodeUnitCount)
        guard !wasServed, stream.security == nil, bytes.starts(with: preface) else { return false }
        return handOverSoon()
    }

    /// Hands the connection over where the client has agreed on the other version during the handshake of TLS, whatever its
    /// bytes are. Returns whether it does so.
    @inline(never)
    func isHandedOverByAgreement() -> Bool {
        guard !wasServed, stream.security?.applicationProtocol == "h2" else { return false }
        return handOverSoon()
    }

    /// Hands the connection over in the next turn, because the stream is delivering bytes at the moment.
    private func handOverSoon() -> Bool {
        guard let service = service.other else { return false }
        phase = .handingOver
        stream.loop.addLocalCallback { [self] in handOver(to: service) }
        return true
    }

    private func handOver(to service: any ConnectionService) {
        guard case .handingOver = phase, !stream.isClosed else { return }
        stopReading()
        if let exchange {
            renew(exchange)
            giveBackExchange()
        }
        service.serve(handed())
        stream.startReceiving()
        stream.resumeInput()
        // The client may have ended its side meanwhile.
        if stream.isPeerEnded, !stream.isClosed { stream.consumer?.streamEnded(stream) }
    }

    /// The stream, and everything that its next owner has to do for the server in place of this connection.
    func handed() -> HandedConnection {
        releaseCharge()
        let isClientCounted = rare?.isClientCounted == true
        rare?.isClientCounted = false
        return HandedConnection(
            host: context, predecessor: self, stream: stream, client: client, isClientCounted: isClientCounted,
            accepted: takeAcceptTime())
    }
}
