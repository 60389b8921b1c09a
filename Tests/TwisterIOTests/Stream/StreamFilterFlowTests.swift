import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterIO

/// How bytes flow through a filter: from within calls, in too great a number, from files.
@Suite("StreamFilter, flow")
struct StreamFilterFlowTests {
    // MARK: Re-entrancy

    @Test(
        "A filter that delivers while the consumer reads is heard after it, in order, the end last", arguments: backends
    )
    func deliversWithin(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop)
            let (filter, consumer) = (pair.filter, pair.consumer)
            pair.stream.startReceiving()
            consumer.onReceived = { _, bytes in
                guard text(bytes) == "first" else { return }
                for piece in ["second", String(repeating: "third", count: 2000)] {
                    Array(piece.utf8).withUnsafeBytes { filter.host?.deliver($0) }
                }
                filter.host?.deliverEnd()
            }
            pair.peer.send("hfirst")
            try await loop.until { consumer.log.last == "ended" }
            #expect(text(consumer.received) == "firstsecond" + String(repeating: "third", count: 2000))
            #expect(consumer.log.first == "first")
            pair.stream.close()
        }
    }

    @Test("A consumer may write, end its output and close while it is given bytes", arguments: backends)
    func actsWithin(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let ending = try FilteredPair(loop)
            ending.stream.startReceiving()
            ending.consumer.onReceived = { stream, bytes in
                stream.enqueue(bytes)
                stream.stopReceiving()
                stream.startReceiving()
                stream.closeAfterOutput()
                // Nothing is called back from within.
                #expect(ending.filter.log == ["start"])
            }
            ending.peer.send("hecho")
            try await loop.until { ending.consumer.reason != nil }
            #expect(ending.peer.receive() == "echo!")
            #expect(ending.filter.log == ["start", "send 4", "sendEnd", "closed"])

            let closing = try FilteredPair(loop)
            closing.stream.startReceiving()
            closing.consumer.onReceived = { stream, _ in stream.close() }
            closing.filter.onReceive = { _ in closing.filter.host?.transmit(Array("never sent".utf8)) }
            closing.peer.send("habc")
            try await loop.until { closing.consumer.reason != nil }
            #expect(closing.peer.receive() == nil)
        }
    }

    // MARK: Backpressure

    @Test("Output waits, is counted and drains as without a filter", arguments: backends)
    func outputBackpressure(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop)
            let (stream, peer) = (pair.stream, pair.peer)
            #expect(stream.outputWaitsSince == nil && stream.outputTakenAt == nil)
            peer.send("h")
            try await loop.until { !stream.isHandshaking }
            let start = loop.now
            try await loop.pass(1)
            let size = 4 << 20
            stream.enqueue([UInt8](repeating: 65, count: size))
            #expect(stream.isOverHighWatermark)
            // The socket is full when it has taken nothing for a while.
            var last: UInt64?
            repeat {
                last = stream.outputTakenAt
                try await loop.pass(50)
            } while stream.outputTakenAt != last
            let (since, taken) = (try #require(stream.outputWaitsSince), try #require(stream.outputTakenAt))
            #expect(since >= start && taken >= since && taken <= loop.now)
            try await loop.pass(30)
            #expect(stream.outputTakenAt == taken && stream.outputWaitsSince == since, "the peer takes nothing")
            #expect(stream.outputCount > size / 2 && !pair.consumer.isDrained)
            // The filter was not given more than the socket took.
            #expect(pair.filter.log.count < 40)
            var received = 0
            while received < 1 << 20 {
                received += peer.receive()?.utf8.count ?? 0
                try await loop.pass(1)
            }
            #expect(try #require(stream.outputTakenAt) > taken && stream.outputWaitsSince == since)
            while received < size {
                received += peer.receive()?.utf8.count ?? 0
                try await loop.pass(1)
            }
            try await loop.until { !stream.isWriting }
            #expect(pair.consumer.isDrained && stream.outputWaitsSince == nil && received == size)
            stream.close()
        }
    }

    @Test("Output that waits behind the filter's own bytes has waited since it was written", arguments: backends)
    func waitsSince(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop)
            let stream = pair.stream
            // The memory of an output goes from one stream to another, and with it its times.
            let (old, _) = try makeStream(loop)
            old.enqueue("long ago")
            try await loop.pass(50)
            old.close()
            pair.peer.send("h")
            try await loop.until { !stream.isHandshaking }
            pair.filter.host?.transmit([UInt8](repeating: 65, count: 4 << 20))
            try await loop.pass(10)
            let start = loop.now
            try await loop.pass(1)
            stream.enqueue("new")
            let since = try #require(stream.outputWaitsSince)
            #expect(since >= start)
            try await loop.pass(20)
            stream.enqueue("more")
            #expect(stream.outputWaitsSince == since)
            stream.close()
        }
    }

    @Test("A filter that starts a timer when it gets output is called back in time", arguments: backends)
    func timers(_ backend: IOBackend) async throws {
        // Nothing else wakes the loop.
        try await onLoop(backend, timeout: .seconds(20)) { loop in
            let (mine, theirs) = makeSocketPair()
            let peer = BarePeer(theirs)
            let stream = try IOStream(loop, fileDescriptor: mine)
            stream.addFilter(DelayingFilter())
            for _ in 0..<3 {
                try await stream.write("later")
                try await stream.flush()
                #expect(peer.receive() == "later")
            }
            stream.close()
        }
    }

    @Test(
        "A filter that transmits for each byte that comes is held up by a peer that reads nothing", arguments: backends)
    func boundedWire(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop, tcp: true)
            let (filter, peer) = (pair.filter, pair.peer)
            pair.stream.startReceiving()
            let transmitted = Box(0)
            filter.onReceive = { bytes in
                transmitted.value += bytes.count
                filter.host?.transmit([UInt8](repeating: 66, count: bytes.count))
            }
            peer.send("h")
            let piece = [UInt8](repeating: 65, count: 1 << 18)
            var sent = 1
            var idle = 0
            while idle < 20, sent < 64 << 20 {
                let count = peer.send(piece)
                if count > 0 { sent += count }
                idle = count > 0 ? 0 : idle + 1
                try await loop.pass(1)
            }
            #expect(sent < 64 << 20, "the peer is held up")
            // All of it comes once the peer reads.
            var received = 0
            for _ in 0..<5000 where received < sent {
                received += peer.receive()?.utf8.count ?? 0
                try await loop.pass(1)
            }
            #expect(received == sent && transmitted.value == sent)
            pair.stream.close()
        }
    }

    @Test("A consumer that stops receiving stops the filter, and what is under way is kept", arguments: backends)
    func inputBackpressure(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop, tcp: true)
            let (stream, consumer, peer) = (pair.stream, pair.consumer, pair.peer)
            stream.startReceiving()
            peer.send("h")
            try await loop.until { !stream.isHandshaking }
            consumer.consumes = false
            consumer.onReceived = { stream, _ in stream.stopReceiving() }
            let piece = [UInt8](repeating: 65, count: 1 << 18)
            var sent = 0
            var idle = 0
            while idle < 20 {
                let count = peer.send(piece)
                if count > 0 { sent += count }
                idle = count > 0 ? 0 : idle + 1
                try await loop.pass(1)
            }
            #expect(stream.unconsumedCount < 1 << 20 && stream.unconsumedCount > 0)
            consumer.consumes = true
            consumer.onReceived = nil
            stream.resumeInput()
            stream.startReceiving()
            try await loop.until { consumer.received.count == sent }
            stream.close()
        }
    }

    @Test("A file goes through the filter in pieces; one that is too short breaks the connection", arguments: backends)
    func files(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let file = try #require(tmpfile())
            defer { fclose(file) }
            let size = 300_000
            let content = (0..<size).map { UInt8(65 + $0 % 26) }
            fwrite(content, 1, size, file)
            fflush(file)
            for length in [size - 7, size] {
                let pair = try FilteredPair(loop)
                pair.peer.send("h")
                pair.stream.enqueue("head ")
                pair.stream.enqueue(try OpenFile(descriptor: dup(fileno(file))), 7..<7 + length)
                pair.stream.enqueue(" tail")
                pair.stream.closeAfterOutput()
                var received = ""
                while let some = pair.peer.receive() {
                    received += some
                    try await loop.pass(1)
                }
                try await loop.until { pair.consumer.reason != nil }
                let whole = "head " + text(Array(content[7...]))
                if length < size {
                    #expect(received == whole + " tail!")
                } else {
                    #expect(received == whole)
                    guard case .failed(let error)? = pair.consumer.reason, error.errnoCode == ENODATA else {
                        Issue.record("closed for \(String(describing: pair.consumer.reason))")
                        return
                    }
                }
            }
        }
    }

    @Test("Output after a half-close is an error, as without a filter", arguments: backends)
    func outputAfterEnd(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop)
            pair.peer.send("h")
            pair.stream.shutDownAfterOutput()
            try await loop.until { pair.peer.receive() == "!" }
            pair.stream.enqueue("more")
            try await loop.until { pair.consumer.reason != nil }
            guard case .failed(let error)? = pair.consumer.reason, error.errnoCode == EPIPE else {
                Issue.record("closed for \(String(describing: pair.consumer.reason))")
                return
            }
        }
    }
}
