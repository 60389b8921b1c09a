import CTwisterNghttp2
import Glibc
import TwisterCodec

/// Carries what a test says in HTTP/1.1 by HTTP/2, and gives it the responses in the form of HTTP/1.1: where the environment
/// variable `TWISTER_TEST_HTTP` is 2, each `TestClient` has one, and so the tests of HTTP/1.1 run over HTTP/2.
///
/// Requests of one connection become streams, whose responses come back in the order of the requests. What HTTP/2 does not have
/// is made up: reasons, chunks, and the end of the connection behind `Connection: close` or behind a stream that was reset.
package final class HTTP2Translation {
    /// Whether this run of the tests speaks HTTP/2.
    package static let isOn = getenv("TWISTER_TEST_HTTP").map { String(cString: $0) == "2" } ?? false

    /// One request, and as much of its response as has come.
    fileprivate final class Exchange {
        let isHead: Bool
        let closes: Bool
        /// Whether the client knows no chunks.
        let isHTTP10: Bool
        var body: [UInt8] = []
        var isBodyComplete: Bool
        /// The fields behind the body.
        var bodyTrailers: [(String, String)] = []
        /// Whether nghttp2 waits for more of the body.
        var isDeferred = false
        var fields: [(String, String)] = []
        var trailers: [(String, String)] = []
        var isChunked = false
        var hasHead = false
        /// The response as text that the test has not received.
        var text: [UInt8] = []
        /// Whether no more of the response comes.
        var isOver = false
        /// Whether nghttp2 knows the stream no more: the request's body may be under way behind the response.
        var isClosed = false
        var isCut = false

        init(_ head: RequestTextReader.Head) {
            isHead = head.method == "HEAD"
            closes = head.closes
            isHTTP10 = head.isHTTP10
            isBodyComplete = !head.hasBody
        }
    }

    private var session: OpaquePointer?
    private var exchanges: [Int32: Exchange] = [:]
    /// The streams whose responses are not all received, in the order of the requests.
    private var order: [Int32] = []
    private var reader = RequestTextReader()
    /// The stream whose body the test is sending.
    private var sending: Exchange?
    /// Whether the test sees no more of the connection.
    private(set) var isEnded = false

    package init() {
        var callbacks: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameCount, value, valueCount, _, context in
            guard let frame else { return 0 }
            let name = String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self)
            let value = String(decoding: UnsafeBufferPointer(start: value, count: valueCount), as: UTF8.self)
            HTTP2Translation.from(context)?.exchanges[frame.pointee.hd.stream_id]?.fields.append((name, value))
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
            guard let frame else { return 0 }
            HTTP2Translation.from(context)?.frameReceived(frame.pointee)
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, count, context in
            let bytes = Array(UnsafeBufferPointer(start: bytes, count: count))
            HTTP2Translation.from(context)?.exchanges[id]?.addBody(bytes)
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, error, context in
            HTTP2Translation.from(context)?.streamClosed(id, error)
            return 0
        }
        nghttp2_session_client_new(&session, callbacks, Unmanaged.passUnretained(self).toOpaque())
        nghttp2_session_callbacks_del(callbacks)
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil, 0)
    }

    deinit { nghttp2_session_del(session) }

    private static func from(_ context: UnsafeMutableRawPointer?) -> HTTP2Translation? {
        context.map { Unmanaged<HTTP2Translation>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Bytes

    /// Takes what the test says, and returns what is to be sent for it.
    package func send(_ bytes: [UInt8]) -> [UInt8] {
        for part in reader.read(bytes) {
            switch part {
            case .head(let head): begin(head)
            case .body(let bytes): sending?.body += bytes
            case .end(let trailers):
                sending?.bodyTrailers = trailers
                sending?.isBodyComplete = true
            }
            if let sending, sending.isDeferred, let id = exchanges.first(where: { $0.value === sending })?.key {
                sending.isDeferred = false
                nghttp2_session_resume_data(session, id)
            }
        }
        return output()
    }

    /// Takes what the server has sent, and returns what the test receives for it, and what is to be sent.
    package func receive(_ bytes: [UInt8]) -> (text: [UInt8], output: [UInt8]) {
        _ = bytes.withUnsafeBufferPointer { nghttp2_session_mem_recv(session, $0.baseAddress, $0.count) }
        return (takeText(), output())
    }

    /// Whether the windows of the server hold back bytes of bodies that the test has sent.
    package var isHeldUp: Bool { exchanges.values.contains { !$0.isClosed && !$0.body.isEmpty } }

    private func output() -> [UInt8] {
        var all: [UInt8] = []
        var bytes: UnsafePointer<UInt8>?
        while case let count = nghttp2_session_mem_send(session, &bytes), count > 0 {
            all += UnsafeBufferPointer(start: bytes, count: count)
        }
        return all
    }

    private func takeText() -> [UInt8] {
        var text: [UInt8] = []
        while !isEnded, let id = order.first, let exchange = exchanges[id] {
            text += exchange.text
            exchange.text = []
            guard exchange.isOver else { break }
            isEnded = exchange.isCut || exchange.closes
            order.removeFirst()
            if exchange.isClosed { exchanges[id] = nil }
        }
        return text
    }

    private func streamClosed(_ id: Int32, _ error: UInt32) {
        guard let exchange = exchanges[id] else { return }
        exchange.isClosed = true
        exchange.close(error)
        if !order.contains(id) { exchanges[id] = nil }
    }

    // MARK: Requests

    private func begin(_ head: RequestTextReader.Head) {
        let exchange = Exchange(head)
        var fields = [(":method", head.method)]
        // The target of CONNECT is its authority (RFC 9113, 8.5).
        if head.method != "CONNECT" { fields += [(":scheme", head.scheme), (":path", head.target)] }
        if let host = head.host { fields.append((":authority", host)) }
        fields += head.fields
        var provider = nghttp2_data_provider()
        provider.source.ptr = Unmanaged.passUnretained(exchange).toOpaque()
        provider.read_callback = { session, id, room, count, flags, source, _ in
            guard let room, let flags, let pointer = source?.pointee.ptr else { return 0 }
            let exchange = Unmanaged<Exchange>.fromOpaque(pointer).takeUnretainedValue()
            let taken = exchange.takeBody(room, count, &flags.pointee)
            if flags.pointee & NGHTTP2_DATA_FLAG_EOF.rawValue != 0, !exchange.bodyTrailers.isEmpty {
                flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                withFields(exchange.bodyTrailers) { _ = nghttp2_submit_trailer(session, id, $0, $1) }
            }
            return taken
        }
        let id = withFields(fields) { pairs, count in
            guard head.hasBody else { return nghttp2_submit_request(session, nil, pairs, count, nil, nil) }
            return nghttp2_submit_request(session, nil, pairs, count, &provider, nil)
        }
        exchanges[id] = exchange
        order.append(id)
        sending = head.hasBody ? exchange : nil
    }

    // MARK: Responses

    private func frameReceived(_ frame: nghttp2_frame) {
        defer {
            let isOfResponse = [NGHTTP2_HEADERS, NGHTTP2_DATA].contains { UInt8($0.rawValue) == frame.hd.type }
            if isOfResponse, frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
                exchanges[frame.hd.stream_id]?.close(NGHTTP2_NO_ERROR.rawValue)
            }
        }
        switch frame.hd.type {
        case UInt8(NGHTTP2_HEADERS.rawValue): exchanges[frame.hd.stream_id]?.endFields()
        case UInt8(NGHTTP2_GOAWAY.rawValue) where frame.goaway.error_code != NGHTTP2_NO_ERROR.rawValue:
            for exchange in exchanges.values { exchange.close(frame.goaway.error_code) }
        default: break
        }
    }
}

/// Calls `body` with fields in the form of nghttp2, which copies them.
private func withFields<Result>(
    _ fields: [(String, String)], _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result
) -> Result {
    let storage = fields.map { (Array($0.0.utf8), Array($0.1.utf8)) }
    var all = storage.flatMap { $0.0 + $0.1 }
    return all.withUnsafeMutableBufferPointer { all in
        var start = 0
        let pairs = storage.map { name, value in
            defer { start += name.count + value.count }
            let base = all.baseAddress.map { $0 + start }
            return nghttp2_nv(
                name: base, value: base.map { $0 + name.count }, namelen: name.count, valuelen: value.count,
                flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
        }
        return pairs.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
    }
}

extension HTTP2Translation.Exchange {
    fileprivate func takeBody(_ room: UnsafeMutablePointer<UInt8>, _ limit: Int, _ flags: inout UInt32) -> Int {
        guard !body.isEmpty || isBodyComplete else {
            isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        let count = min(limit, body.count)
        for index in 0..<count { room[index] = body[index] }
        body.removeFirst(count)
        if body.isEmpty, isBodyComplete { flags |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return count
    }

    /// A head or trailers are complete.
    fileprivate func endFields() {
        defer { fields = [] }
        guard let status = fields.first(where: { $0.0 == ":status" }).flatMap({ Int($0.1) }) else {
            trailers = fields
            return
        }
        var lines = "HTTP/1.1 \(status) \(ReasonPhrase.of(status))\r\n"
        for (name, value) in fields where name != ":status" { lines += "\(Self.usual(name)): \(value)\r\n" }
        if status >= 200 {
            hasHead = true
            let hasNoBody = isHead || status == 204 || status == 304
            isChunked = !hasNoBody && !isHTTP10 && !fields.contains { $0.0 == "content-length" }
            if isChunked { lines += "Transfer-Encoding: chunked\r\n" }
            if closes { lines += "Connection: close\r\n" }
        }
        text += (lines + "\r\n").utf8
    }

    /// A name as HTTP/1.1 writes it.
    private static func usual(_ name: String) -> String {
        switch name {
        case "etag": "ETag"
        case "www-authenticate": "WWW-Authenticate"
        default:
            name.split(separator: "-", omittingEmptySubsequences: false)
                .map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined(separator: "-")
        }
    }

    fileprivate func addBody(_ bytes: [UInt8]) {
        guard isChunked else { return text += bytes }
        if !bytes.isEmpty { text += Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8) }
    }

    fileprivate func close(_ error: UInt32) {
        guard !isOver else { return }
        isOver = true
        if hasHead, error == NGHTTP2_NO_ERROR.rawValue {
            if isChunked {
                text += "0\r\n".utf8
                for (name, value) in trailers { text += "\(Self.usual(name)): \(value)\r\n".utf8 }
                text += "\r\n".utf8
            }
            return
        }
        isCut = true
        // HTTP/1.1 has a status for a malformed request (RFC 9113, 8.1.1).
        if !hasHead, error == NGHTTP2_PROTOCOL_ERROR.rawValue {
            text += "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".utf8
        }
    }
}
