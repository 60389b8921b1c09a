import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport

@testable import TwisterWeb

/// Uses its application and its route, before and after it waits.
private final class AskingHandler: RequestHandler {
    static let opening = LoopHeld<[AskingHandler]>([])

    private func summary() throws -> String {
        "\(try application.reverseURL("asked", 7)) \(application.settings.maxFormParts) "
            + allowedMethodsText
    }

    override func get() async throws {
        let before = try summary()
        try await sleep(for: .milliseconds(20))
        let after = try summary()
        write(before == after ? after : "\(before) became \(after)")
        if (try? getQueryArgument("keep")) != nil { Self.opening.value.append(self) }
    }

    func summaryWhenKept() throws -> String { try summary() }
}

/// Asks two applications about each request, which it makes for that request, and takes the first one's handler.
private final class Choosing: HTTPServerConnectionDelegate {
    struct Weak: Sendable {
        weak let application: Application?
    }

    let made = ConditionLock<[Weak]>([])

    var alive: Int { made.withLock { $0.count { $0.application != nil } } }

    private func makeApplication(_ parts: Int) throws -> Application {
        var settings = Application.Settings()
        settings.maxFormParts = parts
        let application = try Application(
            [URLSpec("/asked/([0-9]+)", AskingHandler.self, name: "asked"), URLSpec(.get, "/other") { _ in }],
            settings: settings)
        made.withLock { $0.append(Weak(application: application)) }
        return application
    }

    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate {
        do {
            let first = try makeApplication(11).startRequest(request)
            _ = try makeApplication(22).startRequest(request)
            _ = try makeApplication(33).startRequest(request)
            return first
        } catch {
            fatalError("\(error)")
        }
    }
}

/// Fault 6: an exchange keeps the applications that were asked about it.
@Suite("Several applications", .serialized)
struct SeveralApplicationsTests {
    private static let expected = "/asked/7 11 GET, HEAD, OPTIONS"

    @Test(
        "fault 6: the handler of an application that everybody has let go of still has it; then it is released",
        arguments: testedBackends)
    func letGo(backend: IOBackend) async throws {
        let delegate = Choosing()
        try await withServer(backend, delegate) { port in
            let clients = try (0..<10).map { _ in try TestClient(port: port) }
            for _ in 0..<10 {
                for (number, client) in clients.enumerated() {
                    try client.send("GET /asked/\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                }
                for client in clients { #expect(try client.receiveResponse().text == Self.expected) }
            }
            #expect(delegate.made.withLock { $0.count } == 300)
            // Nothing of them is left, though the connections are open and the server runs.
            try await eventually("all are released") { delegate.alive == 0 }
        }
    }

    @Test("fault 6: a handler that is kept keeps its application", arguments: testedBackends)
    func kept(backend: IOBackend) async throws {
        let delegate = Choosing()
        try await withServer(backend, delegate) { port in
            let client = try TestClient(port: port)
            for number in 0..<10 { #expect(try client.get("/asked/\(number)?keep=1").text == Self.expected) }
            for number in 0..<10 { #expect(try client.get("/asked/\(number)").text == Self.expected) }
            let held = AskingHandler.opening
            let loop = try #require(held.value.first?.loop)
            let summaries = try await loop.perform { try held.value.map { try $0.summaryWhenKept() } }
            #expect(summaries == Array(repeating: Self.expected, count: 10))
            #expect(delegate.alive >= 10)
            try await loop.perform { held.value = [] }
            try await eventually("all are released") { delegate.alive == 0 }
        }
    }
}
