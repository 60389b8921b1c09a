public import HTTPTypes
public import TwisterCodec
public import TwisterIO

/// One request as its handler sees it. Text is made from the bytes when it is asked for.
///
/// It shows the same request for as long as somebody holds it. It belongs to the loop that serves the request: used off
/// that loop's thread, it ends the program with a message. `headers`, `body` and every `String` may go anywhere.
///
/// Tornado: `httputil.HTTPServerRequest` (`httpserver.HTTPRequest` in 4.x).
public struct HTTPServerRequest {
    /// The exchange: the request's response is written to it. Tornado: `HTTPServerRequest.connection`.
    public let connection: HTTPConnection

    package var head: RequestHead {
        connection.checkThread("HTTPServerRequest")
        return connection.requestHead
    }

    package init(_ connection: HTTPConnection) { self.connection = connection }

    /// The request's method. Tornado: `HTTPServerRequest.method`.
    public var method: HTTPRequest.Method { head.httpMethod }

    /// The request's target as it was sent. Tornado: `HTTPServerRequest.uri`.
    public var uri: String { head.target }
    /// The target's path, percent-encoded as it was sent, without the query.
    public var path: String { head.path }
    /// The target's query without the question mark; empty where there is none.
    public var query: String { head.query }
    /// `HTTP/1.1`, `HTTP/1.0` or `HTTP/2.0`.
    public var version: String { "\(head.version)" }
    /// The request's fields. Tornado: `HTTPServerRequest.headers`.
    public var headers: HTTPHeaders { HTTPHeaders(head) }

    /// The whole body, where it is collected; empty for a streamed one. Tornado: `HTTPServerRequest.body`.
    public var body: [UInt8] {
        connection.checkThread("HTTPServerRequest.body")
        return connection.requestBody.bytes
    }
    /// The body as it arrives, where it is streamed; a collected one comes once, in one piece.
    public var bodyStream: HTTPBodyStream {
        connection.checkThread("HTTPServerRequest.bodyStream")
        return connection.requestBody.stream ?? connection.requestBody.collectedStream(on: connection.loop)
    }
    /// The fields that came behind a body (a chunked one, in HTTP/1.1), once that has been read to its end (RFC 9110, 6.5).
    public var trailers: HTTPFields {
        connection.checkThread("HTTPServerRequest.trailers")
        return connection.requestBody.trailers ?? HTTPFields()
    }

    /// The host that was asked for, with its port where one was sent: the target's own, else the `Host` field's, else
    /// (HTTP/1.0) `127.0.0.1`. Tornado: `HTTPServerRequest.host`.
    public var host: String {
        let host = head.host
        return host.isEmpty ? "127.0.0.1" : host
    }

    /// `host` in lower case, without the port. Tornado: `HTTPServerRequest.host_name`.
    public var hostName: String {
        let host = host.lowercased()
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return host.lastIndex(of: ":").map { String(host[..<$0]) } ?? host
    }

    /// `http` or `https`: what the client speaks, where a trusted proxy says so (`xheaders`, `forwardedHeader`), else
    /// what this connection speaks.
    public var `protocol`: String {
        connection.checkThread("HTTPServerRequest.protocol")
        return connection.state.origin.isSecured ? "https" : "http"
    }

    /// The result of the connection's TLS handshake: version, cipher, host name, client's certificate. Nil where the connection
    /// has no TLS; a proxy in front of the server may still have (`protocol`).
    public var security: StreamSecurity? {
        connection.checkThread("HTTPServerRequest.security")
        return connection.security
    }

    /// The certificate of the client, which was verified against `SSLOptions.certificateAuthorities`; nil: the client has shown
    /// none. Tornado: `HTTPServerRequest.get_ssl_certificate`.
    public var peerCertificate: PeerCertificate? { security?.peerCertificate }

    /// The client's numeric address: the one that trusted proxies report (`xheaders`, `forwardedHeader`, `proxyProtocol`),
    /// otherwise the peer's. `0.0.0.0` over a unix socket, as in Tornado. Tornado: `HTTPServerRequest.remote_ip`.
    public var remoteIP: String {
        connection.checkThread("HTTPServerRequest.remoteIP")
        return connection.state.origin.address?.description ?? "0.0.0.0"
    }

    /// The client's address, as `remoteIP` has it; nil over a unix socket.
    package var clientAddress: IPAddress? {
        connection.checkThread("HTTPServerRequest.clientAddress")
        return connection.state.origin.address
    }

    /// The request's cookies. Of two with the same name the first counts: browsers send the more specific path first
    /// (RFC 6265, 5.4). Tornado: `HTTPServerRequest.cookies`, where the last counts.
    public var cookies: [String: String] {
        guard var field = head[.cookie] else { return [:] }
        return field.withUTF8 { octets in
            var cookies: [String: String] = [:]
            // The longest head bounds their number.
            var parser = CookieParser(UnsafeRawBufferPointer(octets), limit: .max)
            while let (name, value) = parser.next() {
                if cookies[name] == nil { cookies[name] = value }
            }
            return cookies
        }
    }

    /// The value of the first cookie of that name.
    package func cookie(_ name: String) -> String? {
        head[.cookie]?.withOctets { octets in
            var parser = CookieParser(octets, limit: .max)
            while let pair = parser.nextRaw() {
                if pair.name.elementsEqual(name.utf8) { return CookieParser.unquoted(pair.value) }
            }
            return nil
        } ?? nil
    }

    /// The request's address in full. Tornado: `HTTPServerRequest.full_url`.
    public func fullURL() -> String {
        head.targetForm == .absolute ? uri : "\(`protocol`)://\(host)\(uri)"
    }

    /// The time since the request's head arrived. Tornado: `HTTPServerRequest.request_time`.
    public func requestTime() -> Duration {
        .nanoseconds(Int64(clamping: connection.loop.now &- connection.state.startedAt))
    }

    /// The query's arguments, decoded, in order of appearance. Tornado: `HTTPServerRequest.query_arguments`.
    public var queryArguments: [String: [String]] {
        var arguments: [String: [String]] = [:]
        head.withQueryBytes { query in
            // The longest request line bounds their number.
            var parser = QueryParser(query, limit: .max)
            while let (name, value) = parser.next() { arguments[name, default: []].append(value) }
        }
        return arguments
    }
}
