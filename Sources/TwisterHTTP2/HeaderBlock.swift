import TwisterCodec

/// Gathers the fields of one request as nghttp2 decodes them, and writes them as a head of HTTP/1.1, which `RequestParser` then
/// reads. So the same rules refuse requests in every version of HTTP.
///
/// nghttp2 has checked before (RFC 9113, 8.2 and 8.3) that no pseudo-field is missing, unknown, late or repeated, that names
/// are in lower case, that no field belongs to a connection of HTTP/1.1, and that no value has CR, LF or NUL.
///
/// A connection has one: header blocks do not overlap.
struct HeaderBlock: ~Copyable {
    /// Why the request cannot be read, whatever the parser would say.
    enum Defect {
        /// The stream is reset (RFC 9113, 8.1.1).
        case malformed
        /// The fields are too many octets in all: 431.
        case tooLarge
        /// The scheme is neither http nor https: 421.
        case foreignScheme
        /// Extended CONNECT asks for another protocol than WebSocket: 501 (RFC 9220, 3, which states this for HTTP/2, too).
        case unknownProtocol
    }

    /// How many octets each field counts in addition to its name and its value (RFC 9113, 6.5.2).
    private static var fieldOverhead: Int { 32 }
    /// Memory beyond this size, in octets, is not kept for the next request.
    private static var keptRoom: Int { 1024 }

    private var pseudoFields = OctetBuffer()
    private var text = OctetBuffer()
    /// The values of the fields `cookie`, of which there may be several (RFC 9113, 8.2.3).
    private var cookies = OctetBuffer()
    private var method = 0..<0
    private var path = 0..<0
    private var authority = 0..<0
    /// The port that the scheme implies.
    private var impliedPort: StaticString = "80"
    /// Whether the request asks for a WebSocket (extended CONNECT; RFC 8441, 4 and 5). nghttp2 has checked that its method is
    /// CONNECT, and that scheme, path and authority are there.
    private(set) var opensWebSocket = false
    private var hasRequestLine = false
    private var limit = 0
    /// Octets of the fields so far, counted as for the limit.
    private(set) var listSize = 0
    private(set) var defect: Defect?
    /// The stream whose block it is; nil between blocks.
    private(set) var streamID: Int32?
    /// Whether the fields are trailers, which follow a body.
    private(set) var isTrailers = false
    /// Whether observers know that the request is malformed.
    var isTold = false
    /// When its first frame came.
    private(set) var since: UInt64 = 0
    /// Since when the server waits for the rest of the block.
    private(set) var awaitedSince: UInt64 = 0

    /// The head as text, once it is finished.
    var octets: UnsafeRawBufferPointer { text.octets }

    mutating func begin(_ streamID: Int32, isTrailers: Bool, limit: Int, at now: UInt64) {
        pseudoFields.removeAll(keptRoom: Self.keptRoom)
        text.removeAll(keptRoom: Self.keptRoom)
        cookies.removeAll(keptRoom: Self.keptRoom)
        (method, path, authority) = (0..<0, 0..<0, 0..<0)
        impliedPort = "80"
        hasRequestLine = false
        opensWebSocket = false
        self.limit = limit
        listSize = 0
        defect = nil
        self.streamID = streamID
        self.isTrailers = isTrailers
        isTold = false
        since = now
        awaitedSince = now
    }

    /// Restarts the clock, because the client was not to blame for the time until now.
    mutating func restartClock(at now: UInt64) { awaitedSince = now }

    /// The block is over, whether or not the request can be read.
    mutating func end() {
        streamID = nil
        pseudoFields.removeAll(keptRoom: Self.keptRoom)
        text.removeAll(keptRoom: Self.keptRoom)
        cookies.removeAll(keptRoom: Self.keptRoom)
    }

    /// Counts a field. Returns false where the fields are too large, so that this one is not kept.
    mutating func count(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        listSize &+= name.count &+ value.count &+ Self.fieldOverhead
        guard listSize <= limit else {
            note(.tooLarge)
            return false
        }
        return true
    }

    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        guard count(name, value) else { return }
        guard name.first != UInt8(ascii: ":") else { return addPseudoField(name, value) }
        if !hasRequestLine { writeRequestLine() }
        if !authority.isEmpty, name.equals("host") {
            // The Host line was written already. A second authority must be the same, once both are normalized
            // (RFC 9113, 8.3.1).
            let (first, second) = (withoutImpliedPort(pseudoField(authority)), withoutImpliedPort(value))
            if !first.equalsIgnoringCase(second) { note(.malformed) }
            return
        }
        if name.equals("cookie") { return addCookies(value) }
        text.appendFieldLine(name, value)
    }

    /// The authority without a port that its scheme implies, and without an empty one (RFC 3986, 6.2.3).
    private func withoutImpliedPort(_ authority: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard let colon = authority.lastIndex(of: UInt8(ascii: ":")) else { return authority }
        let port = UnsafeRawBufferPointer(rebasing: authority[(colon + 1)...])
        guard port.isEmpty || port.equals(impliedPort) else { return authority }
        return UnsafeRawBufferPointer(rebasing: authority[..<colon])
    }

    private mutating func addCookies(_ value: UnsafeRawBufferPointer) {
        if cookies.count > 0 { cookies.append(Self.octets("; ")) }
        cookies.append(value)
    }

    /// All fields have come: completes the text.
    mutating func finish() {
        if !hasRequestLine { writeRequestLine() }
        if cookies.count > 0 { text.appendFieldLine(Self.octets("cookie"), cookies.octets) }
        write("\r\n")
    }

    mutating func note(_ defect: Defect) { if self.defect == nil { self.defect = defect } }

    // MARK: Pseudo-fields

    private enum PseudoField {
        case method, scheme, authority, path, `protocol`

        init?(_ name: UnsafeRawBufferPointer) {
            switch name.count {
            case 5 where name.equals(":path"): self = .path
            case 7 where name.equals(":method"): self = .method
            case 7 where name.equals(":scheme"): self = .scheme
            case 9 where name.equals(":protocol"): self = .protocol
            case 10 where name.equals(":authority"): self = .authority
            default: return nil
            }
        }
    }

    private mutating func addPseudoField(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        switch PseudoField(name) {
        case .method: method = keep(value)
        case .path: path = keep(value)
        case .authority: authority = keep(value)
        case .scheme:
            if value.equalsIgnoringCase("https") {
                impliedPort = "443"
            } else if !value.equalsIgnoringCase("http") {
                note(.foreignScheme)
            }
        case .protocol:
            opensWebSocket = true
            if !value.equalsIgnoringCase("websocket") { note(.unknownProtocol) }
        case nil: note(.malformed)
        }
    }

    /// Keeps a part of the request line.
    private mutating func keep(_ value: UnsafeRawBufferPointer) -> Range<Int> {
        // A space or a control character would end the target in the request line, or the line itself.
        guard value.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            note(.malformed)
            return 0..<0
        }
        let start = pseudoFields.count
        pseudoFields.append(value)
        return start..<pseudoFields.count
    }

    private func pseudoField(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: pseudoFields.octets[range])
    }

    /// Writes the request line, and the Host field that stands for `:authority`.
    private mutating func writeRequestLine() {
        hasRequestLine = true
        if opensWebSocket {
            // The WebSocket handshake of HTTP/1.1 is a GET, so routes, middleware and handlers see a GET here, too.
            write("GET ")
            text.append(pseudoField(path))
        } else {
            text.append(pseudoField(method))
            write(" ")
            // The target of CONNECT is its authority.
            text.append(pseudoField(pseudoField(method).equals("CONNECT") ? authority : path))
        }
        write(" HTTP/1.1\r\n")
        if !authority.isEmpty { text.appendFieldLine(Self.octets("host"), pseudoField(authority)) }
    }

    private mutating func write(_ literal: StaticString) { text.append(Self.octets(literal)) }

    private static func octets(_ literal: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    }
}

extension UnsafeRawBufferPointer {
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount, let base = baseAddress else { return count == text.utf8CodeUnitCount }
        return Octets.areEqual(base, text.utf8Start, count: count)
    }

    /// Whether the octets are the text, which is in lower case, but for the case of their letters.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        equalsIgnoringCase(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    func equalsIgnoringCase(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where Self.lowercased(self[index]) != Self.lowercased(other[index]) { return false }
        return true
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}
