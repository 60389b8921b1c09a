import Testing
import TwisterCompression
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Tells how many turns of the loop a message took to arrive, and to be sent.
private final class TurnHandler: WebSocketHandler {
    private var turns: Int { loop.counts.turns.current }
    private var before = 0

    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression() }
    override func open() async throws { before = turns }

    override func onMessage(_ message: WebSocketMessage) async throws {
        let arrived = turns
        try await writeMessage(message)
        try await writeMessage("\(message.count) \(arrived - before) \(turns - arrived)")
        before = turns
    }
}

/// Does other things while a long message is being compressed.
private final class BusyHandler: WebSocketHandler {
    static let long = [UInt8](repeating: 7, count: 2_000_000)

    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression() }
    override func open() async throws { subscribe("topic") }

    override func onMessage(_ message: WebSocketMessage) async throws {
        if message.text == "pieces" { return try await writePieces() }
        let sending = Task(executorPreference: loop) { [held = LoopHeld(self)] in
            try await held.value.writeMessage(BusyHandler.long)
        }
        try await sleep(for: .milliseconds(1))
        if message.text == "close" {
            close(.normal)
            if case .success = await sending.result { Issue.record("a message that was dropped counts as sent") }
        } else {
            publish("third", to: "topic")
            sending.cancel()
            try await writeMessage("second")
        }
    }

    /// While a long piece is being compressed, no other task may write to the message.
    private func writePieces() async throws {
        let writer = try await beginMessage()
        let writing = Task(executorPreference: loop) { [held = LoopHeld(writer)] in
            try await held.value.write(BusyHandler.long)
        }
        try await sleep(for: .milliseconds(1))
        await #expect(throws: WebSocketError.self) { try await writer.write("too early") }
        try await writing.value
        try await writer.finish()
    }
}

/// A few bytes of a client can become megabytes, and a long message takes long to be compressed. Other connections of the loop
/// have their turns meanwhile.
@Suite("Long compressed messages")
struct LongMessageTests {
    private let routes = [
        URLSpec("/turns", TurnHandler.self), URLSpec("/busy", BusyHandler.self), URLSpec("/echo", DeflateHandler.self),
    ]
    private let deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

    private func inflated(_ frame: SocketClient.Frame?) throws -> [UInt8] {
        let frame = try #require(frame)
        guard frame.isCompressed else { return frame.payload }
        var output: [UInt8] = []
        try frame.payload.withUnsafeBytes { payload in
            try MessageInflater().inflate(payload, isLast: true, limit: .max) {
                output += $0
                return true
            }
        }
        return output
    }

    /// The report of a `TurnHandler` and its three numbers.
    private func report(_ client: SocketClient) throws -> (String, [Int]) {
        let report = String(decoding: try inflated(try client.receive()), as: UTF8.self)
        let numbers = report.split(separator: " ").compactMap { Int($0) }
        try #require(numbers.count == 3)
        return (report, numbers)
    }

    @Test("WS-10: a long message takes many turns of the loop to be decompressed, and to be compressed")
    func turns() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port, "/turns", fields: deflate)
            for isText in [false, true] {
                let bytes = [UInt8](repeating: isText ? 65 : 0, count: 4_000_000)
                try client.send(isText ? .text : .binary, try MessageCompression.packed(bytes), reserved: 0x40)
                #expect(try inflated(try client.receive()) == bytes)
                let (report, numbers) = try report(client)
                #expect(numbers[0] == bytes.count)
                // At most 400 KB are decompressed in a turn, and 16 KiB compressed.
                #expect(numbers[1] > 8, "\(report)")
                #expect(numbers[2] > 200, "\(report)")
            }
        }
    }

    @Test("WS-10: a long message is complete where its client ends its side right behind it")
    func halfClosed() async throws {
        try await onBothBackends(routes) { port in
            let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 1000) }
            let packed = try MessageCompression.packed(bytes)
            let half = packed.count / 2
            for isWhole in [true, false] {
                let client = try SocketClient(port, "/echo", fields: deflate)
                try client.send(.binary, Array(packed[..<half]), isFinal: false, reserved: 0x40)
                if isWhole { try client.send(.continuation, Array(packed[half...])) }
                client.client.shutDown()
                if isWhole { #expect(try inflated(try client.receive()) == bytes) }
                #expect(try client.receive() == nil)
            }
        }
    }

    @Test("WS-10: ping, a second message and the close handshake stand in their places around a long message")
    func order() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port, "/echo", fields: deflate)
            let bytes = [UInt8](repeating: 1, count: 3_000_000)
            let packed = try MessageCompression.packed(bytes)
            try client.send(
                SocketClient.frame(2, packed, reserved: 0x40) + SocketClient.frame(9, [1])
                    + SocketClient.frame(1, Array("next".utf8)) + SocketClient.frame(8, []))
            var frames: [SocketClient.Frame] = []
            while let frame = try client.receive() { frames.append(frame) }
            #expect(frames.map(\.opcode).filter { $0 != .pong } == [.binary, .text, .close])
            #expect(try inflated(frames.first { $0.opcode == .binary }) == bytes)
        }
    }

    @Test("WS-10: other messages wait for a long one; a cancelled task has sent its own; closing drops it as a whole")
    func others() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port, "/busy", fields: deflate)
            try client.send("go")
            #expect(try inflated(try client.receive()) == BusyHandler.long)
            let others = [try inflated(try client.receive()), try inflated(try client.receive())]
            #expect(others.contains(Array("second".utf8)) && others.contains(Array("third".utf8)))
            try client.send("close")
            #expect(try client.receive()?.opcode == .close)
        }
    }

    @Test("WS-10: empty frames do not have a message decompressed at once")
    func emptyFrames() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port, "/turns", fields: deflate)
            let bytes = [UInt8](repeating: 0, count: 4_000_000)
            let packed = try MessageCompression.packed(bytes)
            let empty = SocketClient.frame(0, [], isFinal: false)
            try client.send(
                SocketClient.frame(2, Array(packed[..<256]), isFinal: false, reserved: 0x40)
                    + [[UInt8]](repeating: empty, count: 1000).flatMap { $0 }
                    + SocketClient.frame(0, Array(packed[256...])))
            #expect(try inflated(try client.receive()) == bytes)
            let (report, numbers) = try report(client)
            #expect(numbers[1] > 8, "\(report)")
        }
    }

    @Test("WS-10: of many long messages at once each is whole, and they hold few compressors")
    func many() async throws {
        try await onBothBackends(routes) { port in
            let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
            let packed = try MessageCompression.packed(bytes)
            let clients = try (0..<30).map { _ in try SocketClient(port, "/echo", fields: deflate) }
            for client in clients { try client.send(.binary, packed, reserved: 0x40) }
            for client in clients { #expect(try inflated(try client.receive()) == bytes) }
        }
    }

    @Test("WS-4: two tasks cannot write to one message that is sent in pieces")
    func twoWriters() async throws {
        try await onBothBackends(routes) { port in
            let client = try SocketClient(port, "/busy", fields: deflate)
            try client.send("pieces")
            let first = try #require(try client.receive())
            #expect(try inflated(first) == BusyHandler.long && !first.isFinal)
            #expect(try client.receive()?.isFinal == true)
        }
    }

    @Test("WS-10: what is wrong late in a long message is refused, and more than the limit is")
    func refused() async throws {
        try await onBothBackends(routes) { port in
            let text = [UInt8](repeating: 65, count: 3_000_000) + [0xFF]
            let client = try SocketClient(port, "/echo", fields: deflate)
            try client.send(.text, try MessageCompression.packed(text), reserved: 0x40)
            #expect(try client.receiveClose() == 1007)
            let bytes = [UInt8](repeating: 65, count: 11_000_000)
            let other = try SocketClient(port, "/echo", fields: deflate)
            try other.send(.text, try MessageCompression.packed(bytes), reserved: 0x40)
            #expect(try other.receiveClose() == 1009)
        }
    }
}
