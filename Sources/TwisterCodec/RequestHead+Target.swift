package import HTTPTypes

extension RequestHead {
    @inlinable
    package var method: RequestMethod { line.method }

    /// The method as HTTPTypes represents it. An extension method keeps its text.
    package var httpMethod: HTTPRequest.Method {
        method.httpTypes ?? HTTPRequest.Method(methodText) ?? .get
    }

    /// The method's name as it was sent.
    package var methodText: String { string(line.methodRange) }

    /// Calls `body` with the request line as it was sent, without its line end.
    package func withRequestLine<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        // The version, " HTTP/1.1", is all that follows the target.
        try withOctets(ByteRange(0, Int(line.target.start + line.target.count) + 9), body)
    }

    /// 0 or 1. It is 1 also for a later minor version, whose messages are read as HTTP/1.1 (RFC 9110 2.5).
    @inlinable
    package var versionMinor: Int { Int(line.versionMinor) }

    /// Whether the request came by HTTP/2 (RFC 9113). Its head then has the form of HTTP/1.1: pseudo-fields are the request line
    /// and the Host field.
    @inlinable
    package var isHTTP2: Bool { line.isHTTP2 }

    /// Whether the client asks for a WebSocket on this stream of HTTP/2 (extended CONNECT, RFC 8441). The method is GET then, as
    /// it is in the handshake of HTTP/1.1.
    @inlinable
    package var opensWebSocket: Bool { line.opensWebSocket }

    /// The version as the request line and logs name it.
    package var version: StaticString { isHTTP2 ? "HTTP/2.0" : versionMinor == 0 ? "HTTP/1.0" : "HTTP/1.1" }

    /// Notes that the head, which the parser has read in the form of HTTP/1.1, came by HTTP/2. Its request line says so, too.
    ///
    package func becomeHTTP2(followedBy sequel: Sequel) {
        line.isHTTP2 = true
        line.hasHTTP2Body = sequel == .body
        line.opensWebSocket = sequel == .webSocket
        let start = Int(line.target.start) + Int(line.target.count) + 1
        let version: StaticString = "HTTP/2.0"
        guard start + version.utf8CodeUnitCount <= octetCount else { return }
        UnsafeMutableRawBufferPointer(rebasing: record.bytes[start...])
            .copyMemory(from: UnsafeRawBufferPointer(start: version.utf8Start, count: version.utf8CodeUnitCount))
    }

    @inlinable
    package var targetForm: TargetForm { line.targetForm }

    /// Whether the target has absolute form and the scheme https.
    @inlinable
    package var isTargetSecured: Bool { targetForm == .absolute && hasSecuredScheme }

    /// The parser accepts no scheme but "http:" and "https:".
    @usableFromInline
    var hasSecuredScheme: Bool { withTargetBytes { $0.count > 5 && $0[4] | 0x20 == UInt8(ascii: "s") } }

    /// The request target as it was sent: visible ASCII, and UTF-8 where the client did not percent-encode other characters.
    package var target: String { string(line.target) }

    /// The target with characters beyond ASCII percent-encoded, for logs. UTF-8 text may hold control characters, line
    /// separators and marks that change the writing direction, which must not get into a log.
    package var asciiTarget: String {
        line.isASCII ? target : String(decoding: withTargetBytes(PercentCoding.encodeNonASCII), as: UTF8.self)
    }

    /// The path as it was sent, without the query. It is "/" for an absolute target without one, "*" for the
    /// asterisk form and empty for the authority form.
    package var path: String { string(line.path) }

    /// The query as it was sent, without its "?". It is empty when there is none.
    package var query: String { string(line.query) }

    /// Whether the target has a "?". The query behind it may be empty.
    @inlinable
    package var hasQuery: Bool { line.hasQuery }

    /// The authority to which the request is directed: that of the target where it has one (RFC 9112 3.2.2), else the Host
    /// field. It is empty for an HTTP/1.0 request without either.
    package var host: String { string(hostRange) }

    @inlinable
    package func withTargetBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withOctets(line.target, body)
    }

    @inlinable
    package func withPathBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withOctets(line.path, body)
    }

    /// Calls `body` with the path in which characters beyond ASCII are percent-encoded, so that routes treat "/é" and
    /// "/%C3%A9" alike (RFC 3987 3.1).
    @inlinable
    package func withASCIIPathBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        line.isASCII ? try withPathBytes(body) : try encodedPath.withUnsafeBytes(body)
    }

    @usableFromInline
    var encodedPath: [UInt8] { withPathBytes(PercentCoding.encodeNonASCII) }

    @inlinable
    package func withQueryBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withOctets(line.query, body)
    }

    @usableFromInline
    var hostRange: ByteRange {
        if !line.authority.isEmpty { return line.authority }
        let host = facts.host
        return host.isPresent ? slots[Int(host.first)].value : ByteRange()
    }
}
