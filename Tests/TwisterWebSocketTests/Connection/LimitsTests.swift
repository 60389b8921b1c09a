import Glibc
import HTTPTypes
import Testing
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Sends more than its client takes, and notes how that ends.
private final class FloodHandler: WebSocketHandler {
    private let notes: Notes

    init(_ context: HandlerContext, _ notes: Notes) {
        self.notes = notes
        super.init(context)
    }
    required init(_ context: HandlerContext) {
        notes = Notes()
        super.init(context)
    }

    override func open() async throws {
        notes.note("open")
        let bytes = [UInt8](repeating: 120, count: 100_000)
        do {
            while true {
                try await writeMessage(bytes)
                if pathArguments[0] == "count" { notes.note("sent") }
            }
        } catch {
            notes.note("\(type(of: error))")
            throw error
        }
    }
    override func onShutdown() { notes.note("shutdown") }
    override func onClose() async { notes.note("closed") }
}

private final class PingHandler: WebSocketHandler {
    override var pingInterval: Duration? { .milliseconds(200) }
    override func onMessage(_ message: WebSocketMessage) async throws { try await writeMessage(message) }
}

@Suite("Limits and ends")
struct LimitsTests {
    private func withFlood(
        configure: (inout HTTPServer.Configuration) -> Void = { _ in },
        _ body: @escaping (HTTPServerGroup, Notes) async throws -> Void
    ) async throws {
        for backend in testedBackends {
            let notes = Notes()
            let application = try Application([
                URLSpec("/flood/([a-z]+)") { FloodHandler($0, notes) }, URLSpec("/", EchoHandler.self),
                URLSpec("/ping", PingHandler.self),
            ])
            try await withServers(backend, application, configure: configure) { try await body($0, notes) }
        }
    }

    @Test("WS-4: writeMessage waits while the client does not read")
    func backpressure() async throws {
        try await withFlood { servers, notes in
            let client = try SocketClient(servers.port ?? 0, "/flood/count", receiveBuffer: 4096)
            try await eventually("output is held up") {
                let before = notes.all.count
                try await Task.sleep(for: .milliseconds(100))
                return notes.all.count == before && before > 1
            }
            let before = notes.all.count
            for _ in 0..<20 { #expect(try client.receive()?.payload.count == 100_000) }
            try await eventually("it goes on") { notes.all.count > before }
        }
    }

    @Test("WS-4: a client that takes nothing is cut off in time")
    func writeStall() async throws {
        try await withFlood(configure: { $0.writeStallTimeout = .milliseconds(300) }) { servers, notes in
            let client = try SocketClient(servers.port ?? 0, "/flood/x", receiveBuffer: 4096)
            try await notes.wait(for: 3)
            #expect(notes.all.contains("closed"))
            withExtendedLifetime(client) {}
        }
    }

    @Test("N-36: a message that does not go on between two frames ends the connection")
    func messageStall() async throws {
        try await withFlood(configure: { $0.bodyStallTimeout = .milliseconds(300) }) { servers, _ in
            let client = try SocketClient(servers.port ?? 0)
            try client.send(Array(SocketClient.frame(1, Array("never ".utf8), isFinal: false)))
            try client.send(Array(SocketClient.frame(0, Array("complete".utf8), isFinal: false)))
            #expect(try client.receiveClose() == 1008)
        }
    }

    @Test("N-36: a frame that does not go on ends the connection")
    func readStall() async throws {
        try await withFlood(configure: { $0.bodyStallTimeout = .milliseconds(300) }) { servers, _ in
            for cut in [1, 4, 10] {
                let client = try SocketClient(servers.port ?? 0)
                try client.send(Array(SocketClient.frame(1, Array("never complete".utf8))[..<cut]))
                #expect(try client.receiveClose() == 1008)
            }
        }
    }

    /// Whether the server closes the connection while the client sends `piece` again and again, for 2 s.
    private func isClosed(_ client: SocketClient, sending piece: [UInt8]) async throws -> Bool {
        for _ in 0..<40 {
            try client.send(piece)
            try await Task.sleep(for: .milliseconds(50))
            var watched = pollfd(fd: client.client.fd, events: CShort(POLLIN), revents: 0)
            if poll(&watched, 1, 0) > 0 { return try client.receiveClose() == 1008 }
        }
        return false
    }

    @Test("N-36: a message that trickles ends the connection")
    func trickle() async throws {
        try await withFlood(configure: { $0.bodyStallTimeout = .milliseconds(500) }) { servers, _ in
            let frame = try SocketClient(servers.port ?? 0)
            try frame.send(Array(SocketClient.frame(2, [UInt8](repeating: 7, count: 60_000)).prefix(8)))
            #expect(try await isClosed(frame, sending: [7]))
            let fragments = try SocketClient(servers.port ?? 0)
            try fragments.send(SocketClient.frame(1, Array("a".utf8), isFinal: false))
            #expect(try await isClosed(fragments, sending: SocketClient.frame(0, [], isFinal: false)))
        }
    }

    @Test("N-36: messages that come at the least rate are received, however long each takes")
    func slowMessages() async throws {
        try await withFlood(configure: { $0.bodyStallTimeout = .milliseconds(500) }) { servers, _ in
            let client = try SocketClient(servers.port ?? 0)
            let frame = SocketClient.frame(1, [UInt8](repeating: 97, count: 4000))
            for start in stride(from: 0, to: frame.count, by: 100) {
                try client.send(Array(frame[start..<min(start + 100, frame.count)]))
                try await Task.sleep(for: .milliseconds(40))
            }
            #expect(try client.receiveText()?.utf8.count == 4000)
            // The end of each message comes with the beginning of the next one.
            let short = SocketClient.frame(1, Array("short".utf8))
            try client.send(Array(short.prefix(3)))
            for _ in 0..<10 {
                try client.send(Array(short.dropFirst(3) + short.prefix(3)))
                #expect(try client.receiveText() == "short")
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    @Test("WS-12: messages that stand still make room for others")
    func standStill() async throws {
        try await withFlood(configure: { $0.maxBufferedBytes = 2_000_000 }) { servers, _ in
            let attackers = try (0..<9).map { _ in try SocketClient(servers.port ?? 0) }
            for attacker in attackers {
                try attacker.send(SocketClient.frame(2, [UInt8](repeating: 1, count: 210_000), isFinal: false))
            }
            try await Task.sleep(for: .milliseconds(1300))
            let client = try SocketClient(servers.port ?? 0)
            try client.send(.binary, [UInt8](repeating: 2, count: 900_000))
            #expect(try client.receive()?.payload.count == 900_000)
            withExtendedLifetime(attackers) {}
        }
    }

    @Test("WS-11: pings keep a client that answers, and close one that does not")
    func keepAlive() async throws {
        try await withFlood { servers, _ in
            // Five pings come within a second. A client that answers one too late is closed: all of it is done again then.
            let client = try await inTime(.milliseconds(1150)) {
                let client = try SocketClient(servers.port ?? 0, "/ping")
                for _ in 0..<5 {
                    guard try client.receive()?.opcode == .ping else { throw TestFailure("no ping") }
                    try client.send(.pong, [])
                }
                return client
            }
            var frame = try client.receive()
            while frame?.opcode == .ping { frame = try client.receive() }
            #expect(frame?.opcode == .close)
            try client.sendClose(1011)
            #expect(try client.receive() == nil)
        }
    }

    @Test("WS-20: a server that shuts down tells its clients 1001, and waits for them")
    func drain() async throws {
        // The shutdown does not wait for a loop that the machine holds up: then all of it is done again.
        let isBusy = ConditionLock(true)
        for _ in 0..<20 where isBusy.withLock({ $0 }) {
            isBusy.withLock { $0 = false }
            try await drain { isBusy.withLock { $0 = true } }
        }
        #expect(!isBusy.withLock { $0 }, "the machine is too busy")
    }

    private func drain(isBlocked: @escaping @Sendable () -> Void) async throws {
        try await withFlood { servers, notes in
            let idle = try SocketClient(servers.port ?? 0)
            let busy = try SocketClient(servers.port ?? 0, "/flood/x", receiveBuffer: 4096)
            try await notes.wait(for: 1)
            async let result = servers.shutdown(deadline: .seconds(2), grace: .zero)
            #expect(try idle.receive() == SocketClient.Frame(opcode: .close, payload: [0x03, 0xE9]))
            try idle.sendClose(1001)
            #expect(try idle.receive() == nil)
            let ended = await result
            guard ended.blocked.isEmpty else { return isBlocked() }
            // The idle one may be gone before the server counts.
            #expect(ended.forced == 1)
            #expect(notes.all.contains("shutdown"))
            #expect(notes.all.contains("closed"), "a handler whose connection is cut is told before the loop ends")
            withExtendedLifetime(busy) {}
        }
    }

    @Test("WS-12: what connections hold counts against the server's budget, and the slowest is given up")
    func budget() async throws {
        try await withFlood(configure: { $0.maxBufferedBytes = 1 << 20 }) { servers, _ in
            let client = try SocketClient(servers.port ?? 0)
            let piece = SocketClient.frame(2, [UInt8](repeating: 1, count: 300_000), isFinal: false)
            try client.send(piece)
            do {
                for _ in 0..<20 {
                    try client.send(SocketClient.frame(0, [UInt8](repeating: 1, count: 300_000), isFinal: false))
                }
                while try client.receive() != nil {}
            } catch is TestClient.Failure {
                // The server closes while the client sends.
            }
            let other = try SocketClient(servers.port ?? 0)
            try other.send("still served")
            #expect(try other.receiveText() == "still served")
        }
    }

    @Test("WS-15: a close frame that comes with the end of the connection is answered")
    func closingAtOnce() async throws {
        try await withFlood(configure: { _ in }) { servers, _ in
            for _ in 0..<50 {
                let socket = try SocketClient(servers.port ?? 0)
                try socket.sendClose(1000)
                socket.client.shutDown()
                #expect(try socket.receiveClose() == 1000)
            }
        }
    }

    @Test("WS-12: connections that were upgraded count as their client's until they close")
    func clients() async throws {
        try await withFlood(configure: {
            $0.trustedProxies = []
            $0.clientLimits.maxConnections = 2
        }) { servers, _ in
            let port = servers.port ?? 0
            let first = try SocketClient(port)
            let second = try SocketClient(port)
            #expect(throws: (any Error).self) { try SocketClient(port) }
            try first.sendClose(1000)
            #expect(try first.receiveClose() == 1000)
            try await eventually("a place is free") { (try? SocketClient(port))?.response.status == 101 }
            try second.send("on")
            #expect(try second.receiveText() == "on")
        }
    }
}
