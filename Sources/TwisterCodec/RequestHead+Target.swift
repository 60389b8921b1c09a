package import HTTPTypes

extension RequestHead {
    @inlinable
    package var method: RequestMethod { record.pointee.method }

    /// The method in HTTPTypes' vocabulary; extension methods keep their text.
    package var httpMethod: HTTPRequest.Method {
        method.httpTypes ?? HTTPRequest.Method(methodText) ?? .get
    }

    /// The method's name as it came.
    package var methodText: String { string(record.pointee.methodRange) }

    /// 0 or 1. A later minor version than 1 speaks HTTP/1.1 to us (RFC 9110 2.5).
    @inlinable
    package var versionMinor: Int { Int(record.pointee.versionMinor) }

    @inlinable
    package var targetForm: TargetForm { record.pointee.targetForm }

    /// Whether the target is an absolute one of the scheme https.
    @inlinable
    package var isTargetSecured: Bool { targetForm == .absolute && hasSecuredScheme }

    /// "https:" is the only scheme but "http:" that the parser lets through.
    @usableFromInline
    var hasSecuredScheme: Bool { withTargetBytes { $0.count > 5 && $0[4] | 0x20 == UInt8(ascii: "s") } }

    /// The request target as it came.
    package var target: String { string(record.pointee.target) }

    /// The path, still percent-encoded, without the query. It is "/" for an absolute target without one, "*" for the
    /// asterisk form and empty for the authority form.
    package var path: String { string(record.pointee.path) }

    /// The query without its "?", still percent-encoded; empty when there is none.
    package var query: String { string(record.pointee.query) }

    /// Whether the target has a "?", be the query behind it empty or not.
    @inlinable
    package var hasQuery: Bool { record.pointee.hasQuery }

    /// The authority that the request is meant for: that of the target where it has one (RFC 9112 3.2.2), else the Host
    /// field; empty for an HTTP/1.0 request without either.
    package var host: String { string(hostRange) }

    @inlinable
    package func withTargetBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withOctets(record.pointee.target, body)
    }

    @inlinable
    package func withPathBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withOctets(record.pointee.path, body)
    }

    @inlinable
    package func withQueryBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withOctets(record.pointee.query, body)
    }

    @inlinable
    package func withHostBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withOctets(hostRange, body)
    }

    @inlinable
    func withOctets<Result>(
        _ range: ByteRange, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try withExtendedLifetime(self) { try body(octets(range)) }
    }

    @usableFromInline
    var hostRange: ByteRange {
        if !record.pointee.authority.isEmpty { return record.pointee.authority }
        let host = record.pointee.host
        return host.isPresent ? slots[Int(host.first)].value : ByteRange()
    }
}
