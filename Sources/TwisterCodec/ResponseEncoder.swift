/// Writes the heads of answers. It holds what is the same for all answers of a server.
///
/// The caller reserves `upperBound` octets and gets back how many were written.
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
        /// Nothing: the version's own rule is meant.
        case implied
        case close
        /// For an HTTP/1.0 client that asked for it.
        case keepAlive
    }

    /// "Server: name" CRLF, or nothing.
    private let serverLine: [UInt8]

    /// Octets that a head may have beside its reason phrase, fields and Server line: status line, Content-Length or
    /// Transfer-Encoding, Date, Connection, CRLF.
    private static var overhead: Int { 192 }

    /// `server` nil leaves the field out.
    package init(server: String?) throws(HTTPHeaderError) {
        guard let server else {
            serverLine = []
            return
        }
        guard FieldSyntax.isValue(server) else { throw .invalidValue(name: "Server") }
        serverLine = Array("Server: \(server)\r\n".utf8)
    }

    /// As many octets as `encode` may need for that head.
    package func upperBound(_ head: ResponseHead) -> Int {
        head.lines.count + serverLine.count + (head.reason?.utf8.count ?? 0) + Self.overhead
    }

    /// Writes status line, fields and the empty line. Date and Server are left out where the application set its own.
    /// `date` nil, a server without a clock, leaves Date out.
    package func encode(
        _ head: ResponseHead, framing: Framing, persistence: Persistence, date: CachedDate?, at unixSeconds: Int64,
        into destination: UnsafeMutableRawPointer
    ) -> Int {
        var writer = ByteWriter(destination)
        Self.writeStatusLine(head, &writer)
        if !head.known.contains(.server) { serverLine.withUnsafeBytes { writer.write($0) } }
        if let date, !head.known.contains(.date) { writer.skip(date.writeLine(at: unixSeconds, to: writer.position)) }
        writer.write(head.lines.octets)
        // Neither field may stand in a 1xx or 204 answer (RFC 9110 8.6, RFC 9112 6.1).
        if head.status >= 200, head.status != 204 { Self.writeFraming(framing, &writer) }
        Self.writePersistence(persistence, head, &writer)
        writer.write("\r\n")
        return writer.position - destination
    }

    /// As many octets as `encodeInformational` may need for that head.
    package static func informationalUpperBound(_ head: ResponseHead) -> Int {
        head.lines.count + (head.reason?.utf8.count ?? 0) + overhead
    }

    /// Writes a 1xx head (RFC 9110 15.2): status line and fields, nothing of the server's own.
    package static func encodeInformational(_ head: ResponseHead, into destination: UnsafeMutableRawPointer) -> Int {
        var writer = ByteWriter(destination)
        writeStatusLine(head, &writer)
        writer.write(head.lines.octets)
        writer.write("\r\n")
        return writer.position - destination
    }

    /// The whole of a 100 answer.
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
