import HTTPTypes
import Synchronization
import TwisterHTTP

/// Answers in each of the ways that there are, chosen by the path, and counts.
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

        func onConnectionClose() { application.counts.withLock { $0.left += 1 } }
        func exchangeEnded() { application.counts.withLock { $0.finished += 1 } }

        func execute() async throws {
            let answer = request.connection
            switch request.path {
            case "/streamed":
                var body: [UInt8] = []
                for try await chunk in request.bodyStream { body += chunk }
                answer.write("streamed \(body.count) \(request.trailers.count) ")
                try await answer.flush()
                answer.write(body)
            case "/early": answer.write("early")
            case "/nothing": try answer.setHead(.noContent)
            case "/short":
                try answer.setHead(.ok, [.contentLength: "5"])
                answer.write("short")
            default:
                answer.write("\(request.method.rawValue) \(request.uri) \(request.host) \(request.remoteIP) ")
                answer.write(request.body)
            }
            answer.finish()
        }

        func executionFailed(_ error: any Error) async {
            // Where the client has left, nobody reads an answer.
            if error is CancellationError { return }
            request.connection.respondToFailure(500)
        }
    }
}
