import HTTPTypes
import Synchronization
import TwisterHTTP
import TwisterIO

/// Responds in all possible ways, chosen by the path, and counts the requests.
final class FuzzedApplication: HTTPServerConnectionDelegate {
    struct Counts: Sendable {
        var started = 0
        var finished = 0
        var left = 0
    }

    private let counts = Mutex(Counts())

    var snapshot: Counts { counts.withLock { $0 } }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
        counts.withLock { $0.started += 1 }
        return Message(request, self)
    }

    private final class Message: HTTPMessageDelegate {
        private let request: HTTPServerRequest
        private let application: FuzzedApplication

        init(_ request: HTTPServerRequest, _ application: FuzzedApplication) {
            self.request = request
            self.application = application
        }

        func headersReceived() -> HTTPBodyDelivery {
            switch request.path {
            case "/streamed": .streamed(limit: 1000)
            case "/early": .streamed(limit: nil)
            default: .collected(limit: 100)
            }
        }

        /// Accepts a WebSocket over HTTP/2, whose bytes go back as they come.
        private func echo(_ response: HTTPConnection) async throws {
            try response.setHead(.ok)
            guard let stream = response.switchProtocol()?.stream else { return }
            while true {
                let bytes = try await stream.readBytes(100, partial: true)
                if bytes.first == 0 { return stream.closeAfterWriting() }
                try await stream.write(bytes)
            }
        }

        func onConnectionClose() { application.counts.withLock { $0.left += 1 } }
        func exchangeEnded() { application.counts.withLock { $0.finished += 1 } }

        func execute() async throws {
            let response = request.connection
            if response.opensWebSocket { return try await echo(response) }
            switch request.path {
            case "/streamed":
                var body: [UInt8] = []
                for try await chunk in request.bodyStream { body += chunk }
                response.write("streamed \(body.count) \(request.trailers.count) ")
                try await response.flush()
                response.write(body)
            case "/early": response.write("early")
            case "/nothing": try response.setHead(.noContent)
            case "/short":
                try response.setHead(.ok, [.contentLength: "5"])
                response.write("short")
            default:
                response.write("\(request.method.rawValue) \(request.uri) \(request.host) \(request.remoteIP) ")
                response.write(request.body)
            }
            response.finish()
        }

        func executionFailed(_ error: any Error) async {
            // The client may have disconnected.
            if error is CancellationError { return }
            request.connection.respondToFailure(500)
        }
    }
}
