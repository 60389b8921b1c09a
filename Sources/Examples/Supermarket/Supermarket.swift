import Twister

/// Compares three servers, each with one loop, whose requests all wait for something. The first one blocks its loop, the second
/// one blocks the threads of a pool, and the third one awaits. The names are those of an analogy: a restaurant serves as
/// many guests at a time as it has seats, while a supermarket serves all of its customers at once.
@main
struct Supermarket: AsyncParsableCommand {
    @Option(help: "How long each request waits, in seconds.")
    var wait = 5.0

    @Option(help: "How many customers are in the supermarket at once.")
    var clients = 10_000

    @Flag(help: "A quick run: 0.2 s and 500 customers.")
    var small = false

    @Option(help: "The backend: auto, io_uring or epoll.")
    var backend: IOBackend?

    private static let seats = 20

    func validate() throws {
        guard wait > 0, wait <= 60 else { throw ValidationError("--wait is a number of seconds, at most 60") }
        guard clients > 0, clients <= 1_000_000 else { throw ValidationError("--clients is a number above 0") }
    }

    func run() async throws {
        let wait = Duration.seconds(small ? 0.2 : wait)
        let customers = Descriptors.raise(for: small ? 500 : clients)
        let seats = ExecutorPool(size: Self.seats, name: "seat")
        defer { seats.shutDown() }

        print(Measurement.heading)
        try await measure("one seat: the handler blocks the loop", 2, wait) { _ in
            block(wait)
        }
        try await measure("\(Self.seats) seats: runInExecutor", 2 * Self.seats, wait) { handler in
            try await handler.loop.runInExecutor(seats) { block(wait) }
        }
        try await measure("the supermarket: the handler awaits", customers, wait) { handler in
            try await handler.sleep(for: wait)
        }
    }

    private func measure(
        _ name: String, _ customers: Int, _ wait: Duration,
        serve: @escaping @Sendable (RequestHandler) async throws -> Void
    ) async throws {
        let application = try Application([
            URLSpec(.get, "/enter") { $0.write(Customer.receipt) },
            URLSpec(.get, "/shop") { handler in
                try await serve(handler)
                handler.write(Customer.receipt)
            },
        ])
        print(try await Measurement.of(name, application, customers: customers, wait: wait, backend: backend))
    }
}
