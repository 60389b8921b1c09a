import Twister

/// How paths find their handlers, and what they tell them.
let pathRoutes = RouteGroup {
    RouteGroup("/path") {
        URLSpec("/pos/([^/]+)/([^/]+)", PathHandler.self, name: "pos")
        URLSpec("/named/(?P<year>[0-9]{4})/(?P<name>[^/]+)", PathHandler.self, name: "named")
        URLSpec("/opt(?:/([^/]+))?", PathHandler.self)
        URLSpec("/rest/(.*)", PathHandler.self)
        URLSpec("/latin1/([^/]+)", Latin1PathHandler.self)
        URLSpec(.get, "/first") { $0.write("first") }
        URLSpec(.get, "/([a-z]+)") { (handler, word: String) in handler.write("word " + word) }
    }
    URLSpec("/init/a", Initialized.self, (letter: "a", number: 1))
    URLSpec("/init/b", Initialized.self, (letter: "b", number: 2))
    URLSpec(.get, "/reverse") { handler in
        try handler.respond([
            "pos": JSON(handler.reverseURL("pos", "a b", "ü/x")), "plain": JSON(handler.reverseURL("home")),
            "number": JSON(handler.reverseURL("named", 2024, "n")),
        ])
    }
    URLSpec(.get, "/reverse/unknown") { handler in handler.write(try handler.reverseURL("no-such-name")) }
    RouteGroup("/nested") {
        URLSpec(.get, "/a") { $0.write("nested a") }
        URLSpec(.get, "/b") { $0.write("nested b") }
    }
    RouteGroup(matching: { $0.headers["X-Api"] == "2" }) {
        URLSpec(.get, "/matcher") { $0.write("two") }
    }
    URLSpec(.get, "/matcher") { $0.write("one") }
    URLSpec(
        "/callable",
        PlainFunction { request in
            let text = "callable \(request.method.rawValue)"
            try request.connection.setHead(
                .ok, [.contentType: "text/plain", .contentLength: "\(text.utf8.count)"])
            if request.method != .head { request.connection.write(text) }
        })
    URLSpec(
        "/fallback/.*",
        PlainFunction { request in
            let text = "fallback \(request.path)"
            try request.connection.setHead(
                .ok, [.contentType: "text/plain", .contentLength: "\(text.utf8.count)"])
            if request.method != .head { request.connection.write(text) }
        })
    RouteGroup(host: "virtual.example") { URLSpec(.get, "/where") { $0.write("virtual") } }
    RouteGroup(host: "*.wild.example") { URLSpec(.get, "/where") { $0.write("wild") } }
    URLSpec(.get, "/where") { $0.write("general") }
    RouteGroup("/slash/add/?", middleware: [TrailingSlash.added]) {
        URLSpec(.get, "") { $0.write("slash") }
        URLSpec(.post, "") { $0.write("posted") }
    }
    RouteGroup(middleware: [TrailingSlash.removed]) {
        URLSpec(.get, "/slash/remove/*") { $0.write("no slash") }
    }
}.routes

private class PathHandler: RequestHandler {
    override func get() async throws {
        let values = pathArguments.values.map { JSON($0) }
        if pathArguments.names.isEmpty {
            try respond(["args": .list(values)])
        } else {
            let named = Dictionary(zip(pathArguments.names, values), uniquingKeysWith: { $1 })
            try respond(["kwargs": .object(named)])
        }
    }
}

private final class Latin1PathHandler: PathHandler {
    override func decodeArgument(_ value: [UInt8], _ name: String?) throws -> String {
        String(String.UnicodeScalarView(value.map { Unicode.Scalar($0) }))
    }
}

private final class Initialized: RequestHandlerWith<(letter: String, number: Int)> {
    override func get() async throws { write("\(state.letter) \(state.number)") }
}

/// An application within the application, with a handler of its own for what it does not have, and without a secret.
func innerApplication() throws -> Application {
    try Application(
        [
            URLSpec(.get, "/inner/ok") { $0.write("inner") },
            URLSpec(.get, "/inner/secret") { try $0.respondWithSignedCookie() },
        ], defaultHandler: { Missing($0) }, settings: Application.Settings(automaticETags: true))
}

private final class Missing: RequestHandler {
    override func prepare() async throws {
        setStatus(.notFound)
        try finish(json: ["missing": JSON(request.path)] as JSON)
    }
}
