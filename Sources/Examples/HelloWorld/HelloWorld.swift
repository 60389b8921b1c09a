import Twister

final class MainHandler: RequestHandler {
    override func get() async throws {
        write("Hello, World!")
    }
}

@main
struct HelloWorld: AsyncParsableCommand {
    @OptionGroup var options: ServerOptions

    func run() async throws {
        let application = try Application([URLSpec("/", MainHandler.self)])
        try await application.run(options)
    }
}
