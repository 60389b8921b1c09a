/// Stands between a stream's socket and the stream's consumer, and changes the bytes on their way in both directions: TLS,
/// or the header of the PROXY protocol.
///
/// A filter says what it has through its host, at once or later. All calls come on the loop's thread. A stream without a
/// filter does not pay for this.
package protocol StreamFilter: AnyObject {
    /// The stream is open. A filter that speaks first does so here, and one without a handshake calls
    /// `host.handshakeFinished` here.
    func start(_ host: any StreamFilterHost)

    /// Bytes that came from the socket. The filter keeps what it cannot decode yet.
    func receive(_ bytes: UnsafeRawBufferPointer)

    /// The socket's peer has sent its last byte.
    func receiveEnd()

    /// Bytes of the application, once the handshake is finished. They count as taken when the socket has taken what the
    /// filter made of them.
    func send(_ bytes: UnsafeRawBufferPointer)

    /// The application's output has ended.
    func sendEnd()
}

/// The stream, as its filter sees it.
package protocol StreamFilterHost: AnyObject {
    /// Gives the consumer bytes.
    func deliver(_ bytes: UnsafeRawBufferPointer)
    /// Tells the consumer that the peer has sent its last byte.
    func deliverEnd()
    /// Sends bytes to the socket.
    func transmit(_ bytes: [UInt8])
    /// The application's output may flow.
    func handshakeFinished()
    /// Closes the stream with an error: the peer broke the protocol, or its end came too early.
    func fail(_ error: any Error)
}

/// The handshake of a stream's filter did not end in time.
package struct HandshakeTimeoutError: Error, CustomStringConvertible {
    package var description: String { "the handshake took too long" }
}

/// A filter on a stream, and the bytes that it has made for the socket.
final class FilterChannel: StreamFilterHost {
    private enum Phase {
        /// With the time of the loop's clock by which the handshake has to be finished.
        case handshake(deadline: UInt64)
        case open
        case ended
    }

    private let filter: any StreamFilter
    private unowned let stream: IOStream
    private var phase: Phase
    private var wire = FIFO<[UInt8]>()
    /// What the kernel is sending.
    private var underWay: [UInt8]?
    /// So many bytes of the application became what is under way.
    private var taken = 0

    /// The most bytes of the application that the filter gets at once.
    static let pieceSize = 16_384

    init(_ filter: any StreamFilter, _ stream: IOStream, handshakeDeadline: UInt64) {
        self.filter = filter
        self.stream = stream
        phase = .handshake(deadline: handshakeDeadline)
    }

    func start() { filter.start(self) }

    var isOpen: Bool {
        if case .open = phase { return true }
        return false
    }

    /// By when the handshake has to be finished; nil: it is.
    var handshakeDeadline: UInt64? {
        if case .handshake(let deadline) = phase { return deadline }
        return nil
    }

    // MARK: From the stream

    func received(_ bytes: UnsafeRawBufferPointer) { filter.receive(bytes) }
    func receivedEnd() { filter.receiveEnd() }
    func send(_ bytes: UnsafeRawBufferPointer) {
        taken = bytes.count
        filter.send(bytes)
    }
    func sendEnd() {
        guard isOpen else { return }
        phase = .ended
        filter.sendEnd()
    }

    /// Bytes for the socket: those that are under way, or the next ones.
    func nextWire() -> [UInt8]? {
        if underWay == nil { underWay = wire.popFirst() }
        return underWay
    }

    var hasWire: Bool { underWay != nil || !wire.isEmpty }

    /// The bytes under way were sent. Returns how many bytes of the application are taken by that.
    func wireSent() -> Int {
        underWay = nil
        guard wire.isEmpty else { return 0 }
        defer { taken = 0 }
        return taken
    }

    /// Whether the filter may be given more of the application's output: it has sent what it got before.
    var wantsOutput: Bool { isOpen && taken == 0 && !hasWire }

    // MARK: StreamFilterHost

    func deliver(_ bytes: UnsafeRawBufferPointer) { stream.filterDelivered(bytes) }
    func deliverEnd() { stream.filterDeliveredEnd() }

    func transmit(_ bytes: [UInt8]) {
        guard !stream.isClosed, !bytes.isEmpty else { return }
        wire.append(bytes)
        stream.filterHasOutput()
    }

    func handshakeFinished() {
        guard case .handshake = phase else { return }
        phase = .open
        stream.filterIsOpen()
    }

    func fail(_ error: any Error) { stream.close(.error(error)) }
}
