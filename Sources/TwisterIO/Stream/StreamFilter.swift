/// Stands between a stream's socket and the stream's consumer, and changes the bytes on their way in both directions: TLS,
/// or the header of the PROXY protocol.
///
/// The stream calls these methods on the loop's thread. A filter calls its host, at once or later, and never needs to expect
/// a call of the stream from within one of its own calls: the consumer's writes and the end of its output reach the filter at
/// the end of the turn. A stream without a filter does not pay for this.
package protocol StreamFilter: AnyObject {
    /// The stream is open. A filter that speaks first transmits here, and a filter without a handshake calls
    /// `host.handshakeFinished` here. The filter may keep the host until `streamClosed`.
    func start(_ host: any StreamFilterHost)

    /// Bytes that came from the socket. The filter keeps what it cannot decode yet. While the consumer does not receive, no
    /// bytes come, except during the handshake.
    func receive(_ bytes: UnsafeRawBufferPointer)

    /// The socket's peer has sent its last byte. The filter calls `host.deliverEnd`, or `host.fail` where the end came too
    /// early.
    func receiveEnd()

    /// Bytes of the application, once the handshake is finished. The filter encodes and transmits them. The bytes count as
    /// sent, and the next ones come, once the socket has taken everything that the filter has transmitted since this call.
    func send(_ bytes: UnsafeRawBufferPointer)

    /// The application's output has ended; all of it was sent. The filter transmits its own last bytes and then calls
    /// `host.transmitEnd`. Not called where the stream closes before the handshake is finished.
    func sendEnd()

    /// The stream is closed. The filter releases its host; further calls of the host have no effect.
    func streamClosed()

    /// The result of the handshake, once it is finished; nil where the filter does not secure its stream.
    var security: StreamSecurity? { get }
}

extension StreamFilter {
    package func streamClosed() {}
    package var security: StreamSecurity? { nil }
}

/// Makes the filters of the connections that listening sockets accept. One factory serves the sockets of several loops.
package protocol StreamFilterFactory: AnyObject, Sendable {
    /// How long the handshake of a filter may take.
    var handshakeTimeout: Duration { get }

    /// Called once for each server, on the thread of its loop. The result makes the filter of one connection, there as well.
    func makeFilters(on loop: IOLoop, for usage: SecuredUsage) -> () -> any StreamFilter
}

/// What a server's protocol needs of the TLS below it.
package struct SecuredUsage: Sendable {
    /// The protocols that the server offers, the best first (ALPN, RFC 7301); empty: none is negotiated.
    package var applicationProtocols: [String] = []
    /// Whether the protocol itself marks where its messages end. If so, a client that closes its connection without TLS's own
    /// end (`close_notify`) has ended in an orderly way. If not, the connection may have been cut, which is an error.
    package var framesMessages = false
    /// Makes the response to a client that sends text instead of TLS; nil: it gets none.
    package var responseToPlainText: (@Sendable () -> [UInt8])?

    package init() {}
}

/// The stream, as its filter sees it.
package protocol StreamFilterHost: AnyObject {
    /// The peer, as the log names it; nil: it is not known.
    var peerName: String? { get }

    /// Gives the consumer bytes.
    func deliver(_ bytes: UnsafeRawBufferPointer)
    /// Tells the consumer that the peer has sent its last byte. What is received after that is still given to the filter.
    func deliverEnd()
    /// Sends bytes to the socket. A filter that transmits much while the peer reads little receives nothing more until the
    /// socket has taken the bytes.
    func transmit(_ bytes: [UInt8])
    /// The filter has transmitted its last byte: the socket may be shut down or closed once these are sent.
    func transmitEnd()
    /// The application's output may flow.
    func handshakeFinished()
    /// Closes the stream with an error: the peer broke the protocol, or its end came too early. What was transmitted before,
    /// such as an alert, is still sent. Bytes that were delivered before stay readable.
    func fail(_ error: any Error)
}

extension StreamFilterHost {
    package var peerName: String? { nil }
}

/// The handshake of a stream's filter did not end in time.
package struct HandshakeTimeoutError: Error, CustomStringConvertible {
    package var description: String { "the handshake took too long" }
}
