import HTTPTypes
package import TwisterCodec
import TwisterCompression
package import TwisterIO

/// One exchange on a connection: a request, and the writer of its answer.
///
/// What is written is gathered; `flush` sends it and waits while the client lags behind, `finish` sends the rest and ends
/// the answer. An answer that was not flushed goes out with its `Content-Length` in one piece; a flushed one without a
/// length goes out chunked (HTTP/1.1) or ends with the connection (HTTP/1.0).
///
/// Tornado: `http1connection.HTTP1Connection` (`httputil.HTTPConnection`).
public final class HTTP1Connection {
    /// The connection under it; nil once the exchange is over.
    @exclusivity(unchecked) var connection: HTTP1ServerConnection?
    /// When the head was complete, on the loop's clock.
    @exclusivity(unchecked) private(set) var startedAt: UInt64 = 0

    /// What those that answer rely on; see `keep`.
    @exclusivity(unchecked) private var kept: AnyObject?

    // The request.
    package let requestHead = RequestHead()
    /// The head as the handler sees it where the body is decoded; nil where that is `requestHead`.
    @exclusivity(unchecked) var renamedHead: RequestHead?
    /// Whether the request's head was read whole; its fields are not there before.
    @exclusivity(unchecked) private(set) var isRequestHeadRead = false
    /// What a trusted proxy says of the client; nil: nothing.
    @exclusivity(unchecked) var forwarded: ForwardedClient?
    @exclusivity(unchecked) package internal(set) var requestBody: [UInt8] = []
    @exclusivity(unchecked) private(set) var bodyStream = HTTPBodyStream.empty
    var requestTrailers = HTTPFields()
    @exclusivity(unchecked) private(set) var isStreamed = false
    @exclusivity(unchecked) private(set) var bodyLimit = 0
    /// The limit that somebody set for this request.
    private var ownBodyLimit: Int?
    /// Bytes of the body that came, as they were sent.
    @exclusivity(unchecked) private(set) var bodyReceived = 0
    @exclusivity(unchecked) var awaitsContinue = false
    /// Whether the body was read to its end, or there is none.
    @exclusivity(unchecked) var isRequestRead = false

    /// Undoes the body's compression; nil: there is none.
    @exclusivity(unchecked) var inflater: Inflater?

    // The answer.
    /// The answer's head; it can be changed until it is sent.
    package let head = ResponseHead()
    /// Gathered bytes of the answer's body that were not sent.
    @exclusivity(unchecked) var body = AnswerBody()
    /// Fields to follow the body; nil: none.
    @exclusivity(unchecked) var trailers: ResponseTrailers?
    @exclusivity(unchecked) var state = AnswerState.open
    @exclusivity(unchecked) var keepAlive = true

    init() {}

    /// The stream under the connection; nil once the exchange is over.
    package var stream: IOStream? { connection?.stream }

    /// Whether the client has gone before the answer was finished.
    @exclusivity(unchecked) package internal(set) var isClientGone = false

    // MARK: The course of an exchange

    // The first two have one caller, of which they become a part: a call of each request less.

    @inline(__always)
    func begin(on connection: HTTP1ServerConnection, keepAlive allowed: Bool) {
        if self.connection == nil { self.connection = connection }
        isRequestHeadRead = true
        keepAlive = allowed && requestHead.keepAlive
        startedAt = connection.stream.turnTime
    }

    @inline(__always)
    func expect(_ delivery: HTTPBodyDelivery, _ server: HTTPServer) {
        switch delivery {
        case .collected(let limit): bodyLimit = ownBodyLimit ?? limit ?? server.maxBodySize
        case .streamed(let limit): expectStream(limit, server)
        }
    }

    @inline(never)
    private func expectStream(_ limit: Int?, _ server: HTTPServer) {
        isStreamed = true
        bodyLimit = ownBodyLimit ?? limit ?? .max
        bodyStream = HTTPBodyStream(self, highWatermark: server.configuration.bodyBufferSize)
    }

    /// What was written by now is the answer. Answers whether the connection may go on.
    func conclude(_ stream: IOStream, _ server: HTTPServer) -> Bool {
        finish(stream, server)
        return end()
    }

    /// The answer is out, or given up: what is written from now on has nowhere to go. Answers whether the connection may
    /// go on.
    @discardableResult
    func end() -> Bool {
        if !isFinished { abort() }
        if isStreamed { bodyStream.finish(.failure(HTTPBodyError.clientWent)) }
        state = .finished
        return keepAlive
    }

    /// Keeps `owner` alive as long as the exchange, so that who answers need not, for each request anew.
    package func keep(_ owner: AnyObject) {
        if kept !== owner { kept = owner }
    }

    /// Lets go of the connection, which is gone or has another exchange now.
    func detach() { connection = nil }

    /// Makes ready for the connection's next request; only where nobody else holds the exchange.
    func reset() {
        requestHead.reuse()
        if renamedHead != nil { renamedHead = nil }
        if !requestBody.isEmpty { requestBody = [] }
        if isStreamed {
            isStreamed = false
            bodyStream = .empty
        }
        if !requestTrailers.isEmpty { requestTrailers = HTTPFields() }
        isClientGone = false
        isRequestHeadRead = false
        bodyReceived = 0
        ownBodyLimit = nil
        isRequestRead = false
        awaitsContinue = false
        head.reuse()
        body.removeAll()
        if trailers != nil { trailers = nil }
        if inflater != nil { inflater = nil }
        if forwarded != nil { forwarded = nil }
        state = .open
    }

    // MARK: The request's body

    func receiveBody(_ bytes: UnsafeRawBufferPointer) throws(RequestRefusal) {
        bodyReceived += bytes.count
        if let inflater { try inflate(bytes, with: inflater) } else { deliverBody(bytes) }
    }

    /// Brings bytes of the body, as they were meant, to whom they are for.
    func deliverBody(_ bytes: UnsafeRawBufferPointer) {
        if isStreamed {
            bodyStream.receive(bytes)
        } else {
            requestBody.append(contentsOf: bytes)
        }
    }

    func dropRequestBody() { requestBody = [] }

    /// There is none, or all of it has come.
    func endBody() {
        awaitsContinue = false
        if isStreamed { bodyStream.finish(.success(())) }
    }

    /// Nobody reads the body any more: whether it was refused or left.
    func failBody(_ error: HTTPBodyError) {
        if isStreamed { bodyStream.finish(.failure(error)) }
    }

    /// Changes how long the request's body may be, in bytes; over it: 413. Of use while the body has not come, that is in
    /// `headersReceived` and, for a streamed body, in a handler's `prepare`.
    ///
    /// Tornado: `HTTP1Connection.set_max_body_size`.
    public func setMaxBodySize(_ limit: Int) {
        ownBodyLimit = max(limit, 0)
        bodyLimit = max(limit, 0)
        inflater?.limit = bodyLimit
        connection?.checkBodyLimit()
    }

    /// Gives the whole body so long to arrive, from now on, however fast it comes; over it: 408.
    ///
    /// Tornado: `HTTP1Connection.set_body_timeout`.
    public func setBodyTimeout(_ timeout: Duration) { connection?.limitBodyTime(timeout) }

    func pauseBody() { connection?.pauseBody() }
    func resumeBody() { connection?.resumeBody() }

    /// Tells a client that waits for it to send its body (RFC 9110, 10.1.1).
    func sendContinueIfAwaited() {
        guard awaitsContinue, !isHeadSent, bodyReceived == 0, let stream else { return }
        awaitsContinue = false
        stream.enqueue(ResponseEncoder.continue100)
    }
}
