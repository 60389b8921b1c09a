import TwisterHTTP

/// Serves the HTTP/2 connections of one server.
final class HTTP2Service: ConnectionService {
    private let resources: HTTP2Resources

    init(_ context: ServerContext, _ limits: HTTP2Configuration) {
        resources = HTTP2Resources(
            context, limits,
            SessionFunctions(callbacks: SessionCallbacks.shared.pointer, readData: SessionCallbacks.readData))
    }

    func serve(_ connection: HandedConnection) { HTTP2ServerConnection(connection, resources).startServing(connection) }
}
