package import TwisterHTTP
package import TwisterIO

/// The backends that can run here. Where a ring can be opened, both: a test that leaves one out has to fail.
package let testedBackends: [IOBackend] = [.ioUring, .epoll]

extension HTTPServer.Configuration {
    /// The defaults, with the filter of this run of the tests.
    package static var tested: HTTPServer.Configuration {
        var configuration = HTTPServer.Configuration()
        if let filter = TestFilter.current { configuration.makeStreamFilter = { filter.make() } }
        return configuration
    }
}

/// Runs `body` against a server of its own on 127.0.0.1, and stops the server.
package func withServer<Result>(
    _ backend: IOBackend, _ delegate: any HTTPServerConnectionDelegate, loops: Int = 1,
    configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    _ body: (UInt16) async throws -> Result
) async throws -> Result {
    var configuration = HTTPServer.Configuration.tested
    configure(&configuration)
    let servers = try await HTTPServerGroup(
        delegate: delegate, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: loops,
        loop: IOLoop.Configuration(backend: backend), configuration: configuration)
    do {
        let result = try await body(servers.port ?? 0)
        await servers.shutdown(deadline: .seconds(2))
        return result
    } catch {
        await servers.shutdown(deadline: .zero)
        throw error
    }
}
