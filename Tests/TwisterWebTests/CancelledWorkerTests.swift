import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// Cancels the task on which the caller runs.
private func cancelOwnTask() { withUnsafeCurrentTask { $0?.cancel() } }

/// Fault 5: a handler that cancels its own task cancels nobody else's.
@Suite("Handlers that cancel themselves", .serialized)
struct CancelledWorkerTests {
    private static func application(_ notes: Notes) throws -> Application {
        try Application([
            URLSpec(.get, "/cancel") { handler in
                cancelOwnTask()
                handler.write("\(Task.isCancelled)")
            },
            // It suspends, and others are served meanwhile.
            URLSpec(.get, "/cancel-and-wait") { handler in
                cancelOwnTask()
                let loop = handler.loop
                await Task(executorPreference: loop) { try? await loop.sleep(for: .milliseconds(10)) }.value
                var outcome = "no error"
                do { try await handler.sleep(for: .milliseconds(10)) } catch { outcome = "\(type(of: error))" }
                handler.write("\(Task.isCancelled) \(outcome)")
            },
            // It has suspended before, so that it is no longer the loop's leader.
            URLSpec(.get, "/wait-and-cancel") { handler in
                try await handler.sleep(for: .milliseconds(10))
                cancelOwnTask()
                handler.write("\(Task.isCancelled)")
            },
            URLSpec(.get, "/check") { $0.write("\(Task.isCancelled)") },
            URLSpec(.get, "/sleep") { handler in
                try await handler.sleep(for: .milliseconds(5))
                handler.write("\(Task.isCancelled)")
            },
        ])
    }

    private static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

    @Test("fault 5: later requests of the loop do not inherit a cancellation", arguments: testedBackends)
    func later(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application(Notes())) { port in
            let client = try TestClient(port: port)
            let other = try TestClient(port: port)
            for path in ["/cancel", "/cancel-and-wait", "/wait-and-cancel"] {
                let response = try client.get(path)
                #expect(response.status == 200 && response.text.hasPrefix("true"), "\(path): \(response.text)")
                for number in 0..<1_000 {
                    #expect(try (number % 2 == 0 ? client : other).get("/check").text == "false", "\(path)")
                }
                for _ in 0..<20 { #expect(try client.get("/sleep").text == "false", "\(path)") }
            }
            #expect(try client.get("/cancel-and-wait").text == "true CancellationError")
        }
    }

    @Test("fault 5: nor do requests that wait for their turn meanwhile", arguments: testedBackends)
    func queued(backend: IOBackend) async throws {
        try await withServer(backend, try Self.application(Notes())) { port in
            let pipelining = try TestClient(port: port)
            let clients = try (0..<40).map { _ in try TestClient(port: port) }
            for round in 0..<10 {
                let path = ["/cancel", "/cancel-and-wait", "/wait-and-cancel"][round % 3]
                for (index, client) in clients.enumerated() {
                    try client.send(Self.get(index % 4 == 0 ? path : index % 4 == 1 ? "/sleep" : "/check"))
                }
                try pipelining.send(
                    String(repeating: Self.get(path) + Self.get("/check") + Self.get("/sleep"), count: 10))
                for (index, client) in clients.enumerated() {
                    #expect(try client.receiveResponse().text.hasPrefix(index % 4 == 0 ? "true" : "false"))
                }
                for _ in 0..<10 {
                    #expect(try pipelining.receiveResponse().text.hasPrefix("true"))
                    for _ in 0..<2 { #expect(try pipelining.receiveResponse().text == "false") }
                }
            }
        }
    }
}
