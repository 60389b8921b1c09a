import HTTPTypes
import TwisterCodec
import TwisterIO

/// Stands before a server's delegate where there are limits by client, and refuses requests that are over them.
final class ClientLimitingDelegate: HTTPServerConnectionDelegate {
    private let delegate: any HTTPServerConnectionDelegate
    private let clients: ClientTable
    private let counts: ServerCounts

    init(_ delegate: any HTTPServerConnectionDelegate, _ clients: ClientTable, _ counts: ServerCounts) {
        self.delegate = delegate
        self.clients = clients
        self.counts = counts
    }

    func willServe(on loop: IOLoop) { delegate.willServe(on: loop) }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
        let address = request.connection.state.origin.address
        guard let client = clients.client(address) else { return delegate.startRequest(request) }
        let now = request.connection.state.startedAt
        let admission = clients.beginRequest(client, at: now)
        guard case .admitted = admission else {
            clients.tellRefusal(address, requests: 1, at: now)
            counts.countRefusal(429)
            return RefusedRequest(request, admission)
        }
        let message = delegate.startRequest(request)
        // Where requests under way are not counted, their end need not be told.
        guard clients.limits.maxConcurrentRequests != nil else { return message }
        return CountedRequest(message, client, clients)
    }
}

/// A request that counts as under way until its exchange has ended, however it does.
private final class CountedRequest: RefusalResponder {
    private let message: any HTTPMessageDelegate
    private let client: ClientPrefix
    private let clients: ClientTable

    init(_ message: any HTTPMessageDelegate, _ client: ClientPrefix, _ clients: ClientTable) {
        self.message = message
        self.client = client
        self.clients = clients
    }

    func headersReceived() -> HTTPBodyDelivery { message.headersReceived() }
    func execute() async throws { try await message.execute() }
    func executionFailed(_ error: any Error) async { await message.executionFailed(error) }
    func onConnectionClose() { message.onConnectionClose() }
    func onShutdown() { message.onShutdown() }
    var label: JobLabel { message.label }
    var cancelsOnDisconnect: Bool { message.cancelsOnDisconnect }

    func refused(_ refusal: RequestRefusal) -> (any HTTPMessageDelegate)? {
        guard let responder = (message as? any RefusalResponder)?.refused(refusal) else { return nil }
        return CountedRequest(responder, client, clients)
    }

    func exchangeEnded() {
        clients.endRequest(client)
        message.exchangeEnded()
    }
}

/// A request over its client's limits: 429 (RFC 6585, 4).
private final class RefusedRequest: HTTPMessageDelegate {
    private let request: HTTPServerRequest
    private let admission: ClientTable.Admission

    init(_ request: HTTPServerRequest, _ admission: ClientTable.Admission) {
        self.request = request
        self.admission = admission
    }

    /// Nothing of the body is collected: a short one is dropped behind the response, a long one ends the connection.
    func headersReceived() -> HTTPBodyDelivery { .streamed(limit: nil) }

    func execute() {
        let seconds: UInt64
        let detail: String
        switch admission {
        case .tooManyInTime(let wait):
            seconds = wait / 1_000_000_000 + (wait % 1_000_000_000 == 0 ? 0 : 1)
            detail = "too many requests in a short time"
        case .tooManyAtOnce, .admitted:
            seconds = 1
            detail = "too many requests at once"
        }
        request.connection.respondToFailure(429, detail, [.retryAfter: "\(max(seconds, 1))"])
    }

    func executionFailed(_ error: any Error) async { request.connection.abort() }
}
