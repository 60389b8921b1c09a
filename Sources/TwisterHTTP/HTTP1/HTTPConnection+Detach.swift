import TwisterCodec
public import TwisterIO

/// Taking a connection over from HTTP.
extension HTTPConnection {
    /// Takes the connection's stream away from HTTP: nothing of a response is sent, and the server forgets the connection. The
    /// caller reads and writes the stream from now on, and closes it. Bytes that the client has sent behind its request are
    /// read first.
    ///
    /// Possible in a handler, while nothing of the response is sent, for a request that was read to its end, over HTTP/1.1.
    ///
    /// - Throws: `HTTPOutputError` where it is not possible.
    ///
    /// Tornado: `HTTP1Connection.detach`, `RequestHandler.detach`.
    public func detachStream() throws -> IOStream {
        checkThread("HTTPConnection.detachStream")
        guard !isHeadSent, let handed = transport?.handOver(nil) else {
            throw HTTPOutputError(
                description:
                    "the connection cannot be detached: the response is begun, the request is not read, or it is HTTP/2"
            )
        }
        markFinished()
        if handed.isClientCounted { handed.host.releaseClient(handed.client) }
        handed.host.connectionClosed(handed.predecessor)
        handed.stream.consumer = nil
        // The first read receives again. What comes before it stays with the kernel, and so with the client.
        handed.stream.stopReceiving()
        handed.stream.setDeadline(nil)
        return handed.stream
    }

    /// Whether the client asks for a WebSocket on its stream of HTTP/2 (RFC 8441), for which no field of the request is needed.
    package var opensWebSocket: Bool { requestHead.opensWebSocket }

    /// Sends the response's head with the status 101, and gives up the connection, which speaks another protocol from now on
    /// (RFC 9110, 7.8); over HTTP/2 the status is 200, and the stream is given up (RFC 8441). Nil where there is nothing to be
    /// given up: the response is begun, the client has disconnected, or it speaks HTTP/1.0, or HTTP/2 without extended CONNECT.
    package func switchProtocol() -> HandedConnection? {
        checkThread("HTTPConnection.switchProtocol")
        guard !isHeadSent, let transport, transport.mayHandOver else { return nil }
        filter?.responseBegins(self, .begun)
        guard !isHeadSent else { return nil }
        responseBody.removeAll()
        try? head.setStatus(transport.handOverStatus)
        if let record { noteHead(record) }
        let handed = transport.handOver(head)
        markFinished()
        return handed
    }
}
