import Twister

final class GreetingHandler: RequestHandler {
    override func get() async throws {
        write("Hello from another package!")
    }
}

@main
struct App: AsyncParsableCommand {
    @OptionGroup var options: ServerOptions
    func run() async throws {
        try await Application([URLSpec("/", GreetingHandler.self)]).run(options)
    }
}
