import Foundation
import HTTPTypes
import Testing
import TwisterCodec
import TwisterHTTP
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Answers questions about the handshake, and closes when asked to.
private final class ServingHandler: WebSocketHandler {
    override func selectSubprotocol(_ subprotocols: [String]) -> String? { subprotocols.last }
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression(contextTakeover: true) }
    override func onMessage(_ message: WebSocketMessage) async throws {
        switch message.text {
        case "header": try await writeMessage(request.headers[.userAgent] ?? "none")
        case "extensions": try await writeMessage(request.headers[.secWebSocketExtensions] ?? "none")
        case "close": close(4002, "enough")
        case "ping": try ping([7])
        default: try await writeMessage(message)
        }
    }
}

@Suite("Client")
struct ClientTests {
    private func withLoop(
        _ routes: [URLSpec], _ body: @escaping @Sendable (UInt16) async throws -> Void
    ) async throws {
        for backend in testedBackends {
            let application = try Application(routes)
            try await withServer(backend, application) { port in
                try await onLoop(backend) { try await body(port) }
            }
        }
    }

    /// Runs `body` on a loop of its own, on a thread of its own.
    private func onLoop(_ backend: IOBackend, _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let loop = try IOLoop(IOLoop.Configuration(backend: backend))
                        defer { loop.close() }
                        try loop.runSync { try await body() }
                    })
            }
        }
    }

    private let routes = [URLSpec("/", ServingHandler.self)]

    @Test("WS-17, WS-18: messages of every size and kind go both ways, plain and compressed")
    func echo() async throws {
        try await withLoop(routes) { port in
            for compression in [
                nil, WebSocketCompression(), WebSocketCompression(maxWindowBits: 9, contextTakeover: true),
            ] {
                var options = WebSocketClientOptions()
                options.compression = compression
                options.subprotocols = ["a", "b"]
                options.headers = [("User-Agent", "tested")]
                let socket = try await webSocketConnect("ws://127.0.0.1:\(port)/?x=1", options: options)
                #expect(socket.selectedSubprotocol == "b")
                try await socket.writeMessage("header")
                #expect(try await socket.readMessage() == .text("tested"))
                for size in [0, 1, 125, 126, 65_535, 65_536, 300_000] {
                    let text = String(repeating: "é", count: size / 2)
                    try await socket.writeMessage(text)
                    #expect(try await socket.readMessage() == .text(text))
                    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                    try await socket.writeMessage(bytes)
                    #expect(try await socket.readMessage() == .binary(bytes))
                }
                try await socket.writeMessage("one")
                try await socket.writeMessage("two")
                try await socket.writeMessage("close")
                var seen: [String] = []
                for try await message in socket.messages { seen.append(message.text ?? "") }
                #expect(seen == ["one", "two"])
                #expect(socket.closeCode == 4002 && socket.closeReason == "enough")
                #expect(try await socket.readMessage() == nil)
                await #expect(throws: WebSocketClosedError.self) { try await socket.writeMessage("late") }
            }
        }
    }

    @Test("WS-5, WS-18: a client's ping gets its pong; the client closes")
    func pingAndClose() async throws {
        try await withLoop(routes) { port in
            let notes = Notes()
            let socket = try await webSocketConnect("ws://127.0.0.1:\(port)")
            socket.onPong = { notes.note("pong \($0)") }
            socket.onPing = { notes.note("ping \($0)") }
            try socket.ping([1, 2])
            try await socket.writeMessage("ping")
            try await socket.writeMessage("end")
            #expect(try await socket.readMessage() == .text("end"))
            try await notes.wait(for: 2)
            #expect(notes.all == ["pong [1, 2]", "ping [7]"])
            #expect(throws: WebSocketError.self) { try socket.ping([UInt8](repeating: 0, count: 126)) }
            socket.close(1000, "bye")
            #expect(try await socket.readMessage() == nil)
            #expect(socket.closeCode == 1000)
        }
    }

    @Test("WS-17, WS-19: what is no handshake is refused, with an error that says why")
    func refused() async throws {
        try await withLoop(routes) { port in
            func error(_ url: String, _ options: WebSocketClientOptions = .init()) async -> String {
                do {
                    _ = try await webSocketConnect(url, options: options)
                    return "none"
                } catch {
                    return "\(error)"
                }
            }
            #expect(await error("ws://127.0.0.1:\(port)/missing").contains("404"))
            var foreign = WebSocketClientOptions()
            foreign.headers = [("Origin", "http://other.example")]
            #expect(await error("ws://127.0.0.1:\(port)/", foreign).contains("403"))
            var breaking = WebSocketClientOptions()
            breaking.headers = [("X", "a\r\nb: c")]
            #expect(await error("ws://127.0.0.1:\(port)/", breaking).contains("break"))
            for url in ["http://a/", "ws://", "ws://a:99999/", "ws://a b/", "ws://u@a/"] {
                #expect(await error(url).contains("no URL"), "\(url)")
            }
        }
    }

    @Test("WS-11: a client whose server does not answer its pings closes")
    func keepAlive() async throws {
        try await withLoop(routes) { port in
            var options = WebSocketClientOptions()
            options.pingInterval = .milliseconds(100)
            let kept = options
            // A server that the machine holds up for an interval answers too late.
            try await inTime(.milliseconds(600)) {
                let alive = try await webSocketConnect("ws://127.0.0.1:\(port)/", options: kept)
                try await Task.sleep(for: .milliseconds(450))
                try await alive.writeMessage("still there")
                guard try await alive.readMessage() == .text("still there") else { throw TestFailure("closed") }
                alive.close()
            }
        }
    }
}
