public import TwisterIO

/// The same service on several loops, each with its own `HTTPServer`, on one set of addresses.
///
/// The kernel spreads the connections; the loops share nothing but the delegate, the budget of buffered bytes and, where
/// there are `clientLimits`, what each client has.
public final class HTTPServerGroup: Sendable {
    /// Where to listen.
    public enum Address: Sendable {
        /// `host`: a numeric address, `localhost`, or nil for every interface. Port 0: a free one.
        case tcp(host: String?, port: UInt16)
        case unix(path: String, mode: UInt32 = 0o600)
    }

    private let loops: IOLoopGroup
    let servers: [LoopBound<HTTPServer>]
    /// The task of the shutdown, once that has begun.
    private let ending = ConditionLock<Task<ShutdownResult, Never>?>(nil)
    /// The addresses that the group listens on, with the port that port 0 became.
    public let addresses: [SocketAddress]

    /// The listening sockets of all loops, each once; none once the shutdown has begun, which closes them.
    package var sockets: [ListeningSocket] { openSockets.withLock { $0 } }
    private let openSockets: ConditionLock<[ListeningSocket]>
    /// The loops, for threads that watch them.
    package var watchedLoops: [IOLoop] { loops.loops }

    /// The port of the first address that has one.
    public var port: UInt16? { addresses.lazy.compactMap(\.port).first }
    /// The backend that the loops use.
    public var backend: IOBackend { loops.loops[0].backend }
    /// Why io_uring is not available, where `.auto` fell back to epoll; nil otherwise.
    public var backendFallbackReason: String? { loops.loops[0].backendFallbackReason }
    /// How many loops serve.
    public var loopCount: Int { servers.count }

    /// Starts `loopCount` loops (nil: one for each core) and listens. Each loop has TCP sockets of its own; a unix socket is
    /// one for all loops.
    ///
    /// - Throws: `IOError` where the backend is not available or an address cannot be bound; nothing is left running then.
    public convenience init(
        delegate: any HTTPServerConnectionDelegate, addresses: [Address], loopCount: Int? = nil,
        loop loopConfiguration: IOLoop.Configuration = IOLoop.Configuration(),
        configuration: HTTPServer.Configuration = HTTPServer.Configuration(),
        listenOptions: ListenOptions = ListenOptions()
    ) async throws {
        try await self.init(delegate, IOLoopGroup(count: loopCount, configuration: loopConfiguration), configuration) {
            try Self.bind(addresses, loopCount: $0, listenOptions)
        }
    }

    /// The same on listening sockets that are open already (`ListeningSocket.inherited`). Where several sockets have one
    /// address, the loops share them out; otherwise every loop accepts from each socket.
    ///
    /// - Throws: `IOError` where the backend is not available; nothing is left running then.
    public convenience init(
        delegate: any HTTPServerConnectionDelegate, sockets: [ListeningSocket], loopCount: Int? = nil,
        loop loopConfiguration: IOLoop.Configuration = IOLoop.Configuration(),
        configuration: HTTPServer.Configuration = HTTPServer.Configuration()
    ) async throws {
        try await self.init(delegate, IOLoopGroup(count: loopCount, configuration: loopConfiguration), configuration) {
            ListeningSocket.distribute(sockets, over: $0)
        }
    }

    /// `socketsOfLoops` gives the sockets of each of so many loops.
    private init(
        _ delegate: any HTTPServerConnectionDelegate, _ loops: IOLoopGroup, _ configuration: HTTPServer.Configuration,
        socketsOfLoops: (_ loopCount: Int) throws -> [[ListeningSocket]]
    ) async throws {
        do {
            let sockets = try socketsOfLoops(loops.loops.count)
            let budget = ByteBudget(limit: configuration.maxBufferedBytes)
            let clients = ClientTable(configuration)
            servers = try await loops.map { index, loop in
                let server = HTTPServer(
                    loop, delegate: delegate, configuration: configuration, budget: budget, clients: clients)
                try server.addSockets(sockets[index])
                return LoopBound(server)
            }
            openSockets = ConditionLock(ListeningSocket.unique(sockets.joined()))
            addresses = sockets[0].compactMap(\.address)
        } catch {
            await loops.stop()
            throw error
        }
        self.loops = loops
    }

    private static func bind(
        _ addresses: [Address], loopCount: Int, _ options: ListenOptions
    ) throws(IOError) -> [[ListeningSocket]] {
        var sockets = Array(repeating: [ListeningSocket](), count: loopCount)
        for address in addresses {
            switch address {
            case .unix(let path, let mode):
                let socket = try bindUnixSocket(path, mode: mode, options: options)
                for index in sockets.indices { sockets[index].append(socket) }
            case .tcp(let host, let port):
                let copies = try bindSockets(port: port, address: host, copies: loopCount, options: options)
                for index in sockets.indices { sockets[index] += copies[index] }
            }
        }
        return sockets
    }

    /// Drains the servers of all loops, as `HTTPServer.shutdown` does, and ends the loops. A second call waits for the first
    /// one, and returns its result.
    ///
    /// A loop whose thread is blocked by a handler is not waited for beyond the deadline: the result names it, and its
    /// thread goes on until the process ends.
    ///
    /// A handler must not await this, because the shutdown waits for the handler. `Task.detached { await group.shutdown() }`
    /// does not wait.
    ///
    /// - Parameters:
    ///   - deadline: how long requests under way get to finish. Default 10 s.
    ///   - grace: how long idle connections stay open, for requests that are on their way; at most `deadline`. Default 250 ms.
    ///   - sharesSockets: whether other processes accept from the same listening sockets. Default false.
    @discardableResult
    public func shutdown(
        deadline: Duration = .seconds(10), grace: Duration = .milliseconds(250), sharesSockets: Bool = false
    ) async -> ShutdownResult {
        await shutdown(deadline: deadline, grace: grace, sharesSockets: sharesSockets, on: nil)
    }

    /// The same. `loop` directs the shutdown, and serves nothing itself; nil: a thread of Swift's pool does, which cannot start
    /// where the process has run out of descriptors.
    package func shutdown(
        deadline: Duration, grace: Duration, sharesSockets: Bool, on loop: IOLoop?
    ) async -> ShutdownResult {
        if loops.loops.contains(where: \.isCurrentThread) {
            fatalError(
                """
                HTTPServerGroup.shutdown was called on one of the loops that it ends, by a handler for instance, which it \
                would wait for. Start it beside the handler: Task.detached { await group.shutdown() }
                """)
        }
        let ending = ending.withLock { ending in
            if let ending { return ending }
            let task = Task(executorPreference: loop) { [self] in await end(deadline, grace, sharesSockets) }
            ending = task
            return task
        }
        return await ending.value
    }

    /// How long a loop gets beyond the deadline, and then once more, before its thread counts as blocked.
    private static let patience = Duration.milliseconds(300)

    private func end(_ deadline: Duration, _ grace: Duration, _ sharesSockets: Bool) async -> ShutdownResult {
        // Each server closes its own sockets once it has accepted the connections that wait there. Nobody else must hold a
        // socket for longer: clients could still connect, and would never be served. A loop that is blocked cannot close its
        // own.
        if !sharesSockets { for socket in sockets { socket.refuseNewClients() } }
        openSockets.withLock { $0 = [] }
        let collected = ShutdownCollector(count: loops.loops.count)
        for (index, (loop, server)) in zip(loops.loops, servers).enumerated() {
            Task(executorPreference: loop) {
                let result = await server.value.shutdown(
                    deadline: deadline, grace: grace, sharesSockets: sharesSockets)
                collected.ended(index, result)
            }
        }
        await collected.wait(deadline + Self.patience)
        // Once more, because the process may have stood still: it was stopped, or got no processor.
        await collected.wait(Self.patience)
        let (ended, result) = collected.results
        var total = result
        for (index, loop) in loops.loops.enumerated() where !ended.contains(index) {
            let label = loop.pulse.label
            total.blocked.append("loop \(index)" + (label == .unknown ? "" : ": \(label)"))
        }
        await loops.stop(ended)
        return total
    }
}
