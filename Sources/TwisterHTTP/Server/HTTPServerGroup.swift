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
    /// The shutdown, once it has begun.
    private let ending = ConditionLock<Task<(finished: Int, forced: Int), Never>?>(nil)
    /// Where it listens, with the port that port 0 became.
    public let addresses: [SocketAddress]

    /// The port of the first address that has one.
    public var port: UInt16? { addresses.lazy.compactMap(\.port).first }
    /// The backend that runs.
    public var backend: IOBackend { loops.loops[0].backend }
    /// Why io_uring could not be had, where `.auto` fell back to epoll.
    public var backendFallbackReason: String? { loops.loops[0].backendFallbackReason }
    /// How many loops serve.
    public var loopCount: Int { servers.count }

    /// Starts `loopCount` loops (nil: one a core) and listens. Each loop has TCP sockets of its own; a unix socket is one
    /// for all of them.
    ///
    /// - Throws: `IOError` where the backend is not to be had or an address cannot be bound; nothing is left running then.
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

    /// The same on listening sockets that others have made (`ListeningSocket.inherited`); every loop accepts from all of
    /// them.
    ///
    /// - Throws: `IOError` where the backend is not to be had; nothing is left running then.
    public convenience init(
        delegate: any HTTPServerConnectionDelegate, sockets: [ListeningSocket], loopCount: Int? = nil,
        loop loopConfiguration: IOLoop.Configuration = IOLoop.Configuration(),
        configuration: HTTPServer.Configuration = HTTPServer.Configuration()
    ) async throws {
        try await self.init(delegate, IOLoopGroup(count: loopCount, configuration: loopConfiguration), configuration) {
            Array(repeating: sockets, count: $0)
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
        var options = options
        options.reusePort = options.reusePort || loopCount > 1
        var sockets = Array(repeating: [ListeningSocket](), count: loopCount)
        for address in addresses {
            switch address {
            case .unix(let path, let mode):
                let socket = try bindUnixSocket(path, mode: mode, options: options)
                for index in sockets.indices { sockets[index].append(socket) }
            case .tcp(let host, let port):
                let first = try bindSockets(port: port, address: host, options: options)
                sockets[0] += first
                // The other loops share the very addresses that this one got.
                for case let address? in first.map(\.address) {
                    guard let ip = address.ip, let port = address.port else { continue }
                    for index in sockets.indices.dropFirst() {
                        sockets[index] += try bindSockets(port: port, address: ip, options: options)
                    }
                }
            }
        }
        return sockets
    }

    /// Stops accepting, lets requests under way finish until the deadline, closes the rest, and ends the loops. A second call
    /// waits for the first one, and returns its result.
    ///
    /// It must not be awaited by a handler, which it would wait for: `Task.detached { await group.shutdown() }` does not
    /// wait.
    ///
    /// - Returns: how many connections ended by themselves and how many were cut.
    @discardableResult
    public func shutdown(deadline: Duration = .seconds(10)) async -> (finished: Int, forced: Int) {
        if loops.loops.contains(where: \.isCurrentThread) {
            fatalError(
                """
                HTTPServerGroup.shutdown was called on one of the loops that it ends, by a handler for instance, which it \
                would wait for. Start it beside the handler: Task.detached { await group.shutdown() }
                """)
        }
        let ending = ending.withLock { ending in
            if let ending { return ending }
            let task = Task.detached { [self] in await end(deadline) }
            ending = task
            return task
        }
        return await ending.value
    }

    private func end(_ deadline: Duration) async -> (finished: Int, forced: Int) {
        let results = await withTaskGroup(of: (Int, Int).self) { group in
            for (loop, server) in zip(loops.loops, servers) {
                group.addTask(executorPreference: loop) { await server.value.shutdown(deadline: deadline) }
            }
            return await group.reduce(into: (0, 0)) { sum, result in
                sum.0 += result.0
                sum.1 += result.1
            }
        }
        await loops.stop()
        return results
    }
}

/// What belongs to one loop's thread, carried by code that hands it back to that thread alone.
struct LoopBound<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
