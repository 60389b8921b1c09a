import Twister

final class MainHandler: RequestHandler {
    override func get() async throws {
        write("Hello, World!")
    }
}

@main
struct HelloWorld: ParsableCommand {
    @OptionGroup var options: ServerOptions

    func run() throws {
        let application = try Application([URLSpec("/", MainHandler.self)])
        try application.run(options)
    }
}
