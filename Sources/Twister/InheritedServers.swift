import TwisterHTTP
import TwisterIO

/// Serves on listening sockets that the process was started with; its loops accept from the same ones.
final class InheritedServers: ServersOfLoops {
    /// A loop's server, which only that loop's thread touches.
    private struct Member: @unchecked Sendable {
        let loop: IOLoop
        let server: HTTPServer
    }

    private let loops: IOLoopGroup
    private let members: [Member]
    let addresses: [SocketAddress]

    var backend: IOBackend { loops.loops[0].backend }
    var backendFallbackReason: String? { loops.loops[0].backendFallbackReason }
    var loopCount: Int { members.count }

    /// - Throws: `IOError` where the backend is not to be had; nothing is left running then.
    init(
        _ sockets: [ListeningSocket], delegate: any HTTPServerConnectionDelegate, loopCount: Int?,
        loop loopConfiguration: IOLoop.Configuration, configuration: HTTPServer.Configuration
    ) async throws {
        loops = try await IOLoopGroup(count: loopCount, configuration: loopConfiguration)
        var configuration = configuration
        // The budget is the process's, and each of these servers has one of its own.
        configuration.maxBufferedBytes /= loops.loops.count
        do {
            members = try await loops.map { [configuration] _, loop in
                let server = HTTPServer(loop, delegate: delegate, configuration: configuration)
                try server.addSockets(sockets)
                return Member(loop: loop, server: server)
            }
        } catch {
            await loops.stop()
            throw error
        }
        addresses = sockets.compactMap(\.address)
    }

    func shutdown(deadline: Duration) async -> (finished: Int, forced: Int) {
        let results = await withTaskGroup(of: (finished: Int, forced: Int).self) { group in
            for member in members {
                group.addTask(executorPreference: member.loop) { await member.server.shutdown(deadline: deadline) }
            }
            return await group.reduce(into: (finished: 0, forced: 0)) { sum, result in
                sum.finished += result.finished
                sum.forced += result.forced
            }
        }
        await loops.stop()
        return results
    }
}
