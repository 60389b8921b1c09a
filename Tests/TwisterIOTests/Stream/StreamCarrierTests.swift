import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterIO

/// A carrier that does what its test says, and notes what its stream wants.
private final class ScriptedCarrier: StreamCarrier {
    private(set) var log: [String] = []
    /// The bytes of the last `send`, as far as they are not taken.
    private var underWay = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var sent: [UInt8] = []
    private(set) var deadline = UInt64.max
    /// Whether bytes are taken at once.
    var takes = true
    weak var stream: IOStream?

    func startReceiving() { log.append("start") }
    func stopReceiving() { log.append("stop") }
    func send(_ bytes: UnsafeRawBufferPointer) {
        precondition(underWay.isEmpty, "one send at a time")
        underWay = bytes
        if takes { take(bytes.count) }
    }
    var sendLeft: Int { underWay.count }
    func endOutput() { log.append("end") }
    func close() {
        underWay = UnsafeRawBufferPointer(start: nil, count: 0)
        log.append("close")
    }
    func setDeadline(_ time: UInt64) { deadline = time }

    func take(_ count: Int) {
        sent += underWay.prefix(count)
        underWay = UnsafeRawBufferPointer(rebasing: underWay.dropFirst(count))
        if underWay.isEmpty { stream?.carrierTook() }
    }
}

@Suite("StreamCarrier")
struct StreamCarrierTests {
    private func carried(_ loop: IOLoop) -> (IOStream, ScriptedCarrier) {
        let carrier = ScriptedCarrier()
        let stream = IOStream(loop, carrier: carrier)
        carrier.stream = stream
        return (stream, carrier)
    }

    private func deliver(_ text: String, _ stream: IOStream) {
        Array(text.utf8).withUnsafeBytes { stream.carrierReceived($0) }
    }

    @Test("N-37: reads and writes go to the carrier", arguments: backends)
    func readsAndWrites(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, carrier) = carried(loop)
            deliver("early ", stream)
            loop.addLocalCallback { self.deliver("line\nrest", stream) }
            #expect(text(try await stream.readUntil("\n")) == "early line\n")
            try await stream.write("small")
            try await stream.write([UInt8](repeating: 1, count: 100_000))
            try await stream.flush()
            #expect(carrier.sent == Array("small".utf8) + [UInt8](repeating: 1, count: 100_000))
            #expect(carrier.log.first == "start")
            stream.carrierEnded()
            #expect(text(try await stream.readUntilClose()) == "rest")
            #expect(stream.fileDescriptor == nil)
            try stream.setNoDelay(true)
            stream.close()
            #expect(carrier.log.last == "close")
        }
    }

    @Test("N-37: output waits for the carrier, and says how much of it does", arguments: backends)
    func backpressure(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, carrier) = carried(loop)
            let consumer = ScriptedConsumer()
            stream.consumer = consumer
            carrier.takes = false
            stream.enqueue([UInt8](repeating: 2, count: 100_000))
            #expect(stream.isOverHighWatermark)
            try await loop.until { carrier.sendLeft == 16_384 }
            let first = try #require(stream.outputTakenAt)
            try await loop.sleep(for: .milliseconds(5))
            carrier.take(1000)
            // A part of a piece counts as progress.
            #expect(try #require(stream.outputTakenAt) > first)
            #expect(!consumer.isDrained)
            carrier.takes = true
            carrier.take(carrier.sendLeft)
            try await loop.until { consumer.isDrained && stream.outputCount == 0 }
            #expect(carrier.sent.count == 100_000)
            stream.close()
            try await loop.until { consumer.reason != nil }
        }
    }

    @Test(
        "N-37: an orderly end is told, another one is not; the consumer hears of it in a turn of its own",
        arguments: backends)
    func ends(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            for (name, expected) in [
                ("close", ["end", "close"]), ("linger", ["end", "close"]), ("shut down", ["end"]), ("reset", ["close"]),
                ("carrier", ["close"]),
            ] {
                let (stream, carrier) = carried(loop)
                let consumer = ScriptedConsumer()
                stream.consumer = consumer
                stream.enqueue(Array("last".utf8))
                switch name {
                case "close": stream.closeAfterOutput()
                case "linger": stream.lingerAfterOutput()
                case "shut down": stream.shutDownAfterOutput()
                case "reset": stream.reset()
                default: stream.carrierClosed()
                }
                #expect(consumer.log.isEmpty, "\(name)")
                try await loop.until { carrier.log == expected }
                let isOrderly = expected.first == "end"
                #expect(text(carrier.sent) == (isOrderly ? "last" : ""), "\(name)")
                stream.close()
                try await loop.until { consumer.log == ["closed"] }
                stream.close()
                deliver("late", stream)
                stream.carrierEnded()
                #expect(consumer.log == ["closed"])
            }
        }
    }

    @Test("N-37: a stream that is closed while its carrier has its bytes leaves them alone", arguments: backends)
    func closedWhileSending(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, carrier) = carried(loop)
            carrier.takes = false
            stream.enqueue([UInt8](repeating: 3, count: 50_000))
            try await loop.until { carrier.sendLeft > 0 }
            stream.close()
            #expect(carrier.sendLeft == 0)
            #expect(stream.outputCount > 0)
            try await loop.until { stream.outputCount == 0 }
        }
    }

    @Test("N-37: deadlines are the carrier's, and files are refused", arguments: backends)
    func deadlines(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, carrier) = carried(loop)
            let consumer = ScriptedConsumer()
            stream.consumer = consumer
            stream.setDeadline(loop.now &+ 1000)
            #expect(carrier.deadline != .max)
            stream.carrierReached(loop.now &+ 2000)
            #expect(consumer.log == ["deadline"])
            stream.enqueue(try FileRoot("/etc").open("passwd"), 0..<10)
            try await loop.until { consumer.log.last == "closed" }
        }
    }
}
