public import HTTPTypes
public import TwisterCodec
package import TwisterIO

/// What is noted of one exchange, for access logs, metrics and crash reports. A record is made only where the server's
/// configuration has observers or gives requests identifiers. It belongs to the loop that serves the exchange.
public final class ExchangeRecord {
    /// When the parts of an exchange happened, in nanoseconds of the loop's clock (`CLOCK_MONOTONIC`); nil: that part did not
    /// happen.
    public struct Times: Sendable {
        /// The connection was accepted; nil for all but the first request of a connection.
        public internal(set) var accepted: UInt64?
        /// The first byte of the request had arrived.
        public internal(set) var firstByte: UInt64 = 0
        /// The request's head was read as a whole.
        public internal(set) var head: UInt64?
        /// The handler was called.
        public internal(set) var handler: UInt64?
        /// The first byte of the response was given to the stream.
        public internal(set) var firstWrite: UInt64?
        /// The kernel took the last byte of the response, or it became certain that the kernel never will.
        public internal(set) var lastByte: UInt64?
    }

    /// How an exchange ended.
    public enum Outcome: String, Sendable {
        /// The kernel has taken the whole response.
        case responded
        /// The client disconnected before it had the whole response.
        case clientDisconnected = "client_disconnected"
        /// The server ended the exchange early: a shutdown ran out of time, the handler failed amid its response, or memory was
        /// short.
        case cut
        /// The client missed a deadline: the request's head or body came too slowly, or the response was not taken.
        case timeout
    }

    /// All properties of the record as one value. Release builds do not check accesses to this value for overlaps, because the
    /// checks would take 2,400 instructions of each exchange. Overlaps cannot occur: the record belongs to one thread, and no
    /// access calls other code. Debug builds check the accesses.
    private struct Notes {
        var times = Times()
        var status: Int?
        var outcome: Outcome?
        /// The request line as it was sent, then the values of the fields `Referer` and `User-Agent`.
        var octets = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        var ends = (line: 0, referer: 0, userAgent: 0)
        var requestFields: [(name: String, value: String)] = []
        var method: HTTPRequest.Method?
        var methodNumber = RequestMethod.other
        var versionMinor = 1
        var isHTTP2 = false
        var client: IPAddress?
        var isSecured = false
        var bytesIn = 0
        var requestBodySize = 0
        var bytesOut = 0
        var responseBodySize = 0
        var requestID: String?
        var sendsRequestID = false
        var label = JobLabel.unknown
        var isTold = false
        var awaitsOutput = false
        var slot: Int?
    }

    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var notes = Notes()

    /// When the parts of the exchange happened.
    public internal(set) var times: Times {
        get { notes.times }
        set { notes.times = newValue }
    }
    /// The status that was sent; nil: none was.
    public internal(set) var status: Int? {
        get { notes.status }
        set { notes.status = newValue }
    }
    /// How the exchange ended; nil while it goes on.
    public internal(set) var outcome: Outcome? {
        get { notes.outcome }
        set { notes.outcome = newValue }
    }
    /// The request's method; nil where its head could not be read.
    public var method: HTTPRequest.Method? { notes.method }
    /// The request's method as a small number; `.other` where the head could not be read.
    package var methodNumber: RequestMethod { notes.methodNumber }
    /// The minor version of HTTP/1: 0 or 1. For a request of HTTP/2, 1.
    public var versionMinor: Int { notes.versionMinor }
    /// Whether the request came by HTTP/2.
    public var isHTTP2: Bool { notes.isHTTP2 }
    /// The client's address: the one that a trusted proxy reports, otherwise the peer's; nil over a unix socket.
    public package(set) var client: IPAddress? {
        get { notes.client }
        set { notes.client = newValue }
    }
    /// Whether the client uses https: as a trusted proxy reports it, otherwise whether this connection has TLS.
    public internal(set) var isSecured: Bool {
        get { notes.isSecured }
        set { notes.isSecured = newValue }
    }
    /// Bytes of the request that were read: those of its head, and those of its body as the application gets it.
    public internal(set) var bytesIn: Int {
        get { notes.bytesIn }
        set { notes.bytesIn = newValue }
    }
    /// Bytes of the request's body that were read.
    public internal(set) var requestBodySize: Int {
        get { notes.requestBodySize }
        set { notes.requestBodySize = newValue }
    }
    /// Bytes of the response that were given to the stream, with head and framing.
    public internal(set) var bytesOut: Int {
        get { notes.bytesOut }
        set { notes.bytesOut = newValue }
    }
    /// Bytes of the response's body that were given to the stream.
    public internal(set) var responseBodySize: Int {
        get { notes.responseBodySize }
        set { notes.responseBodySize = newValue }
    }
    /// The identifier of the request in logs; nil where the server gives none and the handler has logged nothing.
    public internal(set) var requestID: String? {
        get { notes.requestID }
        set { notes.requestID = newValue }
    }
    /// Whether the response has the identifier, too.
    var sendsRequestID: Bool {
        get { notes.sendsRequestID }
        set { notes.sendsRequestID = newValue }
    }
    /// The handler that serves the exchange, and its route.
    package internal(set) var label: JobLabel {
        get { notes.label }
        set { notes.label = newValue }
    }
    /// The pattern of the route that serves the exchange (`/users/([0-9]+)`); nil: no route matched, or the delegate has no
    /// routes.
    public var route: String? { label.route }
    /// The name of the handler's type; nil where it is not known.
    public var handlerName: String? { label.handler }
    /// The fields of the request that an observer has asked for (`ExchangeObserver.requestFields`), in the order in which they
    /// came, their names in lower case. The values of several lines with one name are joined by commas. The values are as the
    /// client sent them: credentials are not redacted.
    public private(set) var requestFields: [(name: String, value: String)] {
        get { notes.requestFields }
        set { notes.requestFields = newValue }
    }
    /// Whether the observers were told that the exchange began.
    var isTold: Bool {
        get { notes.isTold }
        set { notes.isTold = newValue }
    }
    /// Whether the observers are told of the exchange's end only once the stream has sent all of its output.
    var awaitsOutput: Bool {
        get { notes.awaitsOutput }
        set { notes.awaitsOutput = newValue }
    }
    /// The index of the exchange in an observer's table; nil: it is in none.
    package var slot: Int? {
        get { notes.slot }
        set { notes.slot = newValue }
    }

    package init(isHTTP2: Bool = false) { notes.isHTTP2 = isHTTP2 }

    deinit { notes.octets.deallocate() }

    /// The request line, as the client sent it: `GET /path?query HTTP/1.1`. Where the head could not be read, this is the part
    /// of the line that came, at most 1,024 bytes; it is empty if a byte of that part is not visible ASCII or a space.
    public var requestLine: [UInt8] { Array(requestLineOctets) }
    /// The value of the field `Referer`; empty where there is none.
    public var referer: [UInt8] { Array(refererOctets) }
    /// The value of the field `User-Agent`; empty where there is none.
    public var userAgent: [UInt8] { Array(userAgentOctets) }

    // The three values above without a copy. The bytes are valid as long as the record lives.
    package var requestLineOctets: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: notes.octets[..<notes.ends.line])
    }
    var refererOctets: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: notes.octets[notes.ends.line..<notes.ends.referer])
    }
    var userAgentOctets: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: notes.octets[notes.ends.referer..<notes.ends.userAgent])
    }

    /// Copies the request line and two fields of the request's head, because the exchange uses the head again for the
    /// connection's next request.
    package func note(_ head: RequestHead) {
        notes.method = head.httpMethod
        notes.methodNumber = head.method
        notes.versionMinor = head.versionMinor
        notes.isHTTP2 = head.isHTTP2
        notes.bytesIn = head.octetCount
        // All three are parts of the head, so that its size is room enough. An array, filled in closures, would cost 600
        // instructions more.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytesIn, 1), alignment: 1)
        let line = head.withRequestLine { Self.copy($0, to: memory, at: 0) }
        let referer = head.firstValueBytes(for: .referer) { Self.copy($0, to: memory, at: line) } ?? line
        let end = head.firstValueBytes(for: .userAgent) { Self.copy($0, to: memory, at: referer) } ?? referer
        notes.octets.deallocate()
        notes.octets = memory
        notes.ends = (line, referer, end)
    }

    /// Notes the first line of a malformed head as the request line, if that line is plain text.
    func note(malformedHead bytes: UnsafeRawBufferPointer) {
        notes.bytesIn = bytes.count
        let line = bytes.prefix(Self.longestMalformedLine).prefix {
            $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n")
        }
        guard !line.isEmpty, line.allSatisfy({ 0x20...0x7E ~= $0 }) else { return }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: line.count, alignment: 1)
        memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: line))
        notes.octets.deallocate()
        notes.octets = memory
        notes.ends = (line.count, line.count, line.count)
    }

    /// At most this many bytes are noted of a request line that cannot be read.
    private static let longestMalformedLine = 1024

    /// Copies a part of the head behind the parts before it. Returns where it ends.
    private static func copy(
        _ part: UnsafeRawBufferPointer, to memory: UnsafeMutableRawBufferPointer, at start: Int
    ) -> Int {
        UnsafeMutableRawBufferPointer(rebasing: memory[start...]).copyMemory(from: part)
        return start + part.count
    }
}

extension ExchangeRecord {
    /// The fields of a request that an observer wants in its record.
    public enum FieldSelection: Sendable, Hashable {
        case none
        /// These fields alone.
        case some(Set<HTTPField.Name>)
        /// Every field except these.
        case all(except: Set<HTTPField.Name> = [])

        func contains(_ name: HTTPField.Name) -> Bool {
            switch self {
            case .none: false
            case .some(let names): names.contains(name)
            case .all(except: let names): !names.contains(name)
            }
        }
    }

    /// Copies the fields that at least one of the selections contains.
    func note(_ head: RequestHead, fields selections: [FieldSelection]) {
        for index in 0..<head.fieldCount {
            guard let name = HTTPField.Name(head.fieldName(at: index)),
                selections.contains(where: { $0.contains(name) })
            else { continue }
            let value = head.fieldValue(at: index)
            if let known = requestFields.firstIndex(where: { $0.name == name.canonicalName }) {
                requestFields[known].value += ", \(value)"
            } else {
                requestFields.append((name.canonicalName, value))
            }
        }
    }
}

/// Is told of the exchanges of a server: the one way to log, count or report requests in another form than `AccessLog` does.
/// All calls come on the thread of the loop that serves the exchange, and must not block.
///
/// Tornado: the setting `log_function` and `Application.log_request`.
public protocol ExchangeObserver: AnyObject, Sendable {
    /// The fields of each request that the observer wants to find in its record; asked once for each server. Default: none.
    var requestFields: ExchangeRecord.FieldSelection { get }

    /// A request's head was read and its handler was made, or the request is about to be refused.
    func exchangeBegan(_ record: ExchangeRecord)

    /// The kernel has taken the whole response, or it is certain that it never will. Called once for each exchange.
    func exchangeEnded(_ record: ExchangeRecord)
}

extension ExchangeObserver {
    /// No fields.
    public var requestFields: ExchangeRecord.FieldSelection { .none }
}
