import Glibc
import HTTPTypes
package import TwisterCodec
package import TwisterIO

/// One exchange: a request, and the writer of its response, whatever version of HTTP carries them.
///
/// Written bytes are gathered; `flush` sends them and waits while the client lags behind, `finish` sends the rest and ends
/// the response. A response that was not flushed goes out with its `Content-Length` in one piece; a flushed one without a
/// declared length has its end marked by the transport (chunks in HTTP/1.1).
///
/// An exchange belongs to the loop that serves it. Used off the loop's thread, it ends the program with a message, in
/// release builds too. Once it is over, or its client has disconnected, writes are ignored; the request that it shows
/// stays the same for as long as somebody holds it.
///
/// Tornado: `httputil.HTTPConnection`.
public final class HTTPConnection {
    /// The loop that serves the exchange.
    package let loop: IOLoop
    private let thread: pthread_t
    private let unretainedHead: Unmanaged<RequestHead>
    /// The request's head, which is immutable once it was read.
    package let requestHead: RequestHead
    /// The response's head; it can be changed until it is sent.
    package let head = ResponseHead()

    // A loop uses its exchanges again and again: these parts are replaced or emptied for each request. Release builds do not
    // check their accesses for exclusivity: that would cost 900 instructions a request. Debug builds do.

    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var requestBody = RequestBody()
    /// Gathered bytes of the response's body that were not sent.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    package var responseBody = ResponseBody()
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var state = State()
    /// Fields to follow the response's body; nil: none. Not a part of the state, which holds no references and is therefore
    /// replaced by a few stores.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var responseTrailers: ResponseTrailers?
    /// The TLS parameters of the request's connection; nil: it has no TLS. They are no part of the state either.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    package private(set) var security: StreamSecurity?
    /// The account of the exchange; nil where the server keeps none.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var record: ExchangeRecord?
    /// Changes the response on its way to the transport; nil for nearly every response.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    package var filter: (any ResponseFilter)?
    /// Carries the exchange; nil once the exchange is over. A transport detaches itself before it is released, which makes the
    /// unowned reference safe: a strong one would be a retain cycle, and a weak one would make each retain of the transport
    /// slow.
    unowned(unsafe) var transport: (any ExchangeTransport)?
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var owners = Owners()

    /// The state of one request besides its head and its body. Each request starts with a new value.
    struct State {
        /// Whether the request's head was read as a whole; its fields are not there before.
        var isRequestHeadRead = false
        /// When the head was complete, on the loop's clock.
        var startedAt: UInt64 = 0
        var origin = RequestOrigin()
        var phase = ResponsePhase.open
        /// Whether the handler was cancelled at the end of a shutdown.
        var isCut = false
        /// Whether the handler was told that the server shuts down.
        var isToldOfShutdown = false
    }

    package init(_ loop: IOLoop) {
        self.loop = loop
        thread = loop.threadID
        requestHead = RequestHead()
        unretainedHead = Unmanaged.passUnretained(requestHead)
    }

    /// Ends the program with a message where the caller is not on the loop's thread.
    @inline(__always)
    package func checkThread(_ function: StaticString = #function) {
        if pthread_self() != thread { IOLoop.failOffLoop(function) }
    }

    /// Notes which handler and route serve the request.
    package func note(_ label: JobLabel) {
        if record != nil { noteLabel(label) }
    }

    @inline(never)
    private func noteLabel(_ label: JobLabel) {
        record?.label = label
    }

    // MARK: The course of an exchange

    /// The request's head was read.
    @inline(__always)
    package func begin(at time: UInt64, from peer: IPAddress?) {
        state.isRequestHeadRead = true
        state.startedAt = time
        state.origin.peer = peer
    }

    /// Notes what the TLS of the request's connection has agreed on, once the request has begun; nil: the connection has none.
    package func note(_ security: StreamSecurity?) {
        self.security = security
        state.origin.isConnectionSecured = security != nil
    }

    /// Lets go of the transport: what is written from now on has nowhere to go.
    package func detach() { transport = nil }

    /// The client has disconnected. Returns whether the response was still due.
    package func clientDisconnected() -> Bool {
        requestBody.fail(.clientDisconnected)
        if case .held = state.phase { state.phase = .disconnected(isFinished: true) }
        guard !isFinished, !isClientDisconnected else { return false }
        state.phase = .disconnected(isFinished: false)
        return true
    }

    /// The server shuts down, and the handler has not come to its end in time: it is about to be cancelled.
    package func noteCancellation() {
        state.isCut = true
        noteOutcome(.cut)
    }

    /// The handler is about to be told that the server shuts down. Returns false where it was told before.
    package func noteShutdown() -> Bool {
        guard !state.isToldOfShutdown else { return false }
        state.isToldOfShutdown = true
        filter?.shutdownBegan()
        return true
    }

    /// Whether the handler was told that the server shuts down.
    package var isToldOfShutdown: Bool { state.isToldOfShutdown }

    /// Whether an error of the handler only says that it was cancelled at the end of a shutdown.
    package func isEndOfShutdown(_ error: any Error) -> Bool { state.isCut && error is CancellationError }

    /// The application has returned: what was written by now is the response.
    package func conclude<Transport: ExchangeTransport>(through transport: Transport) {
        finish(through: transport)
        requestBody.fail(.clientDisconnected)
    }

    /// Ends the exchange where the application has returned and the transport was detached before.
    package func concludeDetached() {
        markFinished()
        requestBody.fail(.clientDisconnected)
    }

    /// Whether somebody holds the request's head, or holds the exchange weakly. Both objects must then stay as they are.
    var isHeldPartly: Bool {
        // Each object counts one unowned and one weak reference of its own.
        !unretainedHead.isUniquelyReferenced || _getUnownedRetainCount(self) > 1 || _getWeakRetainCount(self) > 1
    }

    /// Makes the exchange ready for another request. Called only where nobody else holds it.
    package func renew() {
        requestHead.reuse()
        if requestBody.isUsed { requestBody = RequestBody() }
        head.reuse()
        if !responseBody.isEmpty { responseBody.removeAll() }
        state = State()
        if responseTrailers != nil { responseTrailers = nil }
        if security != nil { security = nil }
        if filter != nil { filter = nil }
        owners.keepOne()
    }

    /// Releases the memory that a finished exchange does not need, for an exchange that is kept for long, as that of a
    /// WebSocket.
    package func shrink() {
        guard isFinished else { return }
        head.giveBackMemory()
        responseBody = ResponseBody()
        // Another holder of the head may read it on another thread.
        if unretainedHead.isUniquelyReferenced { requestHead.shrink() }
    }

    /// Keeps `owner` (an application) alive for as long as the exchange, so that the objects that `owner` makes for each
    /// request need not retain it. Several owners may be kept: a delegate may ask several applications about one request.
    package func keep(_ owner: AnyObject) { owners.keep(owner) }

    /// The owner, where exactly one is kept.
    package var onlyOwner: AnyObject? { owners.only }

    private struct Owners {
        /// Kept from request to request, because nearly all requests of a server have the same owner.
        private var first: AnyObject?
        private var others: [AnyObject] = []

        mutating func keep(_ owner: AnyObject) {
            if first === owner { return }
            if first == nil { first = owner } else { others.append(owner) }
        }

        var only: AnyObject? { others.isEmpty ? first : nil }

        mutating func keepOne() {
            guard !others.isEmpty else { return }
            self = Owners()
        }
    }

    // MARK: The request's body

    /// Decides how the body is delivered.
    @inline(__always)
    package func expect(_ delivery: HTTPBodyDelivery, _ limits: BodyLimits) {
        switch delivery {
        case .collected(let limit): requestBody.collect(limit ?? limits.collected)
        case .streamed(let limit): expectStream(limit, limits)
        }
    }

    @inline(never)
    private func expectStream(_ limit: Int?, _ limits: BodyLimits) {
        requestBody.deliver(
            to: HTTPBodyStream(loop, source: transport, highWatermark: limits.buffered), limit ?? .max)
    }

    /// Changes how long the request's body may be, in bytes; over it: 413. Of use while the body has not come, that is in
    /// `headersReceived` and, for a streamed body, in a handler's `prepare`.
    ///
    /// Tornado: `HTTP1Connection.set_max_body_size`.
    public func setMaxBodySize(_ limit: Int) {
        checkThread()
        requestBody.setLimit(max(limit, 0))
        transport?.bodyLimitChanged()
    }

    /// Gives the whole body so long to arrive, from now on, however fast it comes; over it: 408.
    ///
    /// Tornado: `HTTP1Connection.set_body_timeout`.
    public func setBodyTimeout(_ timeout: Duration) {
        checkThread()
        transport?.limitBodyTime(timeout)
    }
}

extension Unmanaged {
    /// `isKnownUniquelyReferenced` for an object in a constant. The standard function takes a variable, and reading a variable
    /// retains the object, which reading a constant does not. These retains would be 20 in each request.
    package var isUniquelyReferenced: Bool {
        var reference = self
        return withUnsafeMutablePointer(to: &reference) { pointer in
            pointer.withMemoryRebound(to: Instance.self, capacity: 1) { isKnownUniquelyReferenced(&$0.pointee) }
        }
    }
}

/// How far a response is.
enum ResponsePhase {
    /// Nothing is sent; the head can still be changed.
    case open
    /// The handler has finished the response, nothing of it is sent, and the filter holds it back.
    case held
    /// The head is sent; so many bytes of the body are still due.
    case sending(remaining: Int)
    /// The head is sent; as many bytes of the body follow as are written.
    case streaming
    /// The head is sent and no body follows: HEAD, 204, 304.
    case bodiless
    /// The client has disconnected before the response was finished; what is written is dropped.
    case disconnected(isFinished: Bool)
    case finished
}

/// Where a request comes from.
struct RequestOrigin {
    /// The peer, or whom the PROXY protocol named; nil on a unix socket.
    var peer: IPAddress?
    /// The client as a trusted proxy reports it; nil where no proxy reports one.
    var forwarded: ForwardedClient?

    /// Whether this connection has TLS.
    var isConnectionSecured = false

    /// Whether the client speaks https.
    var isSecured: Bool { forwarded?.isSecured ?? isConnectionSecured }

    /// The client's address, by what is known best.
    var address: IPAddress? { forwarded?.address ?? peer }
}
