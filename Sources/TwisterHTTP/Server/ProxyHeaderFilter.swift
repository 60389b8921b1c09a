import TwisterCodec
import TwisterIO

/// Stands before the TLS filter of a connection from a trusted proxy: the header of the PROXY protocol comes before the TLS
/// handshake, in the clear.
///
/// The header is delivered to the connection once the handshake is finished, ahead of the decrypted bytes, so that the
/// connection reads it as it does without TLS.
final class ProxyHeaderFilter: StreamFilter {
    /// The connection does not begin with the header.
    private struct NoProxyHeader: Error, CustomStringConvertible {
        var description: String { "the connection does not begin with a header of the PROXY protocol" }
    }

    private let inner: any StreamFilter
    private var host: (any StreamFilterHost)?
    private var header: [UInt8] = []
    private var isHeaderRead = false

    init(_ inner: any StreamFilter) { self.inner = inner }

    var security: StreamSecurity? { inner.security }

    func start(_ host: any StreamFilterHost) { self.host = host }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !isHeaderRead else { return inner.receive(bytes) }
        let known = header.count
        header += bytes
        switch header.withUnsafeBytes(ProxyProtocolParser.parse) {
        case .needMore: break
        case .invalid:
            header = []
            host?.fail(NoProxyHeader())
        case .complete(let consumed, _):
            isHeaderRead = true
            header.removeSubrange(consumed...)
            inner.start(self)
            // The bytes before these belonged to the header: it was not complete.
            let rest = UnsafeRawBufferPointer(rebasing: bytes[max(consumed - known, 0)...])
            if !rest.isEmpty { inner.receive(rest) }
        }
    }

    func receiveEnd() {
        if isHeaderRead { inner.receiveEnd() } else { host?.fail(NoProxyHeader()) }
    }

    func send(_ bytes: UnsafeRawBufferPointer) { inner.send(bytes) }

    func sendEnd() { inner.sendEnd() }

    func streamClosed() {
        host = nil
        inner.streamClosed()
    }
}

extension ProxyHeaderFilter: StreamFilterHost {
    func deliver(_ bytes: UnsafeRawBufferPointer) { host?.deliver(bytes) }
    func deliverEnd() { host?.deliverEnd() }
    func transmit(_ bytes: [UInt8]) { host?.transmit(bytes) }
    func transmitEnd() { host?.transmitEnd() }

    func handshakeFinished() {
        host?.handshakeFinished()
        header.withUnsafeBytes { host?.deliver($0) }
        header = []
    }

    func fail(_ error: any Error) { host?.fail(error) }
}
