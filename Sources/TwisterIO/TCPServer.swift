import Glibc
import Logging

/// Listens on sockets, accepts connections, and passes each to `handleStream`, whatever protocol they speak.
///
/// A server belongs to one loop, and everything here is called on that loop's thread. Several loops that share a port have
/// a server each (`IOLoopGroup`). A server whose last reference is released stops listening; that may happen on any thread.
///
/// Subclass it and override `handleStream`, or give it an async closure:
///
///     let server = TCPServer(loop) { stream, address in ... }
///     try server.listen(port: 8888)
///
/// Tornado: `tcpserver.TCPServer`.
open class TCPServer {
    /// Serves one connection. When it returns or throws, the stream is closed after all its output is sent.
    public typealias Handler = @Sendable (_ stream: IOStream, _ address: SocketAddress?) async throws -> Void

    /// The loop that accepts and serves.
    public let loop: IOLoop
    private let handler: Handler?
    private var listeners: [(socket: ListeningSocket, acceptor: Acceptor)] = []
    private var boundSockets: [ListeningSocket] = []
    private var acceptedCount = 0

    /// The most bytes that a read of an accepted stream may buffer; nil: the stream's default, 100 MiB. Applies to
    /// connections that are accepted from now on. (`IOLoop.Configuration.readChunkSize` is the size of one receive.)
    ///
    /// Tornado: `TCPServer.max_buffer_size`.
    public var maxBufferSize: Int? { didSet { loop.preconditionOnLoop() } }

    /// - Parameters:
    ///   - loop: the loop that accepts and serves.
    ///   - handler: serves each connection; nil if a subclass overrides `handleStream`.
    public init(_ loop: IOLoop, handler: Handler? = nil) {
        self.loop = loop
        self.handler = handler
    }

    /// Creates a server on the calling thread's loop, which is created if there is none.
    ///
    /// - Throws: `IOError` if a loop has to be created and cannot be.
    public convenience init(handler: @escaping Handler) throws(IOError) {
        self.init(try IOLoop.current(), handler: handler)
    }

    deinit {
        if loop.isCurrentThread { return stop() }
        // The reactor belongs to the loop's thread. Until the loop stops the acceptors there, they close the connections that
        // they accept. A loop that is closed accepts nothing any more.
        let listeners = LoopBound(listeners)
        loop.addCallback { Self.cancel(listeners.value) }
    }

    /// Listens on `port` of `address` (nil: every interface). May be called several times.
    ///
    /// - Throws: `IOError` with the address and the port in its text.
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
    /// - Throws: `IOError` with the address and the port in its text.
    ///
    /// Tornado: `TCPServer.bind`.
    public func bind(
        port: UInt16, address: String? = nil, options: ListenOptions = ListenOptions()
    ) throws(IOError) {
        loop.preconditionOnLoop()
        boundSockets += try bindSockets(port: port, address: address, options: options)
    }

    /// Accepts on the sockets that `bind` has bound. For several processes see `ProcessSupervisor`.
    ///
    /// Tornado: `TCPServer.start`.
    public func start() throws(IOError) {
        loop.preconditionOnLoop()
        let sockets = boundSockets
        boundSockets = []
        try addSockets(sockets)
    }

    /// Accepts on sockets that listen already, such as inherited ones. Tornado: `TCPServer.add_sockets`.
    public func addSockets(_ sockets: [ListeningSocket]) throws(IOError) {
        loop.preconditionOnLoop()
        for socket in sockets {
            // Weak, because another thread may release the server while the loop accepts. The weak reference makes each retain
            // and release of the server slower (260 instructions a pair), but requests do not retain it: `bench/counts.sh`
            // counts the same instructions for a request with an unowned reference.
            let security = socket.filters.map { filters in
                (makeFilter: filters.makeFilters(on: loop, for: securedUsage), timeout: filters.handshakeTimeout)
            }
            let acceptor = try Acceptor(loop, socket.fileDescriptor) { [weak self] stream in
                guard let self else { return stream.close() }
                if let security { addFilter(security.makeFilter(), to: stream, timeout: security.timeout) }
                handleConnection(stream)
            }
            listeners.append((socket, acceptor))
        }
    }

    /// Accepts on a socket that listens already. Tornado: `TCPServer.add_socket`.
    public func addSocket(_ socket: ListeningSocket) throws(IOError) { try addSockets([socket]) }

    /// The addresses that it listens on, with the port that the kernel chose for port 0.
    public var addresses: [SocketAddress] {
        loop.preconditionOnLoop()
        return listeners.compactMap(\.socket.address)
    }

    /// The port of the first listener that has one.
    public var port: UInt16? { addresses.lazy.compactMap(\.port).first }

    /// Stops accepting and closes the listening sockets; connections go on. Idempotent.
    ///
    /// Tornado: `TCPServer.stop`.
    public func stop() {
        loop.preconditionOnLoop()
        boundSockets = []
        Self.cancel(listeners)
        listeners.removeAll()
    }

    /// Stops accepting, after it has served every connection that the kernel has established for this server so far: closing
    /// a listening socket resets those that wait to be accepted. On the loop's thread.
    ///
    /// - Parameter sharesSockets: other processes go on to accept from the sockets.
    package func stopAccepting(sharesSockets: Bool) async {
        loop.preconditionOnLoop()
        if !sharesSockets { for (socket, _) in listeners { socket.refuseNewClients() } }
        // The kernel tells the loop of accepted connections in the next turns, a bounded number in each.
        for _ in 0..<Self.mostLastTurns {
            let before = acceptedCount
            acceptWaiting()
            await loop.nextTurn()
            if acceptedCount == before { break }
        }
        stop()
    }

    /// The most turns in which waiting connections are accepted: where clients never stop coming, because other processes share
    /// the sockets, accepting has to end all the same.
    private static let mostLastTurns = 64
    /// The most connections that are accepted in one of these turns: as many as wait at most with the default backlog.
    private static let mostInOneTurn = 1024

    /// Accepts what waits.
    private func acceptWaiting() {
        for (socket, acceptor) in listeners {
            for _ in 0..<Self.mostInOneTurn {
                guard let fd = socket.accept() else { break }
                do throws(IOError) {
                    acceptor.take(try IOStream(loop, fileDescriptor: fd))
                } catch {
                    close(fd)
                }
            }
        }
    }

    private static func cancel(_ listeners: [(socket: ListeningSocket, acceptor: Acceptor)]) {
        for (_, acceptor) in listeners { acceptor.cancel() }
    }

    /// Serves one new connection. Called on the loop's thread; must not block. An error that it throws is logged, and closes
    /// only this connection.
    ///
    /// Tornado: `TCPServer.handle_stream`.
    open func handleStream(_ stream: IOStream) throws {
        guard let handler else { return stream.close() }
        let connection = LoopBound(stream)
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

    /// The requirements of the server's protocol for TLS, such as its ALPN names; for sockets that are added from now on.
    package var securedUsage = SecuredUsage()

    /// Puts something in front of the filter of a stream that was accepted; nil: nothing is put there.
    package var wrapFilter: ((_ filter: any StreamFilter, _ stream: IOStream) -> any StreamFilter)?

    private func addFilter(_ filter: any StreamFilter, to stream: IOStream, timeout: Duration) {
        stream.addFilter(wrapFilter?(filter, stream) ?? filter, handshakeTimeout: timeout)
    }

    private func handleConnection(_ stream: IOStream) {
        acceptedCount &+= 1
        if let maxBufferSize { stream.maxBufferSize = maxBufferSize }
        do {
            try handleStream(stream)
        } catch {
            reportConnection(error)
            stream.close(error: error)
        }
    }
}

/// Logs an error in a connection, unless it says only that the peer has disconnected or the work was cancelled.
private func reportConnection(_ error: any Error) {
    switch error {
    case is CancellationError: break
    case is StreamClosedError: Log.general.debug("Connection ended: \(error)")
    default: Log.application.error("Error in connection callback: \(error)")
    }
}
