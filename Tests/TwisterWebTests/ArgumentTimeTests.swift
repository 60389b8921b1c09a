import Glibc
import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport
import TwisterWeb

/// A client chooses how many different names its arguments have: the work for them must not grow faster than their number.
@Suite("Time for many arguments", .serialized)
struct ArgumentTimeTests {
    private struct Settings: Decodable {
        let name0: Int
        let missing: String?
    }

    /// Processor time of the loop's thread alone, in microseconds.
    private static func measured(_ work: () throws -> Void) rethrows -> Int {
        func now() -> Int {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
        }
        let start = now()
        try work()
        return max(now() - start, 1)
    }

    private func application() throws -> Application {
        try Application(
            [
                URLSpec(.post, "/all") { handler in
                    "\(try Self.measured { _ = try handler.bodyArguments() })"
                },
                URLSpec(.post, "/dictionary") { handler in
                    "\(try Self.measured { _ = try handler.decodeBody([String: Int].self) })"
                },
                URLSpec(.post, "/structure") { handler in
                    "\(try Self.measured { _ = try handler.decodeBody(Settings.self) })"
                },
                URLSpec(.get, "/query") { handler in
                    "\(try Self.measured { _ = try handler.queryArguments() })"
                },
            ], settings: ApplicationSettings(maxArguments: 10_000))
    }

    /// The best of a few runs at one size and at eight times that size: about 8 when linear, about 64 when quadratic.
    private func growth(_ size: Int, _ time: (String) throws -> Int) throws -> Double {
        func arguments(_ count: Int) -> String { (0..<count).map { "name\($0)=\($0)" }.joined(separator: "&") }
        var best = (small: Int.max, large: Int.max)
        for _ in 0..<3 {
            best.small = min(best.small, try time(arguments(size)))
            best.large = min(best.large, try time(arguments(size * 8)))
        }
        return Double(best.large) / Double(best.small)
    }

    @Test(
        "the time for all arguments grows as their number", arguments: testedBackends,
        ["/all", "/dictionary", "/structure"])
    func forms(_ backend: IOBackend, path: String) async throws {
        try await withServer(backend, try application()) { port in
            let client = try TestClient(port: port)
            let ratio = try growth(400) { form in
                let response = try client.ask(
                    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                        + "Content-Length: \(form.utf8.count)\r\n\r\n\(form)")
                return try #require(Int(response.text), "\(response.text)")
            }
            #expect(ratio < 24)
        }
    }

    @Test("the time for all arguments of a query grows as their number", arguments: testedBackends)
    func query(_ backend: IOBackend) async throws {
        try await withServer(backend, try application()) { port in
            let client = try TestClient(port: port)
            let ratio = try growth(50) { query in
                let response = try client.get("/query?\(query)")
                return try #require(Int(response.text), "\(response.text)")
            }
            #expect(ratio < 24)
        }
    }
}
