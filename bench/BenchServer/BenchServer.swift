import Twister

/// The server that the load tests load. Each route exercises one part of the library.
@main
struct BenchServer: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "bench-server")

    @OptionGroup var options: ServerOptions

    @Option(name: .customLong("static"), help: "A directory whose files are served under /static/.")
    var staticRoot: String?

    @Option(help: "A directory in which bodies are saved that come to /upload-form and /upload-file.")
    var uploads: String?

    @Flag(help: "Compress the responses for clients that accept it.")
    var compress = false

    @Flag(help: "Count requests, and serve the numbers at /metrics.")
    var metrics = false

    func run() throws {
        var routes = [
            URLSpec("/", PlaintextHandler.self),
            URLSpec("/plaintext", PlaintextHandler.self),
            URLSpec("/json", JSONHandler.self),
            URLSpec("/echo", EchoHandler.self),
            URLSpec("/headers", HeadersHandler.self),
            URLSpec("/users/([0-9]+)/posts/([^/]+)", PostHandler.self),
            URLSpec("/yield", YieldHandler.self),
            URLSpec("/sleep/([0-9]+)", SleepHandler.self),
            URLSpec("/bytes/([0-9]+)", BytesHandler.self),
            URLSpec("/page", PageHandler.self),
            URLSpec("/upload", UploadHandler.self),
            URLSpec("/slow-upload", SlowUploadHandler.self),
            URLSpec("/ws", EchoSocketHandler.self),
            URLSpec("/ws-topic", TopicSocketHandler.self),
            URLSpec("/ws-request", RequestSocketHandler.self),
        ]
        if let staticRoot {
            routes.append(URLSpec("/static/(.*)") { StaticFileHandler($0, root: staticRoot) })
        }
        if let uploads {
            routes.append(URLSpec("/upload-form", UploadFormHandler.self, uploads))
            routes.append(URLSpec("/upload-file", UploadFileHandler.self, uploads))
        }
        var configuration = HTTPServer.Configuration()
        if metrics {
            let prometheus = PrometheusMetrics()
            configuration.observers.append(HTTPMetrics(factory: prometheus))
            routes.append(URLSpec("/metrics") { MetricsHandler($0, prometheus) })
        }
        try Application(routes, middleware: compress ? [Compression()] : []).run(options, configuration: configuration)
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

/// A page of 10 KiB, like those of templates: markup that repeats, text that does not.
final class PageHandler: RequestHandler {
    private static let page: [UInt8] = {
        var (state, text) = (UInt32(1), "<!DOCTYPE html>\n<html><body><table class=\"list\">\n")
        while text.utf8.count < 10_240 {
            text += "<tr class=\"row\">"
            for _ in 0..<4 {
                state = state &* 1_664_525 &+ 1_013_904_223
                text += "<td class=\"cell\">row \(state >> 24) \(state >> 12)</td>"
            }
            text += "</tr>\n"
        }
        return Array(text.utf8.prefix(10_240))
    }()

    override func get() async throws {
        try setHeader(.contentType, "text/html; charset=utf-8")
        write(Self.page)
    }
}
