public import TwisterHTTP
public import TwisterIO

/// The layers of the server that a test passes through. The same lines test an application at each depth:
///
///     @Test(arguments: TestDepth.allCases) func storyIsFound(depth: TestDepth) async throws {
///         try await makeApplication().test(depth) { client in
///             #expect(try await client.get("/story/7").status == .ok)
///         }
///     }
///
/// At every depth the handlers run on an `IOLoop` with a thread of its own.
public enum TestDepth: String, CaseIterable, Sendable {
    /// Request and response are values: routing, handlers and bodies, without a connection. The fastest depth. It leaves out
    /// what a connection does: deadlines, keep-alive, compressed request bodies, observers, limits by client.
    case handler
    /// The bytes of HTTP/1.1 go through the server's connections over a pair of connected sockets, without the network.
    case inProcess
    /// A server listens on a free port of 127.0.0.1.
    case live
}

/// Which clock the loop of a test has.
public enum TestClock: Sendable {
    /// The system's monotonic clock.
    case real
    /// A clock that stands still until `TestClient.advance(by:)` moves it.
    case virtual
}

/// The settings of a test's server and client.
public struct TestConfiguration: Sendable {
    /// The limits and deadlines of the server. At the depth `handler` only `maxBodySize`, `bodyBufferSize`,
    /// `outputHighWatermark`, the limits of a request's head and `serverName` have a meaning.
    public var server = HTTPServerConfiguration()
    /// The backend of the loops. Default nil: the one that `TWISTER_BACKEND` of the environment names, otherwise the best one
    /// available.
    public var backend: IOBackend?
    /// The clock of the server's loop. Default: the real one.
    public var clock = TestClock.real
    /// How long the client waits for a whole response or, where it is streamed, for its head and for each further piece.
    /// In real time, whatever the server's clock is. Default 10 s.
    public var timeout: Duration = .seconds(10)
    /// The longest response body that the client collects, in bytes. Default 64 MiB.
    public var maxResponseSize = 67_108_864
    /// Whether the client keeps cookies and sends them back. Default true.
    public var keepsCookies = true
    /// Whether the client follows redirects. Default false: a test usually wants to see them.
    public var followsRedirects = false
    /// The most redirects that are followed for one request. Default 5. Tornado: `max_redirects`.
    public var maxRedirects = 5

    public init() {}
}
