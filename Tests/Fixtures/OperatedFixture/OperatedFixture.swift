// A server for the tests of shutdown, restart and supervision, whose handlers do what operators fear.
import Glibc
import ServiceLifecycle
import Synchronization
import Twister

/// How many handlers of the classes below this process has begun.
private let begun = Atomic(0)

/// Tells the process and how many handlers it has begun.
final class BegunHandler: RequestHandler {
    override func get() async throws { write("\(getpid()) \(begun.load(ordering: .relaxed))") }
}

/// Blocks its thread in a system call.
final class BlockingHandler: RequestHandler {
    override func get() async throws {
        begun.add(1, ordering: .relaxed)
        var time = timespec(tv_sec: Int(pathArguments[0] ?? "0") ?? 0, tv_nsec: 0)
        // A signal would end it early.
        if nanosleep(&time, nil) != 0 { write("interrupted") }
        write("blocked")
    }
}

/// Keeps its thread busy.
final class SpinningHandler: RequestHandler {
    override func get() async throws {
        begun.add(1, ordering: .relaxed)
        let end = ContinuousClock.now + .seconds(Int(pathArguments[0] ?? "0") ?? 0)
        while ContinuousClock.now < end {}
        write("span")
    }
}

/// Blocks its thread after it has waited: another task runs it then.
final class LateBlockingHandler: RequestHandler {
    override func get() async throws {
        try await sleep(for: .milliseconds(20))
        Glibc.sleep(UInt32(pathArguments[0] ?? "0") ?? 0)
        write("blocked")
    }
}

/// Waits for news, until the server shuts down.
final class PollingHandler: RequestHandler {
    private let end = AsyncEvent()

    override func get() async throws {
        begun.add(1, ordering: .relaxed)
        try await end.wait()
        write("no news")
    }

    override func onShutdown() { end.set() }
}

final class SleepingHandler: RequestHandler {
    override func get() async throws {
        begun.add(1, ordering: .relaxed)
        try await sleep(for: .milliseconds(Int(pathArguments[0] ?? "0") ?? 0))
        write("slept")
    }
}

final class TrappingHandler: RequestHandler {
    override func get() async throws {
        let empty: [Int] = Array(pathArguments[0]?.utf8.map(Int.init) ?? [])
        write("\(empty[empty.count])")
    }
}

final class WhoHandler: RequestHandler {
    override func get() async throws { write("\(getpid())") }
}

/// Tells when it starts and stops, beside the server.
struct Companion: Service {
    func run() async throws {
        print("companion starts")
        try? await gracefulShutdown()
        print("companion stops")
    }
}

/// Responds to every request itself: no application.
final class Plain: HTTPServerConnectionDelegate {
    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request: request) }

    private final class Message: HTTPMessageDelegate {
        let request: HTTPServerRequest
        init(request: HTTPServerRequest) { self.request = request }
        func execute() async throws { request.connection.write("plain") }
        func executionFailed(_ error: any Error) async { request.connection.write("failed") }
    }
}

@main
struct OperatedFixture: ParsableCommand {
    @OptionGroup var options: ServerOptions

    @Option(help: "Configure the server in code, with a unix socket at this path, too.")
    var inCode: String?

    @Flag(help: "Serve a delegate that is no application, with options that are set in code.")
    var plain = false

    func run() throws {
        if plain {
            var options = ServerOptions()
            options.port = 0
            options.loops = 2
            try Plain().run(options)
            return
        }
        if let inCode {
            var logger = Logger(label: "mine") { StreamLogHandler.standardOutput(label: $0) }
            logger.logLevel = .info
            let application = try Application([URLSpec("/", WhoHandler.self), URLSpec("/poll", PollingHandler.self)])
            let result = try application.run(
                .init(
                    addresses: [.tcp("127.0.0.1", 0), .tcp("::1", 0), .unix(inCode)], loops: 2,
                    shutdownTimeout: .milliseconds(500), logger: logger, services: [Companion()]))
            print("finished \(result.finished), forced \(result.forced), clean \(result.isClean)")
            return
        }
        let application = try Application([
            URLSpec("/", WhoHandler.self),
            URLSpec("/begun", BegunHandler.self),
            URLSpec("/block/([0-9]+)", BlockingHandler.self),
            URLSpec("/late/([0-9]+)", LateBlockingHandler.self),
            URLSpec("/spin/([0-9]+)", SpinningHandler.self),
            URLSpec("/poll", PollingHandler.self),
            URLSpec("/sleep/([0-9]+)", SleepingHandler.self),
            URLSpec("/trap/(.*)", TrappingHandler.self),
        ])
        try application.run(options)
    }
}
