import Twister

/// A blog with a database, accounts and pictures, as Tornado's demo: `swift run Blog --port 8888`.
@main
struct Main: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "Blog")

    @OptionGroup var options: ServerOptions

    @Option(help: "The folder of the database and the pictures, which is made if it is missing.")
    var data = "data"

    @Flag(help: "Show errors in pages. Never for users.")
    var debug = false

    func run() throws {
        try makeApplication(Blog(folder: data), debug: debug).run(options)
    }
}
