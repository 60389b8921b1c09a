public import TwisterIO

/// The same service on several loops, each with its own `HTTPServer` and accept queue, on one set of addresses.
///
/// The kernel spreads the connections (`SO_REUSEPORT`); the loops share nothing but the delegate.
public final class HTTPServerGroup: Sendable {
    /// Where to listen.
    public enum Address: Sendable {
        /// `host`: a numeric address, `localhost`, or nil for every interface. Port 0: a free one.
        case tcp(host: String?, port: UInt16)
        case unix(path: String, mode: UInt32 = 0o600)
    }

    private let loops: IOLoopGroup
    private let servers: [LoopBound<HTTPServer>]
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

    /// Starts `loopCount` loops (nil: one a core) and listens.
    ///
    /// - Throws: `IOError` where the backend is not to be had or an address cannot be bound; nothing is left running then.
    public init(
        delegate: any HTTPServerConnectionDelegate, addresses: [Address], loopCount: Int? = nil,
        loop loopConfiguration: IOLoop.Configuration = IOLoop.Configuration(),
        configuration: HTTPServer.Configuration = HTTPServer.Configuration(),
        listenOptions: ListenOptions = ListenOptions()
    ) async throws {
        loops = try await IOLoopGroup(count: loopCount, configuration: loopConfiguration)
        do {
            var options = listenOptions
            options.reusePort = options.reusePort || loops.loops.count > 1
            var wanted = addresses
            let budget = ByteBudget(limit: configuration.maxBufferedBytes)
            var servers: [LoopBound<HTTPServer>] = []
            var bound: [SocketAddress] = []
            for loop in loops.loops {
                let (server, found) = try await loop.perform { [wanted, options] in
                    let server = HTTPServer(
                        loop, delegate: delegate, configuration: configuration, budget: budget)
                    var found: [SocketAddress] = []
                    for address in wanted { found += try server.listen(on: address, options) }
                    return (LoopBound(server), found)
                }
                if servers.isEmpty {
                    bound = found
                    // The other loops share the very ports that this one got.
                    wanted = bound.map { .tcp(host: $0.ip, port: $0.port ?? 0) }
                }
                servers.append(server)
            }
            self.servers = servers
            self.addresses = bound
        } catch {
            await loops.stop()
            throw error
        }
    }

    /// Stops accepting, lets requests under way finish until the deadline, closes the rest, and ends the loops.
    ///
    /// - Returns: how many connections ended by themselves and how many were cut.
    @discardableResult
    public func shutdown(deadline: Duration = .seconds(10)) async -> (finished: Int, forced: Int) {
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

extension HTTPServer {
    /// Listens, and says where.
    fileprivate func listen(on address: HTTPServerGroup.Address, _ options: ListenOptions) throws -> [SocketAddress] {
        let before = addresses.count
        switch address {
        case .tcp(let host, let port): try listen(port: port, address: host, options: options)
        case .unix(let path, let mode): try listen(unixPath: path, mode: mode)
        }
        return Array(addresses[before...])
    }
}

/// What belongs to one loop's thread, carried by code that hands it back to that thread alone.
struct LoopBound<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
