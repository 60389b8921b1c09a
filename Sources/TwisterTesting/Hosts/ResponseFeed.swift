import HTTPTypes
import TwisterIO

/// A response on its way from the server to the test: the host puts its parts in, on its loop; the test takes them out, on
/// whatever thread it runs.
final class ResponseFeed: Sendable {
    struct Head: Sendable {
        var status: HTTPResponse.Status
        var fields: HTTPFields
    }

    enum Part: Sendable {
        /// A 1xx response, which comes before the final head.
        case informational(Head)
        case head(Head)
        case body([UInt8])
        /// The response is whole.
        case end(trailers: HTTPFields)
        /// No more of the response will come.
        case failed(TestClientError)
    }

    private struct State: Sendable {
        /// Bytes of the body that wait for the test.
        var buffered = 0
        var isCancelled = false
        var onCancel: (@Sendable () -> Void)?
    }

    /// The request's name in error messages.
    let request: String
    private let parts = AsyncQueue<Part>()
    private let room = AsyncEvent(isSet: true)
    private let highWatermark: Int
    private let state = ConditionLock(State())

    /// - Parameter highWatermark: how many bytes may wait for the test before the host has to wait.
    init(_ request: String, highWatermark: Int) {
        self.request = request
        self.highWatermark = highWatermark
    }

    // MARK: The host's side

    func put(_ part: Part) {
        if case .body(let bytes) = part {
            state.withLock { state in
                state.buffered += bytes.count
                if state.buffered > highWatermark, !state.isCancelled { room.clear() }
            }
        }
        // The queue has no limit of its own: the host waits for room between the parts.
        try? parts.putNowait(part)
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }
    /// Whether the host has to wait, because the test lags behind or takes nothing any more.
    var isBackedUp: Bool { !room.isSet || isCancelled }

    /// Waits until the test has taken enough.
    ///
    /// - Throws: `CancellationError`; `StreamClosedError` where the client has disconnected.
    func waitForRoom() async throws {
        try await room.wait()
        if isCancelled { throw StreamClosedError(realError: .endedByPeer) }
    }

    /// Calls `body` once when the client disconnects; at once, if it has disconnected already.
    func onCancel(_ body: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if !state.isCancelled { state.onCancel = body }
            return state.isCancelled
        }
        if isLate { body() }
    }

    // MARK: The test's side

    /// The next part of the response.
    ///
    /// - Throws: `TestClientError`, `CancellationError`. The client has disconnected then.
    func next(within timeout: Duration, limit: Duration) async throws -> Part {
        do {
            let part = try await parts.get(timeout: timeout)
            if case .failed(let error) = part { throw error }
            if case .body(let bytes) = part {
                state.withLock { state in
                    state.buffered -= bytes.count
                    if state.buffered <= highWatermark / 2 { room.set() }
                }
            }
            return part
        } catch is TimeoutError {
            cancel()
            throw TestClientError.timedOut(request: request, after: limit)
        } catch {
            cancel()
            throw error
        }
    }

    /// Disconnects the client. Does nothing if the response is complete.
    func cancel() {
        let callback = state.withLock { state in
            state.isCancelled = true
            return state.onCancel.take()
        }
        room.set()
        callback?()
    }
}
