import HTTPTypes
import Synchronization
import Testing
import TwisterIO
import TwisterTestSupport

@testable import TwisterHTTP

/// A copy of the record of an exchange, as an observer saw it.
private struct Noted: Sendable {
    let outcome: ExchangeRecord.Outcome?
    let status: Int?
    let line: String
    let sizes: [Int]
    let times: ExchangeRecord.Times
    let requestID: String?
}

private final class Notes: ExchangeObserver {
    private let all = Mutex<[Noted]>([])
    private let begun = Mutex(0)

    var count: Int { all.withLock { $0.count } }
    var started: Int { begun.withLock { $0 } }
    func take() -> [Noted] { all.withLock { $0 } }

    func exchangeBegan(_ record: ExchangeRecord) { begun.withLock { $0 += 1 } }
    func exchangeEnded(_ record: ExchangeRecord) {
        let noted = Noted(
            outcome: record.outcome, status: record.status, line: String(decoding: record.requestLine, as: UTF8.self),
            sizes: [record.bytesIn, record.requestBodySize, record.bytesOut, record.responseBodySize],
            times: record.times, requestID: record.requestID)
        all.withLock { $0.append(noted) }
    }
}

private final class Paths: HTTPServerConnectionDelegate {
    func startRequest(_ request: HTTPServerRequest) -> any HTTPMessageDelegate { Message(request: request) }

    private final class Message: HTTPMessageDelegate {
        let request: HTTPServerRequest
        init(request: HTTPServerRequest) { self.request = request }

        func execute() async throws {
            switch request.path {
            case "/wait": try await request.connection.loop.sleep(for: .seconds(30))
            case "/slow":
                try await request.connection.loop.sleep(for: .milliseconds(60))
                request.connection.write("slow")
            case "/large": request.connection.write([UInt8](repeating: 1, count: 64 << 20))
            case "/half":
                request.connection.write("half")
                try await request.connection.flush()
                throw TestFailure("amid its response")
            default: request.connection.write("four")
            }
        }

        func executionFailed(_ error: any Error) async { request.connection.respondToFailure(500) }
    }
}

@Suite("What a server notes of an exchange", .serialized)
struct ExchangeRecordTests {
    private func withNotes(
        _ backend: IOBackend, configure: (inout HTTPServer.Configuration) -> Void = { _ in },
        _ body: (HTTPServerGroup, UInt16, Notes) async throws -> Void
    ) async throws {
        let notes = Notes()
        try await withServers(
            backend, Paths(),
            configure: {
                $0.observers = [notes]
                configure(&$0)
            }
        ) { try await body($0, $0.port ?? 0, notes) }
    }

    @Test("N-48: sizes and phases of a request, and what of it was sent", arguments: testedBackends)
    func responded(backend: IOBackend) async throws {
        try await withNotes(backend) { _, port, notes in
            let client = try TestClient(port: port)
            let request = "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
            _ = try client.ask(request + "abc")
            _ = try client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("both are noted") { notes.count == 2 }
            let noted = notes.take()
            #expect(noted.map(\.outcome) == [.responded, .responded])
            #expect(noted.map(\.line) == ["POST /slow \(TestClient.version)", "GET / \(TestClient.version)"])
            #expect(noted[0].sizes[..<2] == [request.utf8.count + 3, 3])
            #expect(noted[0].sizes[3] == 4 && noted[0].sizes[2] > 4)
            let times = noted[0].times
            let phases = [
                times.accepted, times.firstByte, times.head, times.handler, times.firstWrite, times.lastByte,
            ]
            #expect(!phases.contains(nil) && phases.compactMap { $0 } == phases.compactMap { $0 }.sorted())
            #expect((times.firstWrite ?? 0) - (times.handler ?? 0) >= 60_000_000)
            // Only the first request of a connection has waited for it to be accepted.
            #expect(noted[1].times.accepted == nil)
        }
    }

    @Test(
        "a response that ends its connection is a success, too",
        .disabled(if: TestClient.speaksHTTP2, "its text is HTTP/1.1"),
        arguments: testedBackends)
    func closing(backend: IOBackend) async throws {
        try await withNotes(backend) { _, port, notes in
            let requests = [
                "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                "GET /slow HTTP/1.0\r\n\r\n", "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                // The rest of the body is not read.
                "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\n123456789",
            ]
            for (index, request) in requests.enumerated() {
                let client = try TestClient(port: port)
                try client.send(request)
                while try client.receive() != nil {}
                try await eventually("it is noted") { notes.count == index + 1 }
            }
            #expect(notes.take().map(\.outcome) == requests.map { _ in .responded })
        }
    }

    @Test(
        "a client that leaves, a cut response and a timeout are no successes",
        .disabled(if: TestClient.speaksHTTP2, "half a request line is text of HTTP/1.1"), arguments: testedBackends)
    func failed(backend: IOBackend) async throws {
        var isOver = false
        for _ in 0..<20 where !isOver { try await failed(backend) { isOver = true } }
        #expect(isOver, "the machine is too busy")
    }

    private func failed(_ backend: IOBackend, isOver: () -> Void) async throws {
        try await withNotes(backend, configure: { $0.headerTimeout = .milliseconds(100) }) { servers, port, notes in
            let leaving = try TestClient(port: port)
            try leaving.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it waits") { notes.started == 1 }
            leaving.reset()
            try await eventually("it has left") { notes.count == 1 }

            var greedy: TestClient? = try TestClient(port: port)
            try greedy?.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try greedy?.receive(1)?.count == 1)
            // It leaves something unread, so that this resets the connection.
            greedy = nil
            try await eventually("it has left, too") { notes.count == 2 }

            let cut = try TestClient(port: port)
            try cut.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it is cut") { notes.count == 3 }

            let slow = try TestClient(port: port)
            try slow.send("GET / HTT")
            try await eventually("it is too slow") { notes.count == 4 }

            let wrong = try TestClient(port: port)
            try wrong.send("GET  / HTTP/1.1\r\n\r\n")
            try await eventually("it is refused") { notes.count == 5 }

            let held = try TestClient(port: port)
            try held.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it waits") { notes.started == 6 }
            // The shutdown does not wait for a loop that the machine holds up: then all of it is done again.
            let isBlocked = await !servers.shutdown(deadline: .milliseconds(50)).blocked.isEmpty
            guard !isBlocked else { return }
            try await eventually("it is cut by the end of the server") { notes.count == 6 }

            isOver()
            let noted = notes.take()
            #expect(
                noted.map(\.outcome) == [.clientDisconnected, .clientDisconnected, .cut, .timeout, .responded, .cut])
            #expect(noted.map(\.status) == [nil, 200, 200, 408, 400, 500])
            // The slow request counts from its first byte on, and the malformed one has a size.
            let late = noted[3].times
            #expect((late.lastByte ?? 0) >= late.firstByte + 90_000_000)
            #expect(noted[4].sizes[0] > 0)
        }
    }

    @Test("X-52: a request's identifier is its own or a new one, and the response names it", arguments: testedBackends)
    func requestIDs(backend: IOBackend) async throws {
        try await withNotes(backend, configure: { $0.requestIDs = true }) { _, port, notes in
            let client = try TestClient(port: port)
            let first = try client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").field("X-Request-Id")
            let second = try client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").field("X-Request-Id")
            let own = try client.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a-1.b\r\n\r\n").field("X-Request-Id")
            let bad = try client.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\n\r\n").field("X-Request-Id")
            let all = [first, second, own, bad].compactMap { $0 }
            #expect(Set(all).count == 4 && own == "a-1.b" && bad != "a b")
            try await eventually("all are noted") { notes.count == 4 }
            #expect(notes.take().map(\.requestID) == all)
        }
    }
}
