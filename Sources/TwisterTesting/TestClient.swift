import HTTPTypes
import TwisterHTTP
import TwisterIO

/// Sends requests to the application under test. It may be used by several tasks at once; copies share their cookies.
///
///     let response = try await client.post("/todos", json: ["title": "milk"], bearer: "secret")
///
/// A task that is cancelled while it waits for a response disconnects from the server.
public struct TestClient: Sendable {
    /// How long to wait for a whole response or, where it is streamed, for its head and for each further piece. In real
    /// time. Default: `TestConfiguration.timeout`.
    public var timeout: Duration
    /// The longest response body that is collected, in bytes. Default: `TestConfiguration.maxResponseSize`.
    public var maxResponseSize: Int
    /// Whether cookies are kept and sent back. Default: `TestConfiguration.keepsCookies`.
    public var keepsCookies: Bool
    /// Whether redirects are followed. Default: `TestConfiguration.followsRedirects`.
    public var followsRedirects: Bool
    /// The most redirects that are followed for one request. Default: `TestConfiguration.maxRedirects`.
    public var maxRedirects: Int
    /// The cookies that responses have set.
    public let cookies: TestCookieJar
    /// The depth of the test.
    public let depth: TestDepth

    let host: any TestHost
    private let time: VirtualTime?
    private let highWatermark: Int

    init(_ depth: TestDepth, _ host: any TestHost, _ time: VirtualTime?, _ configuration: TestConfiguration) {
        self.depth = depth
        self.host = host
        self.time = time
        timeout = configuration.timeout
        maxResponseSize = configuration.maxResponseSize
        keepsCookies = configuration.keepsCookies
        followsRedirects = configuration.followsRedirects
        maxRedirects = configuration.maxRedirects
        highWatermark = configuration.server.outputHighWatermark
        cookies = TestCookieJar { time?.elapsedSeconds ?? 0 }
    }

    /// Another client of the same server, with the same settings and no cookies.
    public func another() -> TestClient {
        var configuration = TestConfiguration()
        configuration.timeout = timeout
        configuration.maxResponseSize = maxResponseSize
        configuration.keepsCookies = keepsCookies
        configuration.followsRedirects = followsRedirects
        configuration.maxRedirects = maxRedirects
        configuration.server.outputHighWatermark = highWatermark
        return TestClient(depth, host, time, configuration)
    }

    // MARK: Time

    /// Moves the virtual clock of the server's loop, and waits until everything that becomes due has run, each timer at its own
    /// time: `callLater`, `sleep(for:)`, `PeriodicCallback`, `withTimeout` on the loop and, except at the depth `handler`, the
    /// server's deadlines. `Task.sleep`, other threads and the `Date` of responses keep the real time.
    ///
    /// - Throws: `TestClientError.clockIsReal` unless `TestConfiguration.clock` is `.virtual`.
    public func advance(by duration: Duration) async throws {
        guard let time else { throw TestClientError.clockIsReal }
        do { try await time.advance(by: duration) } catch is IOLoopError { throw TestClientError.ended }
    }

    /// How many requests have reached the server and are not over: they have no complete response, or their handlers go on
    /// although their clients have disconnected.
    ///
    /// - Throws: `TestClientError.ended` after the test.
    public var requestsUnderWay: Int {
        get async throws {
            do { return try await host.requestsUnderWay() } catch is IOLoopError { throw TestClientError.ended }
        }
    }

    /// Waits until `count` requests have reached the server and are not over (`requestsUnderWay`). For a test that starts a
    /// request with `async let` and then advances the clock.
    ///
    /// - Throws: `TestClientError.timedOut` after `timeout`, `CancellationError`.
    public func waitForRequests(_ count: Int) async throws {
        let start = ContinuousClock.now
        while try await requestsUnderWay < count {
            guard ContinuousClock.now - start < timeout else {
                throw TestClientError.timedOut(request: "\(count) requests under way", after: timeout)
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    // MARK: Exchanges

    /// Sends the request, follows redirects where that is wanted, and waits for the final head.
    func open(_ request: PreparedRequest, until end: ContinuousClock.Instant) async throws -> OpenResponse {
        var request = request
        var redirects = 0
        while true {
            let response = try await openOnce(request, until: end)
            guard followsRedirects else { return response }
            do {
                let next = try request.redirected(
                    by: response.head.status, response.head.fields, authority: request.authority)
                guard let next else { return response }
                redirects += 1
                guard redirects <= maxRedirects else { throw TestClientError.tooManyRedirects(limit: maxRedirects) }
                request = next
                response.feed.cancel()
            } catch {
                response.feed.cancel()
                throw error
            }
        }
    }

    private func openOnce(
        _ prepared: PreparedRequest, until end: ContinuousClock.Instant
    ) async throws -> OpenResponse {
        var request = prepared
        let hostName = request.hostName
        if keepsCookies, request.fields[.cookie] == nil {
            request.fields[.cookie] = cookies.field(host: hostName, target: request.target)
        }
        let feed = ResponseFeed(request.name, highWatermark: highWatermark)
        try await host.begin(request, feed)
        var informational: [TestInformationalResponse] = []
        while true {
            switch try await feed.next(within: end - .now, limit: timeout) {
            case .informational(let head):
                informational.append(TestInformationalResponse(status: head.status, headers: head.fields))
            case .head(let head):
                if keepsCookies { cookies.store(head.fields, host: hostName, target: request.target) }
                return OpenResponse(head: head, informational: informational, feed: feed)
            case .body, .end, .failed:
                feed.cancel()
                throw TestClientError.malformedResponse("a body before the head")
            }
        }
    }
}

/// A response whose head has come.
struct OpenResponse {
    let head: ResponseFeed.Head
    let informational: [TestInformationalResponse]
    let feed: ResponseFeed

    /// The whole response.
    func collect(
        until end: ContinuousClock.Instant, timeout: Duration, limit: Int
    ) async throws -> TestResponse {
        var body: [UInt8] = []
        while true {
            switch try await feed.next(within: end - .now, limit: timeout) {
            case .body(let bytes):
                guard bytes.count <= limit - body.count else {
                    feed.cancel()
                    throw TestClientError.responseTooLarge(limit: limit)
                }
                body += bytes
            case .end(let trailers):
                return TestResponse(
                    status: head.status, headers: head.fields, trailers: trailers, informational: informational,
                    body: body)
            case .informational, .head, .failed:
                feed.cancel()
                throw TestClientError.malformedResponse("a second head")
            }
        }
    }
}
