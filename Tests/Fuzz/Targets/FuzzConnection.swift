import Glibc
import TwisterHTTP
import TwisterIO

/// One connection to a server in this process, over a socket pair, for targets that check whole connections.
struct FuzzConnection {
    /// After this many turns of the loop, a connection counts as stuck. Each turn does at least one thing for it.
    private static let patience = 5_000
    /// After this many turns without an octet, the server has sent everything.
    private static let quiet = 10

    private let loop: IOLoop
    private let server: HTTPServer
    private let client: CInt
    private var received: [UInt8] = []
    /// Whether the server has closed.
    private var isEnded = false

    /// Sends each piece when the server is quiet, ends the client's side, and reads until the server closes, which it has to do.
    ///
    /// - Parameter isOver: whether everything that the connection has begun has ended, too.
    /// - Returns: the octets that the server has sent.
    static func exchange(
        _ pieces: [[UInt8]], with server: HTTPServer, on loop: IOLoop, isOver: @escaping () -> Bool = { true }
    ) throws -> [UInt8] {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends) == 0 else {
            throw FuzzFinding("socketpair: errno \(errno)")
        }
        let client = ends[0]
        let stream = try IOStream(loop, fileDescriptor: ends[1])
        return try loop.runSync {
            server.handleStream(stream)
            var connection = FuzzConnection(loop: loop, server: server, client: client)
            return try await connection.talk(pieces, isOver)
        }
    }

    private init(loop: IOLoop, server: HTTPServer, client: CInt) {
        self.loop = loop
        self.server = server
        self.client = client
    }

    private mutating func talk(_ pieces: [[UInt8]], _ isOver: () -> Bool) async throws -> [UInt8] {
        for piece in pieces where !isEnded {
            _ = piece.withUnsafeBytes { send(client, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            var idleTurns = 0
            while idleTurns < Self.quiet, !isEnded {
                await turn()
                idleTurns = receive() ? 0 : idleTurns + 1
            }
        }
        shutdown(client, CInt(SHUT_WR))
        var turns = 0
        while !isEnded, turns < Self.patience {
            await turn()
            if !receive() { turns += 1 }
        }
        close(client)
        try require(isEnded, "the connection stays open after its client has ended")
        turns = 0
        while server.connectionCount > 0 || !isOver(), turns < Self.patience {
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
    private mutating func receive() -> Bool {
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
