package import TwisterCodec
package import TwisterIO

/// The framing of a response's body, as its head gives it.
package enum BodyLength {
    /// No body follows, and nothing is said of one.
    case none
    /// No body follows; the head names the length that a response to GET would have.
    case omitted(Int)
    /// So many bytes follow.
    case known(Int)
    /// As many bytes follow as the application writes, and then perhaps trailers.
    case unknown
}

/// Carries one exchange to its client and back: the framing of HTTP/1.1 on a connection, or a stream of HTTP/2.
///
/// The exchange calls down through this protocol and has the transport do what it says; the transport tells the exchange
/// what has come, and the exchange asks nothing back. All calls come on the loop's thread.
package protocol ExchangeTransport: BodySource {
    /// Whether the client understands informational responses, and bodies of unknown length that end before the connection
    /// does: everything but HTTP/1.0.
    var isHTTP10: Bool { get }

    /// Sends a 1xx response.
    func sendInformational(_ head: ResponseHead)

    /// Sends the head. A small body that is there as a whole goes out in the same piece; `body` is then empty.
    func sendHead(_ head: ResponseHead, _ length: BodyLength, _ body: inout ResponseBody)

    /// Sends bytes of the body, and empties `body`.
    func sendBody(_ body: inout ResponseBody)

    /// Sends a range of a file as a part of the body. Returns false where the file ends too early.
    func sendFile(_ file: OpenFile, _ range: Range<Int>) -> Bool

    /// The response is complete: everything that was sent goes out, with `trailers` behind it.
    func sendEnd(_ trailers: ResponseTrailers?)

    /// Cuts the response, so that the client sees that it is not whole.
    func abort()

    /// Whether `drained` has to be called: more is queued than the client takes, or the client has disconnected.
    var isBackedUp: Bool { get }

    /// Waits until the client has taken enough of the output.
    ///
    /// - Throws: `StreamClosedError`, `CancellationError`.
    func drained() async throws

    /// The exchange's limit for the request's body has changed.
    func bodyLimitChanged()

    /// Gives the whole body of the request so long to arrive, from now on.
    func limitBodyTime(_ timeout: Duration)

    /// Seconds since 1970, as the response's `Date` will say.
    var responseTime: Int64 { get }

    /// Whether the exchange's connection can be given to another protocol: the handler runs, and the client speaks HTTP/1.1, or
    /// has asked for a WebSocket on its stream of HTTP/2 (RFC 8441).
    var mayHandOver: Bool { get }

    /// The status of a response behind which the connection speaks another protocol.
    var handOverStatus: Int { get }

    /// Gives the exchange's connection away, or its stream of HTTP/2, which serves no other exchange. The application goes on.
    ///
    /// - Parameter head: a response with `handOverStatus` that is sent before; nil: nothing is sent.
    /// - Returns: nil where the connection cannot be given away.
    func handOver(_ head: ResponseHead?) -> HandedConnection?
}

extension ExchangeTransport {
    package var mayHandOver: Bool { false }

    /// 101 (RFC 9110, 7.8).
    package var handOverStatus: Int { 101 }

    package func handOver(_ head: ResponseHead?) -> HandedConnection? { nil }
}
