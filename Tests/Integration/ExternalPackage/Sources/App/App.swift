import Twister

/// The functions of an application's own protocols' conformances have to compile in a module without this package's upcoming
/// features.
struct Stamp: Middleware {
    func handle(_ handler: RequestHandler, next: Next) async throws {
        try handler.setHeader("X-Stamp", "seen")
        try await next()
    }
}

final class GreetingHandler: RequestHandler {
    override func get() async throws {
        write("Hello from another package!")
    }
}

@main
struct App: AsyncParsableCommand {
    @OptionGroup var options: ServerOptions
    func run() async throws {
        try await Application([URLSpec("/", GreetingHandler.self)], middleware: [Stamp()]).run(options)
    }
}
