public import TwisterHTTP
import TwisterIO

extension HTTPServerConnectionDelegate {
    /// Runs `body` with a client of this application, or of anything else that responds to requests, on a server of its
    /// own. The server has stopped when this returns or throws: clients are disconnected, handlers cancelled.
    ///
    /// - Parameters:
    ///   - depth: how much of the server takes part.
    ///   - configuration: settings of the server and the client.
    ///   - body: the test.
    /// - Throws: the error that `body` throws; `IOError` where the server cannot start.
    ///
    /// Tornado: `testing.AsyncHTTPTestCase`.
    @discardableResult
    public func test<Result>(
        _ depth: TestDepth, configuration: TestConfiguration = TestConfiguration(),
        _ body: (TestClient) async throws -> Result
    ) async throws -> Result {
        var clock: ManualClock?
        if case .virtual = configuration.clock { clock = ManualClock() }
        let loop = clock?.configuration(configuration.backend) ?? IOLoop.Configuration(backend: configuration.backend)
        let host: any TestHost =
            switch depth {
            case .handler: try await HandlerHost(self, loop, configuration.server)
            case .inProcess: try await ServerHost(self, loop, configuration.server, listens: false)
            case .live: try await ServerHost(self, loop, configuration.server, listens: true)
            }
        let client = TestClient(depth, host, clock.map { VirtualTime($0, host.loop) }, configuration)
        do {
            let result = try await body(client)
            await host.stop()
            return result
        } catch {
            await host.stop()
            throw error
        }
    }
}
