import TwisterCodec
import TwisterIO

/// Has the exchanges of one server noted for its observers, and gives requests their identifiers.
final class Observation {
    private let observers: [any ExchangeObserver]
    private let givesRequestIDs: Bool
    // Unchecked, as what else each request uses: 50 instructions each.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var requestIDs = RequestIDs()
    /// The fields of a request that observers ask for; empty where they ask for none.
    let fieldSelections: [ExchangeRecord.FieldSelection]

    /// Nil where the configuration asks for nothing of this: then no exchange is noted.
    init?(_ configuration: HTTPServerConfiguration) {
        guard !configuration.observers.isEmpty || configuration.requestIDs else { return nil }
        observers = configuration.observers
        givesRequestIDs = configuration.requestIDs
        fieldSelections = configuration.observers.map(\.requestFields).filter { $0 != .none }
    }

    /// Makes the record of an exchange whose request's head was read, or that is refused before that.
    ///
    /// - Parameters:
    ///   - client: the client's address, where the head says nothing of it.
    ///   - firstByte: when the first byte of the request had arrived.
    ///   - accepted: when the connection was accepted, for its first request.
    func begin(_ exchange: HTTPConnection, _ client: IPAddress?, firstByte: UInt64, accepted: UInt64?) {
        let record = ExchangeRecord()
        record.times.accepted = accepted
        record.times.firstByte = firstByte
        record.client = exchange.state.origin.address ?? client
        record.isSecured = exchange.state.origin.isSecured
        let isHeadRead = exchange.state.isRequestHeadRead
        if isHeadRead {
            record.times.head = exchange.state.startedAt
            record.note(exchange.requestHead)
            if !fieldSelections.isEmpty { record.note(exchange.requestHead, fields: fieldSelections) }
        }
        record.requestID = requestID(of: isHeadRead ? exchange.requestHead : nil)
        record.sendsRequestID = givesRequestIDs
        exchange.record = record
    }

    func serverStarted(_ counts: ServerCounts, on loop: IOLoop) {
        for case let observer as any CountsObserver in observers { observer.serverStarted(counts, on: loop) }
    }

    /// The identifier of a request: the one that it came with, or a new one; nil where the server gives none.
    func requestID(of head: RequestHead?) -> String? {
        guard givesRequestIDs else { return nil }
        return head.flatMap { RequestIDs.received($0) } ?? requestIDs.next()
    }

    func began(_ record: ExchangeRecord) {
        record.isTold = true
        for observer in observers { observer.exchangeBegan(record) }
    }

    func ended(_ record: ExchangeRecord) {
        if !record.isTold { began(record) }
        for observer in observers { observer.exchangeEnded(record) }
    }
}
