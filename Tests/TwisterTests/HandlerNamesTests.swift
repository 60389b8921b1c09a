import Testing
import Twister
import TwisterTestSupport

/// An application's handler that happens to have functions with the names that the server calls.
private final class NamesHandler: RequestHandler {
    private var calls: [String] = []

    func headersReceived() -> HTTPBodyDelivery {
        calls.append("headersReceived")
        return .streamed(limit: 0)
    }
    func execute() async throws { calls.append("execute") }
    func executionFailed(_ error: any Error) async { calls.append("executionFailed") }
    func exchangeEnded() { calls.append("exchangeEnded") }

    override func get() async throws {
        try await execute()
        _ = headersReceived()
        await executionFailed(HTTPError(.badRequest))
        exchangeEnded()
        write(calls.joined(separator: " "))
    }

    override func post() async throws { write(request.body) }
    override func put() async throws { throw HTTPError(.conflict) }
}

/// The functions of `RequestHandler` that the server calls are no part of what an application sees.
@Suite("Names of handlers' functions")
struct HandlerNamesTests {
    @Test("a subclass may use the names of the server's calls for functions of its own", arguments: testedBackends)
    func names(backend: IOBackend) async throws {
        try await withServer(backend, try Application([URLSpec("/", NamesHandler.self)])) { port in
            let client = try TestClient(port: port)
            #expect(try client.get("/").text == "execute headersReceived executionFailed exchangeEnded")
            let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            #expect(try client.ask(post).text == "abc", "the server has collected the body")
            #expect(try client.ask("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status == 409)
        }
    }
}
