import TwisterHTTP
import TwisterHTTP2
import TwisterIO

/// Whole HTTP/2 connections to a server in this process, over socket pairs. Whatever frames the client sends, and wherever
/// they are cut, the server sends well-formed frames, ends the connection, and every request that it begins ends.
///
/// An input of the second kind (`FuzzInput.variant`) begins behind the preface and the first SETTINGS; the other has to send
/// them itself. Only the thread that creates it may use it.
final class HTTP2Target {
    private static let start = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0".utf8)

    private let loop: IOLoop
    private let application = FuzzedApplication()
    private let server: HTTPServer

    init() throws {
        loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
        var configuration = HTTPServer.Configuration()
        configuration.http2 = HTTP2Configuration()
        configuration.maxHeaderSize = 2000
        configuration.bodyBufferSize = 1024
        configuration.decompressRequest = true
        server = HTTPServer(loop, delegate: application, configuration: configuration)
    }

    deinit { loop.close() }

    func check(_ octets: UnsafeRawBufferPointer) throws {
        guard let input = FuzzInput(octets) else { return }
        let start = input.variant ? [Self.start] : []
        let isHTTP2 = input.variant || input.message.starts(with: Self.start)
        for pieces in [[Array(input.message)], input.pieces.map(Array.init)] {
            // The handler of a WebSocket learns of the end a little later.
            let sent = try FuzzConnection.exchange(start + pieces, with: server, on: loop) { [application] in
                application.snapshot.started == application.snapshot.finished
            }
            let counts = application.snapshot
            try require(counts.started == counts.finished, "\(counts.started) requests, \(counts.finished) finished")
            if isHTTP2 { try checkFrames(sent) }
        }
    }

    /// The server's frames: SETTINGS first, none longer than the client allows, nothing behind a GOAWAY with an error.
    private func checkFrames(_ octets: [UInt8]) throws {
        var position = 0
        var isFirst = true
        while position + 9 <= octets.count {
            let length = Int(octets[position]) << 16 | Int(octets[position + 1]) << 8 | Int(octets[position + 2])
            let type = octets[position + 3]
            if isFirst { try require(type == 4, "the first frame is of type \(type)") }
            try require(type <= 9, "a frame of type \(type)")
            try require(length <= 16_384, "a frame of \(length) octets")
            isFirst = false
            position += 9 + length
        }
    }
}
