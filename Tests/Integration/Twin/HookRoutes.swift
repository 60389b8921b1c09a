import Twister

/// What handlers do before and after the method, and when the client disconnects.
func hookRoutes(_ notes: Notes) -> [URLSpec] {
    RouteGroup("/hooks") {
        URLSpec("/prepare", Prepared.self)
        URLSpec("/stop", Stopped.self)
        URLSpec("/refuse", Refused.self)
        URLSpec("/redirect", Redirected.self)
        URLSpec("/async", Waiting.self)
        URLSpec("/order", Ordered.self, notes)
        URLSpec("/detach", Detached.self)
        URLSpec("/closed", Closed.self, notes)
    }.routes
}

private final class Prepared: RequestHandler {
    override func prepare() async throws { try setHeader("X-Prepared", "yes") }
    override func get() async throws { write("got") }
}

/// None of the methods runs, because `prepare` has responded.
private class Stopped: RequestHandler {
    override func prepare() async throws { finish("stopped") }
    override func get() async throws { throw Crash("must not run") }
    override func post() async throws { throw Crash("must not run") }
    override func put() async throws { throw Crash("must not run") }
    override func delete() async throws { throw Crash("must not run") }
}

private final class Refused: Stopped {
    override func prepare() async throws { throw HTTPError(.forbidden) }
}

private final class Redirected: Stopped {
    override func prepare() async throws { try redirect("/write/str") }
}

private final class Waiting: RequestHandler {
    private var word = ""

    override func prepare() async throws {
        try await sleep(for: .milliseconds(10))
        word = "waited"
    }

    override func get() async throws {
        try await sleep(for: .milliseconds(10))
        write(word)
    }
}

private final class Ordered: RequestHandlerWith<Notes> {
    private var order: [String] = []

    override func initialize() { order.append("initialize") }
    override func prepare() async throws { order.append("prepare") }

    override func get() async throws {
        order.append("get")
        write(order.joined(separator: " "))
    }

    override func onFinish() {
        if let key = try? getQueryArgument("key") { state.add("on_finish", for: key) }
    }
}

/// A handler cannot take the connection from the server: this one writes the head by itself, without what handlers add to
/// responses.
private final class Detached: RequestHandler {
    override func get() async throws {
        let stream = try detach()
        try await stream.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\ndetached")
        stream.closeAfterWriting()
    }
}

private final class Closed: RequestHandlerWith<Notes> {
    private var key = ""

    override func get() async throws {
        key = try getQueryArgument("key")
        state.add("started", for: key)
        try await sleep(for: .seconds(20))
        write("nobody left")
    }

    override func onConnectionClose() { state.add("closed", for: key) }
}

/// An application within the application, whose transform makes text upper case.
func upperApplication() throws -> Application {
    try Application(
        [URLSpec(.get, "/upper/text") { $0.write("shout") }], transforms: [{ UpperCase() }],
        settings: Application.Settings(automaticETags: true))
}

private final class UpperCase: OutputTransform {
    func transformFirstChunk(_ handler: RequestHandler, _ chunk: [UInt8], finishing: Bool) throws -> [UInt8] {
        try handler.setHeader("X-Transformed", "yes")
        return Array(String(decoding: chunk, as: UTF8.self).uppercased().utf8)
    }

    func transformChunk(_ chunk: [UInt8], finishing: Bool) throws -> [UInt8] { chunk }
}
