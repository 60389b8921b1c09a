import Glibc

/// Carries the bytes of an `IOStream` that has no socket of its own, but is a part of another protocol's connection: of a
/// stream of HTTP/2 (RFC 8441).
///
/// It stands where the reactor stands for a socket, and keeps the same contract: one send at a time, whose bytes stay where
/// they are until the carrier has told that it took them. All calls come on the loop's thread.
package protocol StreamCarrier: AnyObject {
    /// The consumer takes bytes: the peer may send more.
    func startReceiving()

    /// The consumer takes no more bytes for now: the peer is to be held up. Bytes on their way are delivered all the same.
    func stopReceiving()

    /// Sends the bytes; `IOStream.carrierTook` says that all of them were taken.
    func send(_ bytes: UnsafeRawBufferPointer)

    /// How many of the bytes of the last `send` were not taken yet.
    var sendLeft: Int { get }

    /// Tells the peer that no more bytes come; all of them were taken.
    func endOutput()

    /// The stream is closed: what was not taken is dropped. Where the output was not ended before, the peer has to see that
    /// the stream broke.
    func close()

    /// Calls `IOStream.carrierReached` at that time of the loop's clock, instead of one that was set before; `.max`: never.
    func setDeadline(_ time: UInt64)
}

/// Streams that have a carrier instead of a socket. Their handle is 0, which the reactor knows as no connection.
extension IOStream {
    /// The carrier; nil for a stream with a socket, and once the stream is closed.
    var carrier: (any StreamCarrier)? { rare?.carrier }

    /// Whether the consumer takes bytes, so that the peer may send more. Computed, because release builds would check each access
    /// to a stored property that other modules see: 70 instructions a request.
    package var takesBytes: Bool { isReceiving }

    // MARK: What the carrier tells

    /// Bytes of the peer have come. The bytes are copied.
    package func carrierReceived(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed, !isPeerEnded, !bytes.isEmpty else { return }
        deliver(copyOf: bytes)
    }

    /// The peer has sent its last byte.
    package func carrierEnded() {
        guard !isClosed, !isPeerEnded else { return }
        isReceiving = false
        peerEnded()
    }

    /// All bytes of the last `send` were taken.
    package func carrierTook() { sent(0) }

    /// The carrier is closed, and takes and brings nothing more.
    package func carrierClosed() {
        guard !isClosed else { return }
        isPeerEnded = true
        close(.endedByPeer)
    }

    /// The deadline has passed.
    package func carrierReached(_ time: UInt64) { deadlinePassed(asOf: time) }

    // MARK: What the stream has the carrier do

    /// Longer output goes out in pieces: a piece is not taken before its last byte is.
    private static let carriedPiece = 16_384

    func sendNext(by carrier: any StreamCarrier) {
        guard sending != .underWay else { return }
        guard let output, let piece = output.pointee.next(reactor, atMost: Self.carriedPiece) else {
            return endOutput(of: carrier)
        }
        // Its only users, WebSockets, send no files.
        guard case .memory(let bytes) = piece else {
            return close(.failed(IOError(errno: EOPNOTSUPP, "send a file without a socket")))
        }
        output.pointee.pieceCount = bytes.count
        output.pointee.progress = loop.turnTime
        output.pointee.leftAtProgress = bytes.count
        sending = .underWay
        loop.streams.hasCarriedOutput = true
        carrier.send(bytes)
    }

    /// Everything was sent. The stream does not linger, because the carrier sees to it that the peer gets the last bytes.
    private func endOutput(of carrier: any StreamCarrier) {
        switch afterOutput {
        case .goOn, .lingering: break
        case .shutDown:
            afterOutput = .goOn
            carrier.endOutput()
        case .close, .linger:
            carrier.endOutput()
            close(isPeerEnded ? .endedByPeer : .closedHere)
        }
    }

    /// Has the carrier close, and then tells the consumer in a turn of its own, as the reactor does.
    func close(_ carrier: any StreamCarrier) {
        rare?.carrier = nil
        carrier.close()
        loop.addLocalCallback { [self] in closedByReactor() }
    }
}
