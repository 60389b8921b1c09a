import Twister

/// How long one server took for all customers, and how much memory a waiting request holds.
struct Measurement: CustomStringConvertible {
    let name: String
    let backend: IOBackend
    let requests: Int
    let seconds: Double
    /// The process's memory for each request that was waiting after half of the time; nil if too few were.
    let bytesPerWaiting: Int?

    /// Serves `application` on one loop to customers on another loop, which all send their requests at the same moment.
    static func of(
        _ name: String, _ application: Application, customers: Int, wait: Duration, backend: IOBackend?
    ) async throws -> Measurement {
        let configuration = IOLoop.Configuration(backend: backend)
        let servers = try await HTTPServerGroup(
            delegate: application, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: 1, loop: configuration)
        let clients = try await IOLoopGroup(count: 1, configuration: configuration)
        let loop = clients.loops[0]
        let crowd = Crowd(customers)
        let door = AsyncSemaphore(value: 256)
        let address = servers.addresses[0]

        let result = try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<customers {
                group.addTask(executorPreference: loop) { try await Customer.visit(address, loop, door, crowd) }
            }
            try await crowd.gather()
            let before = Memory.residentBytes
            let start = ContinuousClock.now
            crowd.open()
            try await Task.sleep(for: wait / 2)
            let waiting = customers - crowd.servedCount
            let held = Memory.residentBytes - before
            try await group.waitForAll()
            let seconds = start.duration(to: .now) / .seconds(1)
            return Measurement(
                name: name, backend: servers.backend, requests: customers, seconds: seconds,
                bytesPerWaiting: waiting < 100 ? nil : held / waiting)
        }
        await clients.stop()
        await servers.shutdown(deadline: .seconds(1))
        return result
    }

    // MARK: The table

    static let heading = row(["", "backend", "requests", "seconds", "requests/s", "RSS/waiting"])

    var description: String {
        Self.row([
            name, "\(backend)", "\(requests)", Self.rounded(seconds), Self.rounded(Double(requests) / seconds),
            bytesPerWaiting.map { "\($0) B" } ?? "-",
        ])
    }

    private static func row(_ cells: [String]) -> String {
        let widths = [40, 9, 10, 9, 12, 13]
        return zip(cells, widths).enumerated().map { index, cell in
            let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return index == 0 ? cell.0 + space : space + cell.0
        }.joined()
    }

    /// With two decimals.
    private static func rounded(_ number: Double) -> String {
        let hundredths = Int((number * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
