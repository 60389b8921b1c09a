import Logging
package import TwisterCodec
import TwisterIO

/// What each client has open and under way, for all loops of a server group together.
///
/// Only clients that have something are in it, so that its memory is bounded by the number of connections. For the
/// requests a second see `RequestRates`.
package final class ClientTable: Sendable {
    /// What a client has now.
    package struct Held: Equatable, Sendable {
        package var connections = 0
        package var requests = 0
    }

    /// Whether a request may be served.
    enum Admission: Equatable {
        case admitted
        /// It may be in so many nanoseconds.
        case tooManyInTime(wait: UInt64)
        case tooManyAtOnce
    }

    private struct State: Sendable {
        var held: [ClientPrefix: Held] = [:]
        var rates: RequestRates<ClientPrefix>?
        var refusals = RefusalLog()
    }

    /// Most clients whose requests a second are known.
    private static let capacity = 65_536

    let limits: ClientLimits
    private let trustedProxies: [IPNetwork]
    private let state: ConditionLock<State>

    /// Nil where nothing is limited.
    package init?(_ configuration: HTTPServerConfiguration) {
        let limits = configuration.clientLimits
        guard limits.isAny else { return nil }
        limits.check()
        var initial = State()
        initial.rates = limits.requestsPerSecond.map {
            RequestRates(RequestRate(perSecond: $0, burst: limits.burst), capacity: Self.capacity)
        }
        self.limits = limits
        trustedProxies = configuration.trustedProxies
        state = ConditionLock(initial)
    }

    /// The client as which an address counts; nil: it does not count, since it is a proxy's or (nil) a unix socket's.
    func client(_ address: IPAddress?) -> ClientPrefix? {
        guard let address, !trustedProxies.contains(where: { $0.contains(address) }) else { return nil }
        return ClientPrefix(address, limits)
    }

    // MARK: Connections

    /// Counts a connection, where there may be one more.
    func openConnection(_ client: ClientPrefix) -> Bool {
        guard let limit = limits.maxConnections else { return true }
        return state.withLock { state in
            guard state.held[client]?.connections ?? 0 < limit else { return false }
            state.held[client, default: Held()].connections += 1
            return true
        }
    }

    /// Once for each that was counted.
    func closeConnection(_ client: ClientPrefix) {
        guard limits.maxConnections != nil else { return }
        state.withLock { Self.release(&$0, client) { $0.connections -= 1 } }
    }

    // MARK: Requests

    /// Counts a request, where there may be one more. One that is admitted has to be ended.
    func beginRequest(_ client: ClientPrefix, at now: UInt64) -> Admission {
        state.withLock { state in
            if let limit = limits.maxConcurrentRequests, state.held[client]?.requests ?? 0 >= limit {
                return .tooManyAtOnce
            }
            let wait = state.rates?.take(client, at: now) ?? 0
            guard wait == 0 else { return .tooManyInTime(wait: wait) }
            if limits.maxConcurrentRequests != nil { state.held[client, default: Held()].requests += 1 }
            return .admitted
        }
    }

    /// Once for each that was admitted.
    func endRequest(_ client: ClientPrefix) {
        guard limits.maxConcurrentRequests != nil else { return }
        state.withLock { Self.release(&$0, client) { $0.requests -= 1 } }
    }

    private static func release(_ state: inout State, _ client: ClientPrefix, _ change: (inout Held) -> Void) {
        guard var held = state.held[client] else { return }
        change(&held)
        state.held[client] = held == Held() ? nil : held
    }

    // MARK: Logging

    /// Logs that something of the client at `address` was refused.
    func tellRefusal(_ address: IPAddress?, connections: Int = 0, requests: Int = 0, at now: UInt64) {
        let line = state.withLock { $0.refusals.count(connections: connections, requests: requests, at: now) }
        guard let line else { return }
        let latest = address?.description ?? "unknown"
        Log.general.warning(
            "Clients over their limits: \(line.connections) connections closed, \(line.requests) requests refused with 429 since the last such line; the latest of \(latest)"
        )
    }

    /// How many clients have something, and what all of them have together.
    package var total: (clients: Int, held: Held) {
        state.withLock { state in
            let sum = state.held.values.reduce(into: Held()) {
                $0.connections += $1.connections
                $0.requests += $1.requests
            }
            return (state.held.count, sum)
        }
    }
}

/// The addresses that count as one client: those with the same first bits.
package struct ClientPrefix: Hashable, Sendable {
    private let network: IPAddress

    package init(_ address: IPAddress, _ limits: ClientLimits) {
        network = address.masked(ipv4: limits.ipv4PrefixLength, ipv6: limits.ipv6PrefixLength)
    }
}

/// Counts refusals, and has them logged once a second at most, however many there are.
struct RefusalLog: Sendable {
    struct Line: Equatable, Sendable {
        var connections = 0
        var requests = 0
    }

    private static let interval: UInt64 = 1_000_000_000

    private var untold = Line()
    private var toldAt: UInt64?

    /// Counts, and returns what is to be logged now: everything since the last line.
    mutating func count(connections: Int = 0, requests: Int = 0, at now: UInt64) -> Line? {
        untold.connections &+= connections
        untold.requests &+= requests
        // Loops look at their clocks once a turn: another loop may have logged something later than now.
        if let toldAt, now < toldAt &+ Self.interval { return nil }
        toldAt = now
        defer { untold = Line() }
        return untold
    }
}
