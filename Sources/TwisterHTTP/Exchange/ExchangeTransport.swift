package import TwisterCodec
package import TwisterIO

/// The framing of a response's body, as its head gives it.
package enum BodyLength {
    /// No body follows, and nothing is said of one.
    case none
    /// No body follows; the head names the length that a response to GET would have.
    case omitted(Int)
    /// A body of exactly this many bytes follows.
    case known(Int)
    /// A body whose length is not known yet follows: as many bytes as the application writes, and then perhaps trailers.
    case unknown
}

/// Carries one exchange to its client and back: the framing of HTTP/1.1 on a connection, or a stream of HTTP/2.
///
/// The exchange calls down through this protocol to have something sent. The transport calls the exchange directly when
/// something has arrived, and the exchange never has to ask for it. All calls come on the loop's thread.
package protocol ExchangeTransport: BodySource {
    /// Whether the client speaks HTTP/1.0. Such a client understands no informational responses, and a body whose length its
    /// head does not give ends only with the connection.
    var isHTTP10: Bool { get }

    /// Sends a 1xx response.
    func sendInformational(_ head: ResponseHead)

    /// Sends the head. Where the whole body is gathered already and small, it goes out in the same piece; `body` is then empty.
    func sendHead(_ head: ResponseHead, _ length: BodyLength, _ body: inout ResponseBody)

    /// Sends bytes of the body, and empties `body`.
    func sendBody(_ body: inout ResponseBody)

    /// Sends a range of a file as a part of the body. Returns false where the file ends too early.
    func sendFile(_ file: OpenFile, _ range: Range<Int>) -> Bool

    /// Ends the response: everything that was sent before goes out, followed by `trailers`.
    func sendEnd(_ trailers: ResponseTrailers?)

    /// Cuts the response, so that the client sees that it is not whole.
    func abort()

    /// Whether the caller has to wait with `drained`: the client lags behind the output, or has disconnected.
    var isBackedUp: Bool { get }

    /// Waits until the client has taken enough of the output.
    ///
    /// - Throws: `StreamClosedError`, `CancellationError`.
    func drained() async throws

    /// The exchange's limit for the request's body has changed.
    func bodyLimitChanged()

    /// Limits the time in which the whole body of the request has to arrive, counted from now on.
    func limitBodyTime(_ timeout: Duration)

    /// Seconds since 1970, as the response's `Date` will say.
    var responseTime: Int64 { get }

    /// Whether the exchange's connection can be given to another protocol. That needs a running handler and a client that
    /// speaks HTTP/1.1, or one that has asked for a WebSocket on its stream of HTTP/2 (RFC 8441).
    var mayHandOver: Bool { get }

    /// The status of the response after which the connection speaks another protocol.
    var handOverStatus: Int { get }

    /// Gives the exchange's connection (over HTTP/2: its stream) to another protocol. It serves no other exchange afterwards;
    /// the application goes on.
    ///
    /// - Parameter head: a response with `handOverStatus` to send first; nil: nothing is sent.
    /// - Returns: nil where the connection cannot be given away.
    func handOver(_ head: ResponseHead?) -> HandedConnection?
}

extension ExchangeTransport {
    package var mayHandOver: Bool { false }

    /// 101 (RFC 9110, 7.8).
    package var handOverStatus: Int { 101 }

    package func handOver(_ head: ResponseHead?) -> HandedConnection? { nil }
}
