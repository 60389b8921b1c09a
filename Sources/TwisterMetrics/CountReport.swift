import CoreMetrics
import TwisterHTTP
import TwisterIO

/// Reports what loops, servers and the process count: of numbers that only grow, what has been added since the last report.
/// Here each of those numbers gets its name.
final class CountReport: Sendable {
    private struct State {
        var servers: [ServerSource] = []
        var loops: [LoopSource] = []
        var droppedLines: Reading
    }

    /// A number that grows, as it was at the last report.
    private struct Reading {
        private var last: Int
        init(_ start: Int = 0) { last = start }

        /// Reports what was added since.
        mutating func report(_ current: Int, to counter: any CounterHandler) {
            if current > last { counter.increment(by: Int64(current - last)) }
            last = current
        }
    }

    private struct ServerSource {
        let counts: ServerCounts
        var accepted = Reading()
        var refused = Reading()
        var limits = Array(repeating: Reading(), count: ServerCounts.limitStatuses.count)
        var frameLimits = Array(repeating: Reading(), count: ServerCounts.FrameLimit.allCases.count)
    }

    private struct LoopSource {
        let counts: LoopCounts
        var turns: Reading
        var stalls: Reading
    }

    // Not a Mutex: the thread sanitizer does not know it.
    private let state: ConditionLock<State>
    private let countDroppedLines: @Sendable () -> Int
    private let open: any MeterHandler
    private let accepted: any CounterHandler
    private let refused: any CounterHandler
    private let limits: [any CounterHandler]
    private let frameLimits: [any CounterHandler]
    private let turns: any CounterHandler
    private let stalls: any CounterHandler
    private let droppedLines: any CounterHandler

    /// - Parameters:
    ///   - factory: makes the metrics.
    ///   - droppedLines: how many lines the log has dropped since the start of the process.
    init(_ factory: any MetricsFactory, droppedLines count: @escaping @Sendable () -> Int = { Log.droppedLines }) {
        state = ConditionLock(State(droppedLines: Reading(count())))
        countDroppedLines = count
        open = factory.makeMeter(label: "twister.connections.open", dimensions: [])
        accepted = factory.makeCounter(label: "twister.connections.accepted", dimensions: [])
        refused = factory.makeCounter(label: "twister.connections.refused", dimensions: [])
        limits = ServerCounts.limitStatuses.map {
            factory.makeCounter(label: "twister.limits.hit", dimensions: [("http.response.status_code", "\($0)")])
        }
        frameLimits = ServerCounts.FrameLimit.allCases.map {
            factory.makeCounter(label: "twister.http2.limits.hit", dimensions: [("limit", $0.name)])
        }
        turns = factory.makeCounter(label: "twister.loop.turns", dimensions: [])
        stalls = factory.makeCounter(label: "twister.loop.stalls", dimensions: [])
        droppedLines = factory.makeCounter(label: "twister.log.dropped_lines", dimensions: [])
    }

    /// Reports what that server counts, from now on.
    func add(_ counts: ServerCounts) {
        state.withLock { state in
            state.servers.append(ServerSource(counts: counts))
            guard !state.loops.contains(where: { $0.counts === counts.loop }) else { return }
            let turns = Reading(counts.loop.turns.current)
            let stalls = Reading(counts.loop.stalls.current)
            state.loops.append(LoopSource(counts: counts.loop, turns: turns, stalls: stalls))
        }
    }

    /// Reports what was counted since the last time. On any thread; it waits for no loop.
    func report() {
        state.withLock { state in
            // Read before the numbers, so that nothing is counted after their last report.
            let ended = state.servers.map(\.counts.hasEnded)
            for index in state.servers.indices { report(&state.servers[index]) }
            for index in state.loops.indices {
                let counts = state.loops[index].counts
                state.loops[index].turns.report(counts.turns.current, to: turns)
                state.loops[index].stalls.report(counts.stalls.current, to: stalls)
            }
            state.droppedLines.report(countDroppedLines(), to: droppedLines)
            state.servers = zip(state.servers, ended).filter { !$0.1 }.map(\.0)
            let servers = state.servers
            state.loops.removeAll { loop in !servers.contains { $0.counts.loop === loop.counts } }
            open.set(Int64(servers.reduce(0) { $0 + $1.counts.openConnections.current }))
        }
    }

    private func report(_ server: inout ServerSource) {
        server.accepted.report(server.counts.acceptedConnections.current, to: accepted)
        server.refused.report(server.counts.refusedConnections.current, to: refused)
        for (index, counter) in limits.enumerated() {
            server.limits[index].report(server.counts.limitsHit(at: index), to: counter)
        }
        for (limit, counter) in zip(ServerCounts.FrameLimit.allCases, frameLimits) {
            server.frameLimits[limit.rawValue].report(server.counts.limitsHit(limit), to: counter)
        }
    }
}
