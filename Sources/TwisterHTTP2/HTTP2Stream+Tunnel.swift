import CTwisterNghttp2
import HTTPTypes
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// A WebSocket on the stream (RFC 8441): how it is accepted. These are requirements of `ExchangeTransport`.
extension HTTP2Stream {
    var mayHandOver: Bool {
        guard case .executing = run, isOpen, sending == .nothing else { return false }
        return tunnel?.isOffered == true
    }

    /// A tunnel is established by a 2xx (RFC 9110, 9.3.6).
    var handOverStatus: Int { 200 }

    func handOver(_ head: ResponseHead?) -> HandedConnection? {
        guard mayHandOver, let head, let connection, let tunnel, let stream = tunnel.open() else { return nil }
        stream.highWatermark = highWatermark
        sending = .body
        connection.applyPriority(self)
        connection.sendHead(id, head, length: nil, body: self)
        connection.pump()
        tellTaken()
        return HandedConnection(stream, of: connection, host: tunnel)
    }
}

extension HTTP2Stream: TunnelBase {
    func openWindow(_ count: Int) {
        consume(count)
        connection?.pump()
    }

    func sendOfTunnel(_ bytes: UnsafeRawBufferPointer) {
        guard isOpen else { return }
        output.borrow(bytes)
        outputAdded()
    }

    var leftOfTunnel: Int { output.count }

    func endTunnel(within time: UInt64) {
        sendEnd(nil)
        connection?.stream.setDeadline(noLaterThan: context.loop.now &+ time)
    }

    func breakTunnel() {
        guard isOpen else { return }
        output.removeAll()
        connection?.cut(id, NGHTTP2_CANCEL)
    }

    func tunnelRecharged() { connection?.rechargeSoon() }
}
