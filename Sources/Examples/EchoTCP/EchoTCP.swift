import ArgumentParser
import TwisterIO

/// A server that sends received bytes back, and a client for it: TCPServer and TCPClient without HTTP.
@main
struct EchoTCP: ParsableCommand {
    @Option(help: "The port to listen on, every interface; 0 takes a free one.")
    var port: UInt16 = 8007

    @Option(help: "Instead of serving: move so many bytes each way through one stream, with a slow reader.")
    var selfTest: Int?

    func run() throws {
        let loop = try IOLoop.current()
        if let selfTest {
            let result = try SelfTest.run(loop, bytes: selfTest)
            print(result)
            guard result.isComplete else { throw ExitCode.failure }
        } else {
            let server = TCPServer(loop, handler: echo)
            try server.listen(port: port)
            for address in server.addresses { print("Listening on \(address), \(loop.backend)") }
            loop.run()
        }
    }
}

/// Sends received bytes back, piece by piece, until the peer has sent its last byte.
///
/// `write` waits while the peer takes less than it sends, and nothing is received while no read waits, so that memory stays
/// constant.
@Sendable
func echo(_ stream: IOStream, _ address: SocketAddress?) async throws {
    while true {
        let piece = try await stream.readBytes(65_536, partial: true)
        try await stream.write(piece)
    }
}
