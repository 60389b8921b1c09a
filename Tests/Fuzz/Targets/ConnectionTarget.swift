import TwisterHTTP
import TwisterIO

/// Whole connections to a server in this process, over socket pairs. Whatever the client sends, and wherever it is cut, the
/// server sends only well-formed responses, the same for each way of cutting, and keeps nothing of the connection.
///
/// Only the thread that creates it may use it.
final class ConnectionTarget {
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
        let octets = try FuzzConnection.exchange(pieces, with: server, on: loop)
        let counts = application.snapshot
        try require(counts.started == counts.finished, "\(counts.started) requests, \(counts.finished) finished")
        return try ResponseReader(octets).responses
    }
}
