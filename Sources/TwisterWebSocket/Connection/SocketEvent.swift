/// The events of a connection that its owner gets, one after the other.
enum SocketEvent {
    /// The handshake is over.
    case opened
    case message(WebSocketMessage)
    /// A message has begun, which comes in pieces.
    case stream(WebSocketMessageStream)
    case ping([UInt8])
    case pong([UInt8])
    /// The connection is closed; nothing follows.
    case closed
}

/// The handler of a server or the client that a connection belongs to. The calls come one at a time, on the loop's thread.
protocol SocketOwner: AnyObject {
    /// Takes an event; the next one comes when this has returned.
    func handle(_ event: SocketEvent) async throws
    /// An event was not dealt with, for this reason. Returns what the peer is told.
    func handlingFailed(_ error: any Error) -> CloseFrame
    /// The server has begun to shut down.
    func shutdownBegan()
    /// Whether the task that deals with an event is cancelled when the peer disconnects.
    var cancelsOnDisconnect: Bool { get }
}
