package import HTTPTypes
import TwisterCodec
package import TwisterIO

/// The calls by which a transport of another target tells its exchange what has come. `HTTP1Connection` lies in this target and
/// accesses the exchange directly, which saves calls on each request.
extension HTTPConnection {
    /// Has `transport` carry the exchange from now on. The transport must detach itself before it is released.
    package func attach(_ transport: any ExchangeTransport) { self.transport = transport }

    /// The longest request body that is taken, in bytes.
    package var bodyLimit: Int { requestBody.limit }
    /// Bytes of the request's body that came.
    package var receivedBodyBytes: Int { requestBody.received }
    /// Whether the application reads the request's body while it arrives.
    package var isBodyStreamed: Bool { requestBody.stream != nil }
    /// Whether the reader of a streamed body lags behind, so that no more of it is to be delivered.
    package var isBodyPaused: Bool { requestBody.stream?.isPaused == true }

    /// Bytes of the request's body have come.
    ///
    /// - Throws: `RequestRefusal` 413 where they are more than the limit allows.
    package func receiveBody(_ bytes: UnsafeRawBufferPointer) throws(RequestRefusal) {
        guard bytes.count <= requestBody.limit - requestBody.received else { throw RequestRefusal(413) }
        try requestBody.receive(bytes)
    }

    /// All of the request's body has come.
    package func endBody(_ trailers: HTTPFields? = nil) throws(RequestRefusal) { try requestBody.end(trailers) }

    /// Responds to a request that is refused with an error page of the server, unless the response is begun; no more of its body
    /// comes.
    package func refuse(_ refusal: RequestRefusal) {
        requestBody.fail(.refused(status: refusal.status))
        respondToFailure(refusal.status, refusal.detail, refusal.fields)
    }

    /// Bytes of the request's body in memory.
    package var heldBodyBytes: Int { requestBody.held }

    /// The holding of a client whose body is not complete, by the body's clocks.
    package func holding(
        _ bytes: Int, of clocks: RequestClocks, _ deadlines: Deadlines, at now: UInt64
    ) -> BudgetHolding {
        // It is the handler that lags behind.
        if isBodyPaused { return BudgetHolding(bytes: bytes) }
        return BudgetHolding(
            bytes: bytes, received: requestBody.received,
            in: clocks.lastBodyByte &- min(state.startedAt, clocks.lastBodyByte),
            late: deadlines.lateness(clocks, at: now))
    }

    /// Whether the request's body was used or is to be streamed; the transport then has to call `endBody`.
    package var isBodyUsed: Bool { requestBody.isUsed }

    /// Forgets a collected body that nobody will read.
    package func dropBody() { requestBody.drop() }

    /// Nothing more of the request's body comes.
    package func failBody(_ error: HTTPBodyError) { requestBody.fail(error) }

    /// Whether nobody but the caller holds the exchange or its request. The exchange can then serve another request.
    package static func isReusable(_ exchange: Unmanaged<HTTPConnection>) -> Bool {
        exchange.isUniquelyReferenced && exchange._withUnsafeGuaranteedRef { !$0.isHeldPartly }
    }

    /// Replaces the response by a 405 without a body. Its head would have told the client that the WebSocket it asks for is
    /// open (RFC 8441, 4), but no WebSocket handler has taken the stream.
    package func refuseWebSocket() {
        state.phase = .bodiless
        head.reuse()
        try? head.setStatus(405)
        setTrusted(.allow, "GET, HEAD")
        if let record { noteHead(record) }
    }

    // MARK: The account of the exchange

    /// Whether the exchange is noted.
    package var isNoted: Bool { record != nil }

    /// The handler is about to run.
    package func noteRun() {
        if let record { record.times.handler = loop.now }
    }

    /// Bytes of the response were given to the stream, so many of which belong to the body.
    package func noteOutput(_ count: Int, body: Int) {
        guard let record else { return }
        record.bytesOut += count
        record.responseBodySize += body
    }

    /// The exchange ends with this outcome, unless another was noted before.
    package func noteOutcome(_ outcome: ExchangeRecord.Outcome) {
        if let record, record.outcome == nil { record.outcome = outcome }
    }

    /// Takes out the record of an exchange that is over, with the size of the request's body.
    package func takeRecord() -> ExchangeRecord? {
        guard let taken = record.take() else { return nil }
        taken.requestBodySize = requestBody.received
        taken.bytesIn += taken.requestBodySize
        return taken
    }

    /// The request under way, as the result of a shutdown names it; nil before its head was read.
    package func underWay(_ label: JobLabel) -> ShutdownResult.Cut? {
        guard state.isRequestHeadRead else { return nil }
        return ShutdownResult.Cut(
            request: "\(requestHead.methodText) \(Log.shown(target: requestHead.asciiTarget))", route: label.route,
            handler: label.handler,
            age: .nanoseconds(Int64(clamping: loop.now &- state.startedAt)))
    }
}
