import FoundationEssentials
import Twister

/// A JSON API for lists of things to do, one list for each user.
@main
struct Todos: ParsableCommand {
    @OptionGroup var options: ServerOptions

    @Option(help: "A user and a token, as NAME=TOKEN. May be repeated. (default: a user named demo, with a new token)")
    var user: [String] = []

    @Option(help: "An origin whose pages may call the API, such as https://app.example.com. May be repeated.")
    var origin: [String] = []

    func run() throws {
        var configuration = HTTPServer.Configuration()
        configuration.requestIDs = true
        try makeApplication(users: try users(), origins: origin).run(options, configuration: configuration)
    }

    /// The users by their tokens.
    private func users() throws -> [String: String] {
        guard !user.isEmpty else {
            let token = UUID().uuidString
            print("the token of the user demo: \(token)")
            return [token: "demo"]
        }
        return try user.reduce(into: [:]) { users, pair in
            let words = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard words.count == 2 else { throw ValidationError("--user \(pair) is not NAME=TOKEN") }
            users[words[1]] = words[0]
        }
    }
}
