import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// A server that notes each accepted stream and passes it on.
private final class TracedServer: TCPServer {
    private let http: HTTPServer
    private let trace: Trace

    init(_ loop: IOLoop, _ delegate: any HTTPServerConnectionDelegate, _ trace: Trace) {
        http = HTTPServer(loop, delegate: delegate, configuration: .tested)
        self.trace = trace
        super.init(loop)
    }

    override func handleStream(_ stream: IOStream) throws {
        if stream.consumer == nil, loop.statistics.connections == 1 { trace.note("accept") }
        trace.note("handleStream")
        http.handleStream(stream)
        // The connection has made itself the stream's consumer.
        if stream.consumer != nil, http.connectionCount == 1 { trace.note("startServing") }
    }
}

/// Calls an application and notes the calls.
private final class TracedDelegate: HTTPServerConnectionDelegate {
    private let application: Application
    private let trace: Trace

    init(_ application: Application, _ trace: Trace) {
        self.application = application
        self.trace = trace
    }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
        if request.method == .get, request.host == "traced" { trace.note("head") }
        trace.note("startRequest")
        return Message(application.startRequest(request), trace)
    }

    private final class Message: HTTPMessageDelegate {
        private let message: any HTTPMessageDelegate
        private let trace: Trace

        init(_ message: any HTTPMessageDelegate, _ trace: Trace) {
            self.message = message
            self.trace = trace
        }

        func headersReceived() -> HTTPBodyDelivery { message.headersReceived() }
        func execute() async throws {
            trace.note("execute")
            try await message.execute()
        }
        func executionFailed(_ error: any Error) async { await message.executionFailed(error) }
        func exchangeEnded() {
            message.exchangeEnded()
            trace.note("finish")
        }
    }
}

@Suite("The course of a request", .serialized)
struct RequestCourseTests {
    @Test("S-43: one request goes through the seven stages in their order", arguments: testedBackends)
    func stages(backend: IOBackend) async throws {
        let trace = Trace()
        let application = try Application([URLSpec(.get, "/") { $0.write("seen") }])
        let loops = try await IOLoopGroup(count: 1, configuration: IOLoop.Configuration(backend: backend))
        let keeper = Keeper()
        let port = try await loops.map { _, loop in
            let server = TracedServer(loop, TracedDelegate(application, trace), trace)
            try server.listen(port: 0, address: "127.0.0.1")
            keeper.server = server
            return server.port ?? 0
        }[0]
        #expect(trace.all == [])
        let client = try TestClient(port: port)
        try await trace.wait(for: 3)
        #expect(trace.take() == ["accept", "handleStream", "startServing"])
        #expect(try client.ask("GET / HTTP/1.1\r\nHost: traced\r\n\r\n").text == "seen")
        try await trace.wait(for: 4)
        #expect(trace.take() == ["head", "startRequest", "execute", "finish"])
        // A second request on the connection begins at its head.
        #expect(try client.ask("GET / HTTP/1.1\r\nHost: traced\r\n\r\n").text == "seen")
        try await trace.wait(for: 4)
        #expect(trace.take() == ["head", "startRequest", "execute", "finish"])
        _ = try await loops.map { _, _ in
            keeper.server?.stop()
            keeper.server = nil
        }
        await loops.stop()
    }

    /// Holds the server on its loop's thread.
    private final class Keeper: @unchecked Sendable {
        var server: TracedServer?
    }
}
