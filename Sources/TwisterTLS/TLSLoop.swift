import TwisterIO

/// The buffers and the queue that the TLS connections of one context on one loop share.
final class TLSLoop {
    /// The requirements of the protocol above TLS.
    let usage: SecuredUsage
    let wire: UnsafeMutablePointer<TLSWire>
    /// Room for one decrypted record (RFC 8446, 5.1: 16 KiB at most).
    let plainText: UnsafeMutableRawBufferPointer
    let handshakes: HandshakeQueue

    init(_ usage: SecuredUsage, maxHandshakes: Int) {
        self.usage = usage
        wire = .allocate(capacity: 1)
        wire.initialize(to: TLSWire())
        plainText = .allocate(byteCount: 16_384, alignment: 16)
        handshakes = HandshakeQueue(limit: maxHandshakes)
    }

    deinit {
        wire.pointee.deallocate()
        wire.deallocate()
        plainText.deallocate()
    }
}
