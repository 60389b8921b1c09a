import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterTesting
import TwisterWeb

/// Lets requests in that name a tenant, and tells handlers which one it is.
struct Tenants: Middleware {
    let known: Set<String>

    func handle(_ handler: RequestHandler, next: Next) async throws {
        guard let name = handler.request.headers["X-Tenant"], known.contains(name) else {
            throw HTTPError(.badRequest, detail: "The field X-Tenant names no tenant.")
        }
        handler[Tenant.self] = Tenant(name: name)
        try await next()
    }
}

struct Tenant {
    let name: String
}

@Suite("Example: a middleware of one's own") struct OwnMiddlewareExample {
    @Test(arguments: TestDepth.allCases) func tenantIsKnown(depth: TestDepth) async throws {
        let routes = [URLSpec(.get, "/") { handler in handler.write(handler[Tenant.self]?.name ?? "") }]
        let application = try Application(routes, middleware: [Tenants(known: ["blue"])])
        try await application.test(depth) { client in
            let tenant = try #require(HTTPField.Name("X-Tenant"))
            #expect(try await client.get("/", headers: [tenant: "blue"]).text == "blue")
            #expect(try await client.get("/", headers: [tenant: "red"]).status == .badRequest)
        }
    }
}
