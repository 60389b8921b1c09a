import Glibc
package import TwisterHTTP
import TwisterHTTP2
package import TwisterIO

/// The backends that can run here. Where a ring can be opened, both: a test that leaves one out has to fail.
package let testedBackends: [IOBackend] = [.ioUring, .epoll]

extension HTTPServer.Configuration {
    /// The defaults, with the filter and the version of HTTP of this run of the tests.
    package static var tested: HTTPServer.Configuration {
        var configuration = HTTPServer.Configuration()
        if let filter = TestFilter.current { configuration.makeStreamFilter = { filter.make() } }
        if HTTP2Translation.isOn { configuration.http2 = HTTP2Configuration() }
        return configuration
    }
}

/// Runs `body` against a server of its own on 127.0.0.1, and stops the server.
package func withServer<Result>(
    _ backend: IOBackend, _ delegate: any HTTPServerConnectionDelegate, loops: Int = 1,
    configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    _ body: (UInt16) async throws -> Result
) async throws -> Result {
    try await withServers(backend, delegate, loops: loops, configure: configure) { try await body($0.port ?? 0) }
}

/// The same for a body that looks into the servers.
package func withServers<Result>(
    _ backend: IOBackend, _ delegate: any HTTPServerConnectionDelegate, loops: Int = 1,
    configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    _ body: (HTTPServerGroup) async throws -> Result
) async throws -> Result {
    var configuration = HTTPServer.Configuration.tested
    configure(&configuration)
    let servers = try await HTTPServerGroup(
        delegate: delegate, addresses: [.tcp(host: "127.0.0.1", port: 0)], loopCount: loops,
        loop: IOLoop.Configuration(backend: backend), configuration: configuration)
    do {
        let result = try await body(servers)
        await servers.shutdown(deadline: .seconds(2), grace: .zero)
        return result
    } catch {
        await servers.shutdown(deadline: .zero)
        throw error
    }
}

/// Waits until `condition` holds.
///
/// - Throws: `TestFailure` where it does not within `timeout`, which is generous, since the machine may be busy.
package func eventually(
    _ what: String, timeout: Duration = .seconds(20), _ condition: () async throws -> Bool
) async throws {
    let start = ContinuousClock.now
    while try await !condition() {
        guard ContinuousClock.now - start < timeout else { throw TestFailure("it never came to this: \(what)") }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// Does what has to be done within `limit`, before a deadline of the server for instance, and does it again where the machine
/// was too busy for that: neither its result nor its error counts then.
///
/// - Throws: the error of an attempt that was quick enough; `TestFailure` where none was.
package func inTime<Result>(
    _ limit: Duration, attempts: Int = 30, _ body: () async throws -> Result
) async throws -> Result {
    for _ in 0..<attempts {
        let start = ContinuousClock.now
        do {
            let result = try await body()
            if ContinuousClock.now - start < limit { return result }
        } catch {
            if ContinuousClock.now - start < limit { throw error }
        }
    }
    throw TestFailure("\(attempts) attempts took \(limit) or longer each")
}

/// The processor time that `body` takes on this thread, which does not depend on how busy the machine is.
package func processorTime(_ body: () throws -> Void) rethrows -> Duration {
    func now() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
    let start = now()
    try body()
    return now() - start
}

/// Notes what happens, in order; from any thread.
package final class Notes: Sendable {
    // Not a Mutex: the thread sanitizer does not know it.
    private let entries = ConditionLock<[String]>([])

    package init() {}

    package func note(_ entry: String) { entries.withLock { $0.append(entry) } }
    package var all: [String] { entries.withLock { $0 } }

    /// Waits until so many entries are there.
    package func wait(for count: Int) async throws {
        try await eventually("\(count) notes") { all.count >= count }
    }
}

/// Holds what belongs to a loop. Sendable, because the test uses the value on that loop's thread only; the tests of a use
/// on another thread are the exception.
package final class LoopHeld<Value>: @unchecked Sendable {
    package var value: Value
    package init(_ value: Value) { self.value = value }
}
