import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

/// H1-15: the time for a whole body, over each version of HTTP.
@Suite(.serialized)
struct BodyTimeTests {
    @Test("a time for the whole body that is set in headersReceived holds: 408", arguments: testedBackends)
    func bodyTimeout(_ backend: IOBackend) async throws {
        for delivery in [HTTPBodyDelivery.collected(limit: nil), .streamed(limit: nil)] {
            try await withServer(backend, BodyTimeSetting(delivery)) {
                $0.bodyStallTimeout = .seconds(600)
            } _: { port in
                let client = try TestClient(port: port)
                #expect(try client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab").text == "2")
                try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab")
                let response = try client.receiveResponse()
                #expect(response.status == 408)
                #expect(try client.endsConnection(after: response))
            }
        }
    }

    /// Gives each body 300 ms.
    private final class BodyTimeSetting: HTTPServerConnectionDelegate {
        private let delivery: HTTPBodyDelivery

        init(_ delivery: HTTPBodyDelivery) { self.delivery = delivery }

        func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request, delivery) }

        private final class Message: HTTPMessageDelegate {
            private let request: HTTPServerRequest
            private let delivery: HTTPBodyDelivery

            init(_ request: HTTPServerRequest, _ delivery: HTTPBodyDelivery) {
                self.request = request
                self.delivery = delivery
            }

            func headersReceived() -> HTTPBodyDelivery {
                request.connection.setBodyTimeout(.milliseconds(300))
                return delivery
            }

            func execute() async throws {
                var count = 0
                for try await bytes in request.bodyStream { count += bytes.count }
                request.connection.write("\(count)")
            }

            func executionFailed(_ error: any Error) async { request.connection.respondToFailure(500) }
        }
    }
}
