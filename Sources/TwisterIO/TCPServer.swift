import Logging

/// Listens, accepts, and gives each connection to `handleStream`: a factory that knows nothing of what is spoken.
///
/// A server belongs to one loop. Several loops that share a port have a server each (`IOLoopGroup`).
///
/// Subclass it and override `handleStream`, or give it an async closure:
///
///     let server = TCPServer(loop) { stream, address in ... }
///     try server.listen(port: 8888)
///
/// Tornado: `tcpserver.TCPServer`.
open class TCPServer {
    /// What serves one connection; when it returns or throws, the stream is closed after what was written to it.
    public typealias Handler = @Sendable (_ stream: IOStream, _ address: SocketAddress?) async throws -> Void

    /// The loop that accepts and serves.
    public let loop: IOLoop
    private let handler: Handler?
    private var listeners: [(socket: ListeningSocket, acceptor: Acceptor)] = []
    private var boundSockets: [ListeningSocket] = []

    /// The most bytes that a read of an accepted stream may wait with; nil: the stream's default, 100 MiB. For
    /// connections that are accepted from now on. (The size of one receive is the loop's:
    /// `IOLoop.Configuration.readChunkSize`.)
    ///
    /// Tornado: `TCPServer.max_buffer_size`.
    public var maxBufferSize: Int?

    /// - Parameters:
    ///   - loop: the loop that accepts and serves.
    ///   - handler: serves each connection; nil where a subclass overrides `handleStream`.
    public init(_ loop: IOLoop, handler: Handler? = nil) {
        self.loop = loop
        self.handler = handler
    }

    /// The same on the calling thread's loop, made where there is none.
    ///
    /// - Throws: `IOError` where a loop has to be created and cannot be.
    public convenience init(handler: @escaping Handler) throws(IOError) {
        self.init(try IOLoop.current(), handler: handler)
    }

    deinit { stop() }

    /// Listens on `port` of `address` (nil: every interface). May be called several times.
    ///
    /// - Throws: `IOError` with the address and port in its text.
    ///
    /// Tornado: `TCPServer.listen`.
    public func listen(
        port: UInt16, address: String? = nil, options: ListenOptions = ListenOptions()
    ) throws(IOError) {
        try addSockets(bindSockets(port: port, address: address, options: options))
    }

    /// Listens on a unix socket. Tornado: `bind_unix_socket` and `add_socket`.
    public func listen(
        unixPath: String, mode: UInt32 = 0o600, options: ListenOptions = ListenOptions()
    ) throws(IOError) {
        try addSockets([bindUnixSocket(unixPath, mode: mode, options: options)])
    }

    /// Binds and listens, but accepts nothing before `start`. May be called several times.
    ///
    /// - Throws: `IOError` with the address and port in its text.
    ///
    /// Tornado: `TCPServer.bind`.
    public func bind(
        port: UInt16, address: String? = nil, options: ListenOptions = ListenOptions()
    ) throws(IOError) {
        boundSockets += try bindSockets(port: port, address: address, options: options)
    }

    /// Accepts on what `bind` has bound. For several processes see `ProcessSupervisor`.
    ///
    /// Tornado: `TCPServer.start`.
    public func start() throws(IOError) {
        let sockets = boundSockets
        boundSockets = []
        try addSockets(sockets)
    }

    /// Accepts on listening sockets, whoever made them. Tornado: `TCPServer.add_sockets`.
    public func addSockets(_ sockets: [ListeningSocket]) throws(IOError) {
        loop.preconditionOnLoop()
        for socket in sockets {
            // The server cancels its acceptors before it goes; a weak reference would make each retain of it slow.
            let acceptor = try Acceptor(loop, socket.fileDescriptor) { [unowned self] stream in
                handleConnection(stream)
            }
            listeners.append((socket, acceptor))
        }
    }

    /// Tornado: `TCPServer.add_socket`.
    public func addSocket(_ socket: ListeningSocket) throws(IOError) { try addSockets([socket]) }

    /// Where it listens, with the port that port 0 became.
    public var addresses: [SocketAddress] { listeners.compactMap(\.socket.address) }

    /// The port of the first listener that has one.
    public var port: UInt16? { addresses.lazy.compactMap(\.port).first }

    /// Stops accepting and closes the listening sockets; connections go on. Idempotent.
    ///
    /// Tornado: `TCPServer.stop`.
    public func stop() {
        boundSockets = []
        for (_, acceptor) in listeners { acceptor.cancel() }
        listeners.removeAll()
    }

    /// Serves one new connection; called on the loop's thread, must not block. What it throws is logged, and closes
    /// this connection alone.
    ///
    /// Tornado: `TCPServer.handle_stream`.
    open func handleStream(_ stream: IOStream) throws {
        guard let handler else { return stream.close() }
        let connection = UncheckedTransfer(stream)
        Task(executorPreference: loop) {
            let stream = connection.value
            do {
                try await handler(stream, stream.peerAddress)
            } catch {
                reportConnection(error)
            }
            stream.closeAfterWriting()
        }
    }

    private func handleConnection(_ stream: IOStream) {
        if let maxBufferSize { stream.maxBufferSize = maxBufferSize }
        do {
            try handleStream(stream)
        } catch {
            reportConnection(error)
            stream.close(error: error)
        }
    }
}

/// Says what went wrong in a connection, unless it is only that the peer has left.
private func reportConnection(_ error: any Error) {
    switch error {
    case is CancellationError: break
    case is StreamClosedError: Log.general.debug("Connection ended: \(error)")
    default: Log.application.error("Error in connection callback: \(error)")
    }
}

/// Carries what belongs to a loop's thread into a task of that loop.
struct UncheckedTransfer<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
