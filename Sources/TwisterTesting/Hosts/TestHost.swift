import TwisterCodec
import TwisterIO

/// The server side of a test, at one depth.
protocol TestHost: Sendable {
    /// The loop that runs the handlers.
    var loop: IOLoop { get }
    /// The `Host` field of requests.
    var authority: String { get }

    /// Sends a request; its response goes to `feed`.
    ///
    /// - Throws: `TestClientError.ended` after `stop`.
    func begin(_ request: PreparedRequest, _ feed: ResponseFeed) async throws

    /// How many requests have reached the server and are not over.
    func requestsUnderWay() async throws -> Int

    /// Disconnects all clients, cancels all handlers, and ends the loops.
    func stop() async
}

extension TestHost {
    /// Waits until the handlers that were cancelled have returned. A hundred turns are enough for all but those that wait for
    /// another thread.
    func awaitEnd() async {
        for _ in 0..<100 {
            guard let count = try? await requestsUnderWay(), count > 0 else { return }
        }
    }
}

extension IPAddress {
    /// The address that handlers see as their client's at each depth: 127.0.0.1.
    static var loopback: IPAddress { IPAddress(v4: 0x7F00_0001) }
}
