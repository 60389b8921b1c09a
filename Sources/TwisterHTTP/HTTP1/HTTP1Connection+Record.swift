import TwisterCodec
import TwisterIO

/// Noting an exchange for the server's observers.
extension HTTP1Connection {
    /// The request's head was read, or the request is refused before that.
    @inline(never)
    func beginRecord(_ observation: Observation) {
        let firstByte = firstByteAt.take() ?? clocks?.headSince ?? context.loop.turnTime
        observation.begin(exchange, client, firstByte: firstByte, accepted: owner?.takeAcceptTime())
    }

    /// The request's handler was made.
    @inline(never)
    func tellBegan(_ observation: Observation) {
        if let record = exchange.record { observation.began(record) }
    }

    /// The record of a request that is refused, which may be in the middle of its head.
    func madeRecord() -> ExchangeRecord? {
        guard let observation = context.observation else { return nil }
        if exchange.record == nil { beginRecord(observation) }
        return exchange.record
    }

    /// Counts bytes that were given to the stream, so many of which belong to the body.
    @inline(__always)
    func noteOutput(_ count: Int, body: Int) {
        guard let record = exchange.record else { return }
        record.bytesOut += count
        record.responseBodySize += body
    }

    /// The response is complete. It has ended once the kernel has taken its last byte.
    @inline(never)
    func awaitOutput(_ record: ExchangeRecord) {
        guard let stream, let owner else { return }
        record.awaitsOutput = true
        noteRequestBody(record)
        stream.whenOutputTaken { [context] reason in
            let lost = reason.map { _ in owner.outcomeOfClose }
            Self.end(record, record.outcome ?? lost ?? .responded, context)
        }
    }

    /// The exchange is over.
    @inline(never)
    func endRecord(_ record: ExchangeRecord) {
        exchange.record = nil
        if record.awaitsOutput { return }
        noteRequestBody(record)
        let outcome = record.outcome ?? (exchange.isClientDisconnected ? .clientDisconnected : .cut)
        Self.end(record, outcome, context)
    }

    private func noteRequestBody(_ record: ExchangeRecord) {
        record.requestBodySize = exchange.requestBody.received
        record.bytesIn += record.requestBodySize
    }

    private static func end(_ record: ExchangeRecord, _ outcome: ExchangeRecord.Outcome, _ context: ServerContext) {
        context.end(record, outcome)
    }
}

extension HTTP1ServerConnection {
    /// When the connection was accepted, for its first request; nil for the others.
    func takeAcceptTime() -> UInt64? {
        guard isNew else { return nil }
        isNew = false
        // `idleSince` is the time of the last response only after the first request. Before, it is the time of the accept, so
        // that an idle connection needs no other field for it.
        return idleSince
    }

    /// The outcome of the exchanges whose responses the client has not taken when the connection closes.
    var outcomeOfClose: ExchangeRecord.Outcome { rare?.outcomeOfClose ?? .clientDisconnected }

    /// The server closes the connection, for a reason of its own.
    func noteClose(_ outcome: ExchangeRecord.Outcome) {
        guard context.observation != nil else { return }
        if rare?.outcomeOfClose == nil { madeRare().outcomeOfClose = outcome }
        exchange?.exchange.noteOutcome(outcome)
    }
}
