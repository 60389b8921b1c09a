import HTTPTypes
import Testing
import TwisterIO
import TwisterTestSupport
import TwisterWeb

@testable import TwisterWebSocket

/// Subscribes to the topic that the path names, and publishes what its client sends.
private final class RoomHandler: WebSocketHandler {
    private let hub: WebSocketTopics

    init(_ context: HandlerContext, _ hub: WebSocketTopics) {
        self.hub = hub
        super.init(context)
    }
    required init(_ context: HandlerContext) {
        hub = .shared
        super.init(context)
    }

    override var topics: WebSocketTopics { hub }
    override func getCompressionOptions() -> WebSocketCompression? { WebSocketCompression() }
    override func open() async throws {
        subscribe(pathArguments[0] ?? "")
        subscribe(pathArguments[0] ?? "")
        try await writeMessage("ready \(subscribedTopics.count)")
    }
    override func onMessage(_ message: WebSocketMessage) async throws {
        if message.text == "leave" {
            unsubscribe(pathArguments[0] ?? "")
            return try await writeMessage("left \(subscribedTopics.count)")
        }
        publish(message, to: pathArguments[0] ?? "")
    }
}

@Suite("Topics")
struct TopicTests {
    private static let deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

    private func withRoom(
        _ topics: @autoclosure () -> WebSocketTopics, loops: Int = 1,
        _ body: @escaping (UInt16, WebSocketTopics) async throws -> Void
    ) async throws {
        for backend in testedBackends {
            let set = topics()
            let application = try Application([URLSpec("/([a-z]+)") { RoomHandler($0, set) }])
            try await withServer(backend, application, loops: loops) { try await body($0, set) }
        }
    }

    @Test("N-35: a message goes to all subscribers on all loops, encoded once and compressed once")
    func everyone() async throws {
        try await withRoom(WebSocketTopics(), loops: 2) { port, topics in
            var clients: [SocketClient] = []
            for number in 0..<20 {
                let client = try SocketClient(port, "/room", fields: number < 10 ? Self.deflate : "")
                #expect(try client.receive()?.opcode == .text)
                clients.append(client)
            }
            let other = try SocketClient(port, "/other")
            #expect(try other.receiveText() == "ready 1")
            let text = "the same for all of them, the same for all of them"
            try clients[19].send(text)
            let packed = try MessageCompression.packed(Array(text.utf8))
            for (number, client) in clients.enumerated() {
                let frame = try #require(try client.receive())
                #expect(frame.payload == (number < 10 ? packed : Array(text.utf8)))
                #expect(frame.isCompressed == (number < 10))
            }
            var expected = WebSocketTopicCounts()
            (expected.published, expected.encoded, expected.compressed, expected.delivered) = (1, 1, 1, 20)
            #expect(topics.counts == expected)
            // Those that have left, and those that are closed, get nothing.
            try clients[0].send("leave")
            #expect(try clients[0].receive()?.opcode == .text)
            try clients[1].sendClose(1000)
            #expect(try clients[1].receiveClose() == 1000)
            topics.publish(.text("from any thread"), to: "room")
            topics.publish(.text("to nobody"), to: "empty")
            #expect(try clients[19].receiveText() == "from any thread")
            try await eventually("18 more") { topics.counts.delivered == 38 }
            #expect(topics.counts.encoded == 2)
            try topics.publish(json: ["a": "</b>"], to: "room")
            #expect(try clients[19].receiveText() == #"{"a":"<\/b>"}"#)
            try await eventually("18 more") { topics.counts.delivered == 56 }
            try other.send("mine")
            #expect(try other.receiveText() == "mine")
        }
    }

    @Test(
        "N-35: a published message of more than the limit is sent as it is, because compressing it would stop the loop")
    func long() async throws {
        for limit in [65_536, 100_000] {
            try await withRoom(limit == 65_536 ? WebSocketTopics() : WebSocketTopics(compressionLimit: limit)) {
                port, topics in
                let client = try SocketClient(port, "/room", fields: Self.deflate)
                #expect(try client.receive()?.opcode == .text)
                for count in [limit, limit + 1] {
                    topics.publish(.binary([UInt8](repeating: 1, count: count)), to: "room")
                    let frame = try #require(try client.receive())
                    #expect(frame.isCompressed == (count == limit))
                    #expect(frame.isCompressed || frame.payload.count == count)
                }
                #expect(topics.counts.compressed == 1)
            }
        }
    }

    /// Publishes to a subscriber that reads nothing, until `condition` holds.
    private func flood(
        _ topics: WebSocketTopics, _ port: UInt16, until condition: (WebSocketTopicCounts) -> Bool
    ) async throws -> SocketClient {
        let slow = try SocketClient(port, "/room", receiveBuffer: 4096)
        #expect(try slow.receiveText() == "ready 1")
        let filler = String(repeating: "x", count: 20_000)
        var number = 0
        try await eventually("a slow subscriber") {
            for _ in 0..<50 {
                topics.publish(.text("\(number) \(filler)"), to: "room", key: "\(number % 3)")
                number += 1
            }
            return condition(topics.counts)
        }
        return slow
    }

    @Test("N-35: a slow subscriber loses the oldest messages, and gets the latest")
    func dropOldest() async throws {
        try await withRoom(WebSocketTopics(.dropOldest, limit: 5)) { port, topics in
            let slow = try await flood(topics, port) { $0.dropped > 100 }
            topics.publish(.text("last"), to: "room")
            var last: String?
            repeat { last = try slow.receiveText() } while last != "last"
            #expect(topics.counts.disconnected == 0 && topics.counts.conflated == 0)
        }
    }

    @Test("N-35: a slow subscriber gets the last message of each key")
    func conflate() async throws {
        try await withRoom(WebSocketTopics(.conflate, limit: 5)) { port, topics in
            let slow = try await flood(topics, port) { $0.conflated > 100 }
            #expect(topics.counts.dropped == 0)
            topics.publish(.text("last"), to: "room", key: "0")
            var last: String?
            repeat { last = try slow.receiveText() } while last != "last"
        }
    }

    @Test("N-35: a slow subscriber is disconnected")
    func disconnect() async throws {
        try await withRoom(WebSocketTopics(.disconnect, limit: 5)) { port, topics in
            let slow = try await flood(topics, port) { $0.disconnected == 1 }
            var count = 0
            while let bytes = try? slow.client.receive() { count += bytes.count }
            let delivered = topics.counts.delivered
            topics.publish(.text("to nobody"), to: "room")
            try await Task.sleep(for: .milliseconds(20))
            #expect(topics.counts.delivered == delivered)
        }
    }
}
