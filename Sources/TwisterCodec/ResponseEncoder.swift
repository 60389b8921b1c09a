/// Writes the heads of responses. It holds the part that all responses of a server have in common.
///
/// The caller reserves `upperBound` octets. `encode` returns the number of octets that it wrote.
package struct ResponseEncoder: Sendable {
    /// What the head says about the body.
    package enum Framing: Equatable, Sendable {
        /// Nothing: there is no body, or it ends with the connection.
        case none
        case length(Int)
        case chunked
    }

    /// What the head says about the connection.
    package enum Persistence: Sendable {
        /// Nothing: the default of the HTTP version applies.
        case implied
        case close
        /// For an HTTP/1.0 client that requested it.
        case keepAlive
    }

    /// "Server: name" CRLF, or nothing.
    private let serverLine: [UInt8]

    /// The most octets of a head beside its reason phrase, fields and Server line: status line, Content-Length or
    /// Transfer-Encoding, Date, Connection, CRLF.
    private static var overhead: Int { 192 }

    /// `server` is the value of the Server field, nil to leave it out.
    package init(server: String?) throws(HTTPHeaderError) {
        guard let server else {
            serverLine = []
            return
        }
        guard FieldSyntax.isValue(server) else { throw .invalidValue(name: "Server") }
        serverLine = Array("Server: \(server)\r\n".utf8)
    }

    /// The most octets that `encode` needs for that head.
    package func upperBound(_ head: ResponseHead) -> Int {
        head.lines.count + serverLine.count + (head.reason?.utf8.count ?? 0) + Self.overhead
    }

    /// Writes status line, fields and the empty line. Date and Server are left out where the application set its own. Date
    /// is also left out where `date` is nil, for a server without a clock.
    package func encode(
        _ head: ResponseHead, framing: Framing, persistence: Persistence, date: CachedDate?, at unixSeconds: Int64,
        into destination: UnsafeMutableRawPointer
    ) -> Int {
        var writer = ByteWriter(destination)
        Self.writeStatusLine(head, &writer)
        if !head.known.contains(.server) { serverLine.withUnsafeBytes { writer.write($0) } }
        if let date, !head.known.contains(.date) { writer.skip(date.writeLine(at: unixSeconds, to: writer.position)) }
        writer.write(head.lines.octets)
        // Neither field is allowed in a 1xx or 204 response (RFC 9110 8.6, RFC 9112 6.1).
        if head.status >= 200, head.status != 204 { Self.writeFraming(framing, &writer) }
        Self.writePersistence(persistence, head, &writer)
        writer.write("\r\n")
        return writer.position - destination
    }

    /// The most octets that `encodeInformational` needs for that head.
    package static func informationalUpperBound(_ head: ResponseHead) -> Int {
        head.lines.count + (head.reason?.utf8.count ?? 0) + overhead
    }

    /// Writes a 1xx head (RFC 9110 15.2): status line and fields, without those that the server adds.
    package static func encodeInformational(_ head: ResponseHead, into destination: UnsafeMutableRawPointer) -> Int {
        var writer = ByteWriter(destination)
        writeStatusLine(head, &writer)
        writer.write(head.lines.octets)
        writer.write("\r\n")
        return writer.position - destination
    }

    /// A complete 100 response.
    package static var continue100: StaticString { "HTTP/1.1 100 Continue\r\n\r\n" }

    static func fieldsBound(_ fields: [FieldLines.Field]) -> Int {
        var count = 0
        for field in fields { count += field.name.utf8.count + field.value.utf8.count + 4 }
        return count
    }

    @inline(__always)
    private static func writeStatusLine(_ head: ResponseHead, _ writer: inout ByteWriter) {
        if head.status == 200, head.reason == nil {
            writer.write("HTTP/1.1 200 OK\r\n")
            return
        }
        writer.write("HTTP/1.1 ")
        writer.write(decimal: head.status)
        writer.write(" ")
        if let reason = head.reason { writer.write(text: reason) } else { writer.write(ReasonPhrase.of(head.status)) }
        writer.write("\r\n")
    }

    @inline(__always)
    private static func writeFraming(_ framing: Framing, _ writer: inout ByteWriter) {
        switch framing {
        case .none: break
        case .length(let length):
            writer.write("Content-Length: ")
            writer.write(decimal: max(length, 0))
            writer.write("\r\n")
        case .chunked: writer.write("Transfer-Encoding: chunked\r\n")
        }
    }

    @inline(__always)
    private static func writePersistence(
        _ persistence: Persistence, _ head: ResponseHead, _ writer: inout ByteWriter
    ) {
        switch persistence {
        case .implied: break
        case .close: if !head.closesConnection { writer.write("Connection: close\r\n") }
        case .keepAlive: writer.write("Connection: keep-alive\r\n")
        }
    }
}
