import Twister

/// Header fields, the status, and what a handler sees of the request.
let headerRoutes = RouteGroup {
    RouteGroup("/headers") {
        URLSpec(.get, "/types") { handler in
            try handler.setHeader("X-Str", "text")
            try handler.setHeader("X-Bytes", "raw")
            try handler.setHeader("X-Int", "42")
            try handler.setHeader("X-Date", "Thu, 02 Jan 2020 03:04:05 GMT")
            handler.write("types")
        }
        URLSpec(.get, "/many") { handler in
            try handler.addHeader("X-Many", "one")
            try handler.addHeader("X-Many", "two")
            try handler.setHeader("X-One", "first")
            try handler.setHeader("X-One", "last")
            try handler.setHeader("X-Gone", "here")
            handler.clearHeader("X-Gone")
            handler.write("many")
        }
        URLSpec("/default", DefaultHeaders.self)
        URLSpec(.get, "/echo") { handler in
            let values = HTTPField.Name("X-Test").map { handler.request.headers.values(for: $0) } ?? []
            try handler.respond(["values": JSON(values), "joined": JSON(values.joined(separator: ","))])
        }
        URLSpec(.get, "/set") { handler in
            try handler.setHeader("X-Value", handler.getQueryArgument("value"))
            handler.write("set")
        }
        URLSpec(.get, "/name") { handler in
            try handler.setHeader(handler.getQueryArgument("name", strip: false), "1")
            handler.write("set")
        }
    }
    URLSpec(.get, "/status/([0-9]+)") { (handler, code: Int) in
        handler.setStatus(code, reason: try handler.getQueryArgument("reason", default: nil))
        handler.write("status \(code)")
    }
    URLSpec("/request", RequestFacts.self)
}.routes

private final class DefaultHeaders: RequestHandler {
    override func setDefaultHeaders() throws {
        try setHeader(.server, "Twin/1.0")
        try setHeader("X-Default", "yes")
    }

    override func get() async throws {
        if try hasFlag("fail") { throw HTTPError(.conflict) }
        write("default")
    }
}

private final class RequestFacts: RequestHandler {
    override func get() async throws {
        try respond([
            "method": JSON(request.method.rawValue), "uri": JSON(request.uri), "path": JSON(request.path),
            "query": JSON(request.query), "version": JSON(request.version), "protocol": JSON(request.protocol),
            "host": JSON(request.host), "host_name": JSON(request.hostName), "full_url": JSON(request.fullURL()),
            "remote_ip": JSON(request.remoteIP),
        ])
    }

    override func post() async throws { try await get() }
    override func put() async throws { try await get() }
    override func patch() async throws { try await get() }
    override func delete() async throws { try await get() }
    override func options() async throws { try await get() }
}
