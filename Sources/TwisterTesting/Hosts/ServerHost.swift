import Glibc
import TwisterCodec
import TwisterHTTP
import TwisterIO

/// The depths `inProcess` and `live`: a server on a loop, and the client's sockets on another loop, which always has the
/// real clock.
///
/// Each request has a connection of its own, so that no test depends on which requests came before on its connection.
///
/// Connections are pairs of sockets, even in the process: an in-memory stream would need a second kind of `IOStream`, and with
/// it a dynamic call at each point that a request's bytes pass.
final class ServerHost: TestHost {
    let loop: IOLoop
    let authority: String
    private let clientLoop: IOLoop
    private let serverLoops: IOLoopGroup
    private let clientLoops: IOLoopGroup
    private let server: LoopBound<HTTPServer>
    /// Where the server listens; nil: connections are pairs of sockets.
    private let address: SocketAddress?
    private let highWatermark: Int

    /// - Throws: `IOError` where there is no such backend, or nothing can listen on 127.0.0.1.
    init(
        _ delegate: any HTTPServerConnectionDelegate, _ loopConfiguration: IOLoop.Configuration,
        _ configuration: HTTPServerConfiguration, listens: Bool
    ) async throws {
        serverLoops = try await IOLoopGroup(count: 1, configuration: loopConfiguration)
        do {
            clientLoops = try await IOLoopGroup(
                count: 1, configuration: IOLoop.Configuration(backend: loopConfiguration.backend))
        } catch {
            await serverLoops.stop()
            throw error
        }
        let loop = serverLoops.loops[0]
        do {
            (server, address) = try await loop.perform {
                let server = HTTPServer(loop, delegate: delegate, configuration: configuration)
                if listens { try server.listen(port: 0, address: "127.0.0.1") }
                return (LoopBound(server), server.addresses.first)
            }
        } catch {
            await serverLoops.stop()
            await clientLoops.stop()
            throw error
        }
        self.loop = loop
        clientLoop = clientLoops.loops[0]
        authority = address?.port.map { "localhost:\($0)" } ?? "localhost"
        highWatermark = configuration.outputHighWatermark
    }

    func begin(_ request: PreparedRequest, _ feed: ResponseFeed) async throws {
        // A closed loop would never run the task, so this finds out first whether the loop runs.
        do { try await clientLoop.perform {} } catch { throw TestClientError.ended }
        let task = Task(executorPreference: clientLoop) {
            do {
                let stream = try await self.connect()
                defer { stream.close() }
                try await SocketExchange(stream, feed).run(request)
            } catch {
                feed.put(.failed(SocketExchange.reason(error)))
            }
        }
        feed.onCancel { task.cancel() }
    }

    private func connect() async throws -> IOStream {
        if let address { return try await IOStream.connect(clientLoop, to: address) }
        let (near, far) = try Self.socketPair()
        do {
            try await loop.perform { [server, loop] in
                server.value.serve(try IOStream(loop, fileDescriptor: far), from: .loopback)
            }
        } catch {
            close(near)
            close(far)
            throw error
        }
        do throws(IOError) {
            return try IOStream(clientLoop, fileDescriptor: near)
        } catch {
            close(near)
            throw error
        }
    }

    private static func socketPair() throws(IOError) -> (CInt, CInt) {
        var pair: [2 of CInt] = [-1, -1]
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let result = withUnsafeMutableBytes(of: &pair) { bytes in
            socketpair(AF_UNIX, type, 0, bytes.assumingMemoryBound(to: CInt.self).baseAddress)
        }
        guard result == 0 else { throw IOError(errno: errno, "socketpair") }
        return (pair[0], pair[1])
    }

    func requestsUnderWay() async throws -> Int { try await loop.perform { [server] in server.value.requestsUnderWay } }

    func stop() async {
        try? await loop.perform { [server] in
            server.value.stop()
            server.value.cutAll()
        }
        await awaitEnd()
        await clientLoops.stop()
        await serverLoops.stop()
    }
}
