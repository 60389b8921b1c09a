import TwisterCodec
import TwisterIO

/// Hands a connection over to a protocol that is not HTTP.
extension HTTP1Connection {
    package var mayHandOver: Bool {
        guard case .executing = run, isRequestRead, !isHTTP10 else { return false }
        return withStream { !$0.isClosed } ?? false
    }

    package func handOver(_ head: ResponseHead?) -> HandedConnection? {
        guard case .executing = run, isRequestRead, let owner, let stream, !stream.isClosed else { return nil }
        if let head {
            let output = stream.reserveOutput(context.encoder.upperBound(head))
            let count = context.encoder.encode(
                head, framing: .none, persistence: .implied, date: context.date, at: context.unixSeconds, into: output)
            stream.commitOutput(count)
            noteOutput(count, body: 0)
        }
        writing = .complete
        if let record = exchange.record { awaitOutput(record) }
        return owner.leaveHTTP()
    }
}

extension HTTP1ServerConnection {
    /// The exchange's application takes the stream over. The exchange is finished by the caller.
    func leaveHTTP() -> HandedConnection {
        if let exchange {
            stream.loop.addLocalCallback { withExtendedLifetime(exchange) {} }
            exchange.keepsAlive = false
            exchange.leaveConnection()
            exchange.exchange.detach()
        }
        exchange = nil
        phase = .ending
        return handed()
    }
}
