import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// N-22: limits for each client apply before an application is called, and change nothing for clients within them.
@Suite(.serialized)
struct LimitedApplicationTests {
    private static func application() throws -> Application {
        try Application([
            URLSpec(.get, "/") { $0.write("at once") },
            URLSpec(.get, "/later") { handler in
                try await handler.sleep(for: .milliseconds(20))
                handler.write("later")
            },
            URLSpec(.get, "/teapot") { _ in throw HTTPError(418) },
            URLSpec(.post, "/body") { $0.write("\($0.request.body.count) bytes") },
        ])
    }

    private static func limit(_ configuration: inout HTTPServer.Configuration, burst: Int) {
        configuration.trustedProxies = []
        configuration.clientLimits.requestsPerSecond = 0.001
        configuration.clientLimits.burst = burst
        configuration.clientLimits.maxConcurrentRequests = 1
    }

    @Test(
        "N-22: an application responds as without limits, errors too, until there are too many",
        arguments: testedBackends)
    func responds(_ backend: IOBackend) async throws {
        try await withServer(backend, try Self.application()) {
            Self.limit(&$0, burst: 10)
        } _: { port in
            let client = try TestClient(port: port)
            for _ in 0..<2 {
                #expect(try client.get("/").text == "at once")
                #expect(try client.get("/later").text == "later")
                #expect(try client.get("/teapot").status == 418)
                #expect(try client.get("/nowhere").status == 404)
                let body = try client.ask("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
                #expect(body.text == "5 bytes")
            }
            let refused = try client.get("/")
            #expect(refused.status == 429)
            #expect(refused.field("Retry-After") == "1000")
        }
    }

    /// Passes requests to an application, and notes the loops on which `willServe` is called.
    private final class Told: HTTPServerConnectionDelegate {
        let loops = ConditionLock<[ObjectIdentifier]>([])
        private let application: Application

        init(_ application: Application) { self.application = application }

        func willServe(on loop: IOLoop) { loops.withLock { $0.append(ObjectIdentifier(loop)) } }
        func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { application.startRequest(request) }
    }

    @Test("N-22: a delegate with client limits is told of each loop once", arguments: [false, true])
    func willServe(_ isLimited: Bool) async throws {
        let told = Told(try Self.application())
        try await withServer(.epoll, told, loops: 3) {
            if isLimited { Self.limit(&$0, burst: 10) }
        } _: { port in
            let status = try TestClient(port: port).get("/").status
            #expect(status == 200)
            let loops = told.loops.withLock { $0 }
            #expect(loops.count == 3 && Set(loops).count == 3)
        }
    }
}
