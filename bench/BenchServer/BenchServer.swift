import Twister

/// The server that the load tests load. Each route exercises one part of the library.
@main
struct BenchServer: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "bench-server")

    @OptionGroup var options: ServerOptions

    @Option(name: .customLong("static"), help: "A directory whose files are served under /static/.")
    var staticRoot: String?

    func run() throws {
        var routes = try [
            URLSpec("/", PlaintextHandler.self),
            URLSpec("/plaintext", PlaintextHandler.self),
            URLSpec("/json", JSONHandler.self),
            URLSpec("/echo", EchoHandler.self),
            URLSpec("/headers", HeadersHandler.self),
            URLSpec("/users/([0-9]+)/posts/([^/]+)", PostHandler.self),
            URLSpec("/yield", YieldHandler.self),
            URLSpec("/sleep/([0-9]+)", SleepHandler.self),
            URLSpec("/bytes/([0-9]+)", BytesHandler.self),
            URLSpec("/upload", UploadHandler.self),
            URLSpec("/slow-upload", SlowUploadHandler.self),
        ]
        if let staticRoot {
            try routes.append(URLSpec("/static/(.*)") { StaticFileHandler($0, root: staticRoot) })
        }
        try Application(routes).run(options)
    }
}

/// The least that a handler can do.
final class PlaintextHandler: RequestHandler {
    override func get() async throws {
        try setHeader(.contentType, "text/plain")
        write("Hello, World!")
    }
}

/// A value encoded for each request.
final class JSONHandler: RequestHandler {
    private struct Message: Encodable {
        let message: String
    }

    override func get() async throws {
        try write(json: Message(message: "Hello, World!"))
    }
}

/// Sends the body back, with its content type.
final class EchoHandler: RequestHandler {
    override func post() async throws {
        try setHeader(.contentType, request.headers[.contentType] ?? "application/octet-stream")
        write(request.body)
    }
}

/// The request's header fields, as JSON.
final class HeadersHandler: RequestHandler {
    override func get() async throws {
        var fields: [String: String] = [:]
        for (name, value) in request.headers {
            fields[name] = fields[name].map { "\($0), \(value)" } ?? value
        }
        try write(json: fields)
    }
}

/// The path arguments, as JSON.
final class PostHandler: RequestHandler {
    private struct Post: Encodable {
        let user: String?
        let post: String?
    }

    override func get() async throws {
        try write(json: Post(user: pathArguments[0], post: pathArguments[1]))
    }
}

/// Suspends once: the least that a handler costs if it awaits something.
final class YieldHandler: RequestHandler {
    override func get() async throws {
        await Task.yield()
        try setHeader(.contentType, "text/plain")
        write("Hello, World!")
    }
}

/// Waits on the loop, which serves other requests meanwhile.
final class SleepHandler: RequestHandler {
    override func get() async throws {
        guard let milliseconds = pathArguments[0].flatMap({ Int($0) }), milliseconds <= 3_600_000 else {
            throw HTTPError(.badRequest, "a number of milliseconds, at most an hour")
        }
        try await sleep(for: .milliseconds(milliseconds))
        try setHeader(.contentType, "text/plain")
        write("slept \(milliseconds) ms\n")
    }
}

/// Streams a number of bytes, no faster than the client takes them.
final class BytesHandler: RequestHandler {
    private static let block = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)

    override func get() async throws {
        guard var rest = pathArguments[0].flatMap({ Int($0) }) else {
            throw HTTPError(.badRequest, "a number of bytes")
        }
        try setHeader(.contentType, "application/octet-stream")
        if request.method == .head { return }
        while rest > 0 {
            let count = min(rest, Self.block.count)
            write(count == Self.block.count ? Self.block : Array(Self.block[..<count]))
            try await flush()
            rest -= count
        }
    }
}

/// Counts a body of any size as it arrives.
final class UploadHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }

    override func put() async throws {
        var count = 0
        for try await chunk in request.bodyStream { count += chunk.count }
        try setHeader(.contentType, "text/plain")
        write("\(count)\n")
    }
}

/// Takes one piece of its body each 20 ms: a client that sends faster has to wait.
final class SlowUploadHandler: RequestHandler {
    override class var requestBody: RequestBodyMode { .streamed }

    override func put() async throws {
        var count = 0
        for try await chunk in request.bodyStream {
            count += chunk.count
            try await sleep(for: .milliseconds(20))
        }
        try setHeader(.contentType, "text/plain")
        write("\(count)\n")
    }
}
