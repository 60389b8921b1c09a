import TwisterHTTP
public import TwisterIO
public import TwisterWeb

extension RequestHandler {
    /// Takes the connection's stream away from HTTP: nothing of a response is sent, and the server forgets the connection. The
    /// caller reads and writes the stream from now on, and closes it. Bytes that the client has sent behind its request are read
    /// first.
    ///
    /// Possible while nothing of the response is sent, for a request that was read to its end, over HTTP/1.1.
    ///
    /// - Throws: `HTTPOutputError` where one of these conditions is not met.
    ///
    /// Tornado: `RequestHandler.detach`.
    public final func detach() throws -> IOStream { try request.connection.detachStream() }
}
