import HTTPTypes
package import TwisterCodec
import TwisterCompression
package import TwisterIO

/// The calls of a server for transports of another target. HTTP/1.1 lies in this target and does the same directly, which saves
/// calls on each request.
extension ServerContext {
    /// Begins an exchange whose request's head was read. Returns the delegate that responds to the request, and the refusal
    /// where the request is refused.
    ///
    /// - Parameters:
    ///   - client: the client's address, as the connection has it.
    ///   - security: the TLS of the connection; nil: it has none.
    ///   - firstByte: when the first byte of the request had arrived, on the loop's clock.
    ///   - accepted: when the connection was accepted, for its first request.
    ///   - hasBody: whether a body follows.
    package func begin(
        _ exchange: HTTPConnection, from client: IPAddress?, security: StreamSecurity?, firstByte: UInt64,
        accepted: UInt64?, hasBody: Bool
    ) -> (delegate: any HTTPMessageDelegate, refusal: RequestRefusal?) {
        exchange.begin(at: loop.turnTime, from: client)
        if let security { exchange.note(security) }
        let head = exchange.requestHead
        if let proxyRules { exchange.state.origin.forwarded = proxyRules.client(of: head, from: client) }
        observation?.begin(exchange, client, firstByte: firstByte, accepted: accepted)
        var coding: ContentCoding?
        var refusal: RequestRefusal?
        do throws(RequestRefusal) {
            if head.hasExpect, head.expectation == .unknown { throw RequestRefusal(417) }
            if decompressesBodies, hasBody { coding = try head.takeContentCoding() }
            if let coding { try exchange.requestBody.startInflating(coding, maxRatio: bodyLimits.inflateRatio) }
        } catch {
            refusal = error
        }
        let delegate = delegate.startRequest(HTTPServerRequest(exchange))
        exchange.expect(delegate.headersReceived(), bodyLimits)
        if coding != nil { exchange.requestBody.limitInflating() }
        if let observation, let record = exchange.record { observation.began(record) }
        return (delegate, refusal)
    }

    /// Counts the refusal of a request by the server itself, and makes a record of it where the request's head could not be
    /// read.
    package func noteRefusal(_ status: Int, of exchange: HTTPConnection, from client: IPAddress?, firstByte: UInt64) {
        counts.countRefusal(status)
        if exchange.record == nil { observation?.begin(exchange, client, firstByte: firstByte, accepted: nil) }
        if status == 408 { exchange.noteOutcome(.timeout) }
    }

    /// Ends the record of an exchange that is over, and tells the observers.
    package func end(_ record: ExchangeRecord, _ outcome: ExchangeRecord.Outcome) {
        record.outcome = outcome
        record.times.lastByte = loop.now
        observation?.ended(record)
    }

    /// Tells observers of a malformed request of HTTP/2, which has no exchange. The record has the status 400, although the
    /// client gets no response.
    package func noteMalformedHTTP2(from client: IPAddress?, firstByte: UInt64) {
        counts.countRefusal(400)
        guard observation != nil else { return }
        let record = ExchangeRecord(isHTTP2: true)
        record.client = client
        record.times.firstByte = firstByte
        record.status = 400
        end(record, .cut)
    }
}
