import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterHTTP
@testable import TwisterIO

/// Fault 2: what a connection holds of a client that sends more than can be used is bounded, on both backends.
@Suite(
    "Bounded input", .serialized,
    .disabled(if: TestClient.speaksHTTP2, "one request after the other"),
    .disabled(if: TestFilter.current == .delay, "the filter itself holds all that came while it delays"))
struct BoundedInputTests {
    /// Sends the same bytes again and again on a thread of its own, as fast as the server takes them, until it is stopped.
    private final class Flood: @unchecked Sendable {
        private let client: TestClient
        private let state = ConditionLock((isOver: false, hasEnded: false))

        /// - Parameters:
        ///   - first: what is sent before, once.
        ///   - readsResponses: whether the responses are taken from the socket.
        init(_ port: UInt16, first: [UInt8] = [], _ bytes: [UInt8], readsResponses: Bool) throws {
            client = try TestClient(port: port)
            try client.send(first)
            let bytes = TestFilter.changed(bytes)
            try NativeThread.start(name: "flood") { self.run(bytes, readsResponses) }
        }

        private func run(_ bytes: [UInt8], _ readsResponses: Bool) {
            var room = [UInt8](repeating: 0, count: 65_536)
            var next = 0
            while !state.withLock({ $0.isOver }) {
                let sent = bytes[next...].withUnsafeBytes {
                    send(client.fd, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
                }
                if sent > 0 { next = (next + sent) % bytes.count }
                let received = readsResponses ? recv(client.fd, &room, room.count, CInt(MSG_DONTWAIT)) : 0
                if sent <= 0, received <= 0 { usleep(200) }
            }
            state.withLock { $0.hasEnded = true }
        }

        func stop() async throws {
            state.withLock { $0.isOver = true }
            try await eventually("the thread's end") { state.withLock { $0.hasEnded } }
        }
    }

    private struct Peaks {
        var unread = 0
        var body = 0
    }

    /// Looks at all connections of a server, again and again for a while, and for longer until clients are held up.
    private static func peaks(
        _ group: HTTPServerGroup, for duration: Duration, until areHeldUp: (Peaks) -> Bool
    ) async throws -> Peaks {
        let server = try #require(group.servers.first)
        var peaks = Peaks()
        let start = ContinuousClock.now
        while ContinuousClock.now - start < (areHeldUp(peaks) ? duration : .seconds(30)) {
            let now = try await server.value.loop.perform {
                var now = Peaks()
                for case let connection as HTTP1ServerConnection in server.value.context.connections.all {
                    now.unread = max(now.unread, connection.stream.unconsumedCount)
                    now.body = max(now.body, connection.exchange?.exchange.requestBody.held ?? 0)
                }
                return now
            }
            peaks.unread = max(peaks.unread, now.unread)
            peaks.body = max(peaks.body, now.body)
            try await Task.sleep(for: .milliseconds(1))
        }
        return peaks
    }

    /// One receive beyond the limit and, where the kernel receives by itself until it is told to stop, the buffers that it
    /// had filled by then.
    private static func slack(_ backend: IOBackend) -> Int { backend == .ioUring ? 5 * 16_384 : 16_384 }

    @Test(
        "fault 2: the unread requests of clients that pipeline without end are bounded", arguments: testedBackends,
        [false, true])
    func pipelining(_ backend: IOBackend, _ readsResponses: Bool) async throws {
        try await withServers(backend, Echo()) { group in
            var floods: [Flood] = []
            for path in ["/a", "/sleep?3", "/big?100000"] {
                let requests = String(repeating: "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", count: 500)
                floods.append(try Flood(group.port ?? 0, Array(requests.utf8), readsResponses: readsResponses))
            }
            let peaks = try await Self.peaks(group, for: .seconds(2)) { $0.unread > 16_384 }
            for flood in floods { try await flood.stop() }
            #expect(peaks.unread > 16_384, "the clients were to be held up")
            #expect(peaks.unread <= 65_536 + Self.slack(backend))
            #expect(peaks.body == 0)
        }
    }

    @Test("fault 2: a small limit for unread requests holds, too", arguments: testedBackends)
    func smallLimit(_ backend: IOBackend) async throws {
        try await withServers(backend, Echo(), configure: { $0.pipelineBufferSize = 1_000 }) { group in
            let requests = String(repeating: "GET /sleep?1 HTTP/1.1\r\nHost: a\r\n\r\n", count: 500)
            let flood = try Flood(group.port ?? 0, Array(requests.utf8), readsResponses: true)
            let peaks = try await Self.peaks(group, for: .seconds(1)) { $0.unread > 0 }
            try await flood.stop()
            #expect(peaks.unread > 0)
            #expect(peaks.unread <= 1_000 + Self.slack(backend))
        }
    }

    @Test(
        "an upload that is held up behind a slow request goes on when its turn has come", arguments: testedBackends,
        [false, true])
    func uploadBehindSlowRequest(_ backend: IOBackend, _ isStreamed: Bool) async throws {
        let server = LoopHeld<HTTPServer?>(nil)
        let delivery = isStreamed ? HTTPBodyDelivery.streamed(limit: nil) : .collected(limit: nil)
        let responding = Responding(delivery: delivery) { request in
            var count = 0
            for try await bytes in request.bodyStream { count += bytes.count }
            while request.path == "/slow", server.value?.holdsUpClient == false {
                try await request.connection.loop.sleep(for: .milliseconds(5))
            }
            request.connection.write("\(count)")
        }
        let size = 200_000
        try await withServers(backend, responding) { group in
            server.value = group.servers.first?.value
            let client = try TestClient(port: group.port ?? 0)
            let requests =
                "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
                + "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n"
            try client.send(requests + String(repeating: "x", count: size))
            #expect(try client.receiveResponse().text == "0")
            #expect(try client.receiveResponse().text == "\(size)")
            server.value = nil
        }
    }

    @Test("fault 2: the bodies of uploads to slow handlers are bounded", arguments: testedBackends, [false, true])
    func uploads(_ backend: IOBackend, _ isChunked: Bool) async throws {
        // Takes a piece each 20 ms.
        let slow = Responding(delivery: .streamed(limit: nil)) { request in
            for try await _ in request.bodyStream { try await request.connection.loop.sleep(for: .milliseconds(20)) }
        }
        let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 100000000000"
        let head = Array("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n".utf8)
        let piece = [UInt8](repeating: 120, count: 65_536)
        let bytes = isChunked ? Array("10000\r\n".utf8) + piece + Array("\r\n".utf8) : piece
        try await withServers(backend, slow) { group in
            let floods = try (0..<30).map { _ in
                try Flood(group.port ?? 0, first: head, bytes, readsResponses: false)
            }
            let peaks = try await Self.peaks(group, for: .seconds(2)) { $0.body > 16_384 }
            for flood in floods { try await flood.stop() }
            #expect(peaks.body > 16_384, "the clients were to be held up")
            #expect(peaks.body <= 65_536 + Self.slack(backend))
            #expect(peaks.unread <= 65_536 + Self.slack(backend))
        }
    }
}

extension HTTPServer {
    /// Whether it has left a client unread that has sent more than is worked off.
    fileprivate var holdsUpClient: Bool {
        context.connections.all.contains { connection in
            guard let stream = (connection as? HTTP1ServerConnection)?.stream else { return false }
            return !stream.isReceiving && stream.unconsumedCount > context.pipelineBufferSize
        }
    }
}
