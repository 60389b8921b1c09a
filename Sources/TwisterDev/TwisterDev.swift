import ArgumentParser
import Glibc
import TwisterIO

/// Builds and serves a program again whenever its sources change, without refusing a connection meanwhile.
///
/// Tornado: `python -m tornado.autoreload`.
@main
struct TwisterDev: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "twister-dev",
        abstract: "Builds and serves a program again whenever its sources change.",
        discussion: """
            It binds the port itself and hands the listening socket to the program, so that connections wait while the \
            program starts, and go on to the earlier one while a build is broken. The program gets its own arguments after \
            "--", and need not be told of the address.
            """)

    @Option(help: "The executable product; may be left out where the package has only one.")
    var product: String?

    @Option(help: "The address to listen on; may be repeated.")
    var address: [String] = ["127.0.0.1"]

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port: UInt16 = 8888

    @Option(parsing: .upToNextOption, help: "The folders and files to watch.")
    var path: [String] = ["Sources", "Package.swift"]

    @Flag(help: "End, with status 0, once the program has ended with status 0.")
    var untilSuccess = false

    @Option(help: "A shell command that builds, instead of 'swift build'; it needs --program.")
    var buildCommand: String?

    @Option(help: "The program that --build-command builds.")
    var program: String?

    @Option(help: "Seconds that the program has for saying that it is ready.")
    var readyTimeout: Int = 30

    @Option(help: "Seconds that the earlier program has for finishing its requests.")
    var shutdownTimeout: Int = 15

    @Argument(parsing: .postTerminator, help: "The arguments of the program.")
    var arguments: [String] = []

    func validate() throws {
        guard (buildCommand == nil) == (program == nil) else {
            throw ValidationError("--build-command and --program belong together")
        }
        guard readyTimeout > 0, shutdownTimeout >= 0 else {
            throw ValidationError("--ready-timeout and --shutdown-timeout are numbers of seconds")
        }
    }

    func run() throws {
        // Before the first build, so that clients that connect meanwhile wait.
        var sockets: [ListeningSocket] = []
        for address in address {
            let port = sockets.first?.address?.port ?? port
            sockets += try bindSockets(port: port, address: address == "*" ? nil : address)
        }
        let recipe = try recipe()
        let loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
        defer { loop.close() }
        let session = DevSession(
            loop, sockets, recipe, arguments: arguments, untilSuccess: untilSuccess,
            timeouts: (ready: .seconds(readyTimeout), shutdown: .seconds(shutdownTimeout)))
        try session.start(watching: path)
        loop.run()
        session.removeFiles()
        if let status = session.exitStatus, status != 0 { throw ExitCode(status) }
    }

    private func recipe() throws -> BuildRecipe {
        if let buildCommand, let program {
            return BuildRecipe(command: ["/bin/sh", "-c", buildCommand], program: program)
        }
        return try BuildRecipe.swiftPackage(product: product)
    }
}
