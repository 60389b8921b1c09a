import Glibc
import TwisterHTTP
import TwisterIO

/// Whole connections to a server in this process, over socket pairs. Whatever the client sends, and wherever it is cut, the
/// server sends only well-formed responses, the same for each way of cutting, and keeps nothing of the connection.
///
/// Only the thread that creates it may use it.
final class ConnectionTarget {
    /// After this many turns of the loop, a connection counts as stuck. Each turn does at least one thing for it.
    private static let patience = 5_000
    /// After this many turns without an octet, the server has sent everything.
    private static let quiet = 8

    private let loop: IOLoop
    private let application = FuzzedApplication()
    private let servers: [HTTPServer]

    init() throws {
        loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
        var usual = HTTPServer.Configuration()
        usual.xheaders = true
        usual.forwardedHeader = true
        usual.decompressRequest = true
        var strict = usual
        strict.maxRequestLineSize = 100
        strict.maxHeaderSize = 300
        strict.maxHeaderFields = 6
        strict.bodyBufferSize = 16
        strict.pipelineBufferSize = 64
        strict.outputHighWatermark = 64
        servers = [usual, strict].map { [loop, application] in
            HTTPServer(loop, delegate: application, configuration: $0)
        }
    }

    deinit { loop.close() }

    func check(_ octets: UnsafeRawBufferPointer) throws {
        guard let input = FuzzInput(octets) else { return }
        let server = servers[input.variant ? 1 : 0]
        let whole = try responses(of: server, to: [Array(input.message)])
        let cut = try responses(of: server, to: input.pieces.map(Array.init))
        // Whether a connection stays open after a request with an unread body depends on how much of the body has arrived.
        if String(decoding: input.message, as: UTF8.self).contains("/early") { return }
        try require(cut == whole, "cut at \(input.cuts): \(cut)\nwhole: \(whole)")
    }

    private func responses(of server: HTTPServer, to pieces: [[UInt8]]) throws -> [String] {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends) == 0 else {
            throw FuzzFinding("socketpair: errno \(errno)")
        }
        let client = ends[0]
        let stream = try IOStream(loop, fileDescriptor: ends[1])
        let octets = try loop.runSync { [self] in
            server.handleStream(stream)
            return try await talk(client, pieces, server)
        }
        let counts = application.snapshot
        try require(counts.started == counts.finished, "\(counts.started) requests, \(counts.finished) finished")
        return try ResponseReader(octets).responses
    }

    /// Sends each piece when the server is quiet, ends its side, and reads until the server closes.
    private func talk(_ client: CInt, _ pieces: [[UInt8]], _ server: HTTPServer) async throws -> [UInt8] {
        var received: [UInt8] = []
        var isEnded = false
        for piece in pieces where !isEnded {
            _ = piece.withUnsafeBytes { send(client, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            var idleTurns = 0
            while idleTurns < Self.quiet, !isEnded {
                await turn()
                idleTurns = receive(client, &received, &isEnded) ? 0 : idleTurns + 1
            }
        }
        shutdown(client, CInt(SHUT_WR))
        var turns = 0
        while !isEnded, turns < Self.patience {
            await turn()
            if !receive(client, &received, &isEnded) { turns += 1 }
        }
        close(client)
        try require(isEnded, "the connection stays open after its client has ended")
        turns = 0
        while server.connectionCount > 0, turns < Self.patience {
            await turn()
            turns += 1
        }
        try require(server.connectionCount == 0, "the server keeps a closed connection")
        return received
    }

    /// Lets the loop run at least one turn with its timers, output and events. `Task.yield` could return before it.
    private func turn() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            loop.addCallback { continuation.resume() }
        }
    }

    /// Whether octets were read.
    private func receive(_ client: CInt, _ received: inout [UInt8], _ isEnded: inout Bool) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            let count = recv(client, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else {
                if count == 0 || errno != EAGAIN { isEnded = true }
                return false
            }
            received += buffer[..<count]
            return true
        }
    }
}
