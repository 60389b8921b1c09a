public import HTTPTypes
public import TwisterCodec
import TwisterIO

/// One request as its handler sees it. Text is made from the bytes when it is asked for.
///
/// Tornado: `httputil.HTTPServerRequest` (`httpserver.HTTPRequest` in 4.x).
public struct HTTPServerRequest {
    /// Where the answer goes. Tornado: `HTTPServerRequest.connection`.
    public let connection: HTTP1Connection

    package var head: RequestHead { connection.renamedHead ?? connection.requestHead }

    package init(_ connection: HTTP1Connection) { self.connection = connection }

    /// The request's method. Tornado: `HTTPServerRequest.method`.
    public var method: HTTPRequest.Method { head.httpMethod }

    /// The request's target as it was sent. Tornado: `HTTPServerRequest.uri`.
    public var uri: String { head.target }
    /// The target's path, percent-encoded as it was sent, without the query.
    public var path: String { head.path }
    /// The target's query without the question mark; empty where there is none.
    public var query: String { head.query }
    /// `HTTP/1.1` or `HTTP/1.0`.
    public var version: String { head.versionMinor == 0 ? "HTTP/1.0" : "HTTP/1.1" }
    /// The request's fields. Tornado: `HTTPServerRequest.headers`.
    public var headers: HTTPHeaders { HTTPHeaders(head) }

    /// The whole body, where it is collected; empty for a streamed one. Tornado: `HTTPServerRequest.body`.
    public var body: [UInt8] { connection.requestBody }
    /// The body as it arrives, where it is streamed.
    public var bodyStream: HTTPBodyStream { connection.bodyStream }
    /// The fields that came behind a chunked body, once that has been read to its end (RFC 9110, 6.5).
    public var trailers: HTTPFields { connection.requestTrailers }

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
    public var `protocol`: String { connection.forwarded?.isSecured == true ? "https" : "http" }

    /// The client's address in numbers: by what trusted proxies say (`xheaders`, `forwardedHeader`, `proxyProtocol`), else
    /// the peer's. `0.0.0.0` over a unix socket, as Tornado has it, and once the exchange is over.
    public var remoteIP: String {
        (connection.forwarded?.address ?? connection.connection?.client)?.description ?? "0.0.0.0"
    }

    /// The request's cookies. Of two with the same name the first counts: browsers send the more specific path first
    /// (RFC 6265, 5.4). Tornado: `HTTPServerRequest.cookies`, where the last counts.
    public var cookies: [String: String] {
        guard var field = head[.cookie] else { return [:] }
        return field.withUTF8 { octets in
            var cookies: [String: String] = [:]
            var parser = CookieParser(UnsafeRawBufferPointer(octets))
            while let (name, value) = parser.next() {
                if cookies[name] == nil { cookies[name] = value }
            }
            return cookies
        }
    }

    /// The request's address in full. Tornado: `HTTPServerRequest.full_url`.
    public func fullURL() -> String {
        head.targetForm == .absolute ? uri : "\(`protocol`)://\(host)\(uri)"
    }

    /// Since the head arrived; zero once the exchange is over. Tornado: `HTTPServerRequest.request_time`.
    public func requestTime() -> Duration {
        guard let loop = connection.stream?.loop else { return .zero }
        return .nanoseconds(Int64(clamping: loop.now &- connection.startedAt))
    }

    /// The query's arguments, decoded, in order of appearance. Tornado: `HTTPServerRequest.query_arguments`.
    public var queryArguments: [String: [String]] {
        var arguments: [String: [String]] = [:]
        head.withQueryBytes { query in
            var parser = QueryParser(query)
            while let (name, value) = parser.next() { arguments[name, default: []].append(value) }
        }
        return arguments
    }
}
