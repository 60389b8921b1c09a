import HTTPTypes
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

/// Makes identifiers of requests: seven characters that are random for each server, a hyphen, and a number that counts up.
/// They are short enough for Swift to keep them without an allocation.
struct RequestIDs {
    /// Makes those of requests that a server gave none, for handlers that ask for one.
    static let shared = ConditionLock(RequestIDs())

    /// The field that carries an identifier in both directions.
    static let fieldName = HTTPField.Name("X-Request-Id")
    /// Longer identifiers of clients are replaced by our own.
    private static let longest = 128

    private let prefix = UInt64.random(in: 0..<1 << 35)
    private var count: UInt64 = 0

    mutating func next() -> String {
        count &+= 1
        return String(unsafeUninitializedCapacity: 15) { buffer in
            Self.write(prefix, digits: 7, to: buffer, at: 0)
            buffer[7] = UInt8(ascii: "-")
            // Base 32, without leading zeros. After 34 billion requests the numbers begin again.
            let number = count & (1 << 35 - 1)
            let digits = max((68 - number.leadingZeroBitCount) / 5, 1)
            Self.write(number, digits: digits, to: buffer, at: 8)
            return 8 + digits
        }
    }

    /// The lowest digits of the number, in base 32.
    private static func write(
        _ number: UInt64, digits: Int, to buffer: UnsafeMutableBufferPointer<UInt8>, at start: Int
    ) {
        for index in 0..<digits {
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(5 * (digits - 1 - index))) & 31
            buffer[start + index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
        }
    }

    /// The identifier that a request came with. Only characters that are harmless in every log are accepted.
    static func received(_ head: RequestHead) -> String? {
        guard let fieldName else { return nil }
        return head.firstValueBytes(for: fieldName) { octets -> String? in
            guard (1...longest).contains(octets.count), octets.allSatisfy(isAllowed) else { return nil }
            return String(decoding: octets, as: UTF8.self)
        } ?? nil
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: "@"):
            true
        default: false
        }
    }
}
