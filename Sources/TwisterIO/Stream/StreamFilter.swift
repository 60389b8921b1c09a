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

    /// Bytes of the application, once the handshake is finished. The filter transmits what it makes of them. They count as
    /// sent, and more of them come, when the socket has taken all that was transmitted since this call.
    func send(_ bytes: UnsafeRawBufferPointer)

    /// The application's output has ended; all of it was sent. The filter transmits its own last bytes and then calls
    /// `host.transmitEnd`. Not called where the stream closes before the handshake is finished.
    func sendEnd()

    /// The stream is closed. The filter lets go of its host; nothing that it still calls there has an effect.
    func streamClosed()
}

extension StreamFilter {
    package func streamClosed() {}
}

/// The stream, as its filter sees it.
package protocol StreamFilterHost: AnyObject {
    /// The loop of the stream, for timers.
    var loop: IOLoop { get }

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

/// The handshake of a stream's filter did not end in time.
package struct HandshakeTimeoutError: Error, CustomStringConvertible {
    package var description: String { "the handshake took too long" }
}
