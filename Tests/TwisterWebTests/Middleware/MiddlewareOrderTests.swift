import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterTesting

@testable import TwisterWeb

@Suite("Order of middleware")
struct MiddlewareOrderTests {
    @Test("X-49: an error of one middleware keeps the fields that those around it have set")
    func fieldsOfOuterMiddleware() async throws {
        let outer = MiddlewareClosure { handler, next in
            try handler.connection.head.set("X-Outer", "yes")
            try await next()
        }
        let failing = MiddlewareClosure { handler, _ in
            try handler.connection.head.set("X-Failing", "yes")
            throw HTTPError(.forbidden)
        }
        let application = try Application(
            [URLSpec(.get, "/") { handler in handler.write("served") }], middleware: [outer, failing])
        try await application.testOnBothBackends { client async throws in
            let response = try await client.get("/")
            #expect(response.status == .forbidden)
            #expect(response.field("X-Outer") == "yes")
            #expect(response.field("X-Failing") == nil)
        }
    }
}
