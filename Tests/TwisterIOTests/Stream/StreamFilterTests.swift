import Glibc
import Testing

@testable import TwisterIO

/// What a filter may rely on, and what a stream's consumer sees of it.
@Suite("StreamFilter")
struct StreamFilterTests {
    // MARK: Handshake

    @Test("No output flows before the handshake is finished; the order is kept", arguments: backends)
    func handshake(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let isOpened = Box(false)
            let pair = try FilteredPair(loop) { isOpened.value = true }
            let (stream, peer) = (pair.stream, pair.peer)
            #expect(stream.filter === pair.filter && stream.isHandshaking)
            stream.startReceiving()
            stream.enqueue("one ")
            pair.filter.host?.transmit(Array("hello ".utf8))
            try await loop.until { peer.receive() == "hello " }
            stream.enqueue("two ")
            try await loop.pass()
            #expect(peer.receive() == "" && !isOpened.value)
            peer.send("hin")
            try await loop.until { pair.consumer.received == Array("in".utf8) }
            #expect(isOpened.value && !stream.isHandshaking)
            try await loop.until { peer.receive() == "one two " }
            stream.enqueue("three")
            try await loop.until { peer.receive() == "three" }
            stream.close()
            try await loop.until { pair.filter.log.last == "closed" }
            #expect(stream.filter == nil)
        }
    }

    @Test(
        "A consumer that does not receive does not hold up the handshake, and gets nothing after it",
        arguments: backends)
    func pausedHandshake(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop)
            let (stream, peer) = (pair.stream, pair.peer)
            stream.startReceiving()
            stream.stopReceiving()
            peer.send("h")
            try await loop.until { !stream.isHandshaking }
            peer.send("later")
            try await loop.pass(20)
            #expect(pair.consumer.received.isEmpty && pair.filter.receivedCount == 1)
            stream.startReceiving()
            try await loop.until { pair.consumer.received == Array("later".utf8) }
            stream.close()
        }
    }

    @Test("What is decided with the handshake chooses the consumer, before it gets bytes", arguments: backends)
    func choice(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let other = Box(ScriptedConsumer())
            let held = Box<IOStream?>(nil)
            let pair = try FilteredPair(loop) {
                held.value?.consumer = other.value
                held.value?.startReceiving()
            }
            held.value = pair.stream
            pair.peer.send("hbytes")
            try await loop.until { other.value.received == Array("bytes".utf8) }
            #expect(pair.consumer.log.isEmpty)
            pair.stream.close()
            held.value = nil
        }
    }

    @Test(
        "A handshake that takes too long closes the stream, with output and deadlines of its own", arguments: backends)
    func deadline(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop, handshakeTimeout: .milliseconds(60))
            let stream = pair.stream
            stream.enqueue("waits")
            stream.setDeadline(loop.now + 20_000_000)
            let duration = try await elapsed { try await loop.until { pair.consumer.reason != nil } }
            #expect(pair.consumer.log == ["deadline", "closed"])
            #expect(duration >= .milliseconds(40))
            guard case .error(let error)? = pair.consumer.reason, error is HandshakeTimeoutError else {
                Issue.record("closed for \(String(describing: pair.consumer.reason))")
                return
            }
            #expect(pair.peer.receive() == nil)
        }
    }

    @Test("The deadline of a handshake ends with it; the stream's own goes on", arguments: backends)
    func deadlineEnds(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            // Where the machine is too busy, the handshake takes too long: then it is done again.
            for _ in 0..<20 {
                let isOpened = Box(false)
                let pair = try FilteredPair(loop, handshakeTimeout: .milliseconds(50)) { isOpened.value = true }
                pair.stream.setDeadline(loop.now + 100_000_000)
                pair.peer.send("h")
                try await loop.until { isOpened.value || pair.stream.isClosed }
                guard isOpened.value else { continue }
                try await loop.until { pair.consumer.log == ["deadline"] }
                try await loop.pass(50)
                #expect(!pair.stream.isClosed && pair.consumer.log == ["deadline"])
                pair.stream.close()
                return
            }
            Issue.record("no handshake within its time")
        }
    }

    @Test("A handshake that fails sends its alert before the stream closes with the error", arguments: backends)
    func refused(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            for tcp in [false, true] {
                let pair = try FilteredPair(loop, tcp: tcp)
                pair.stream.startReceiving()
                pair.peer.send("x and much more that nobody reads")
                try await loop.until { pair.peer.receive() == "alert" }
                try await loop.until { pair.peer.receive() == nil }
                pair.peer.close()
                try await loop.until { pair.consumer.reason != nil }
                guard case .error(let error)? = pair.consumer.reason, error is ScriptedFilter.Refused else {
                    Issue.record("closed for \(String(describing: pair.consumer.reason))")
                    return
                }
                #expect(pair.consumer.received.isEmpty)
            }
        }
    }

    @Test("The peer's end or reset within a handshake closes the stream", arguments: backends)
    func brokenHandshake(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let ended = try FilteredPair(loop, tcp: true)
            ended.peer.shutDown()
            let reset = try FilteredPair(loop, tcp: true)
            reset.stream.enqueue("waits")
            setLinger(reset.peer.fd)
            reset.peer.close()
            try await loop.until { ended.consumer.reason != nil && reset.consumer.reason != nil }
            if case .error(let error)? = ended.consumer.reason {
                #expect(error is ScriptedFilter.Truncated)
            } else {
                Issue.record("closed for \(String(describing: ended.consumer.reason))")
            }
            if case .failed(let error)? = reset.consumer.reason {
                #expect(error.errnoCode == ECONNRESET)
            } else {
                Issue.record("closed for \(String(describing: reset.consumer.reason))")
            }
            #expect(reset.filter.log == ["start", "closed"])
        }
    }

    @Test("Close during a handshake is at once; a half-close waits for the handshake", arguments: backends)
    func closeInHandshake(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let closing = try FilteredPair(loop)
            closing.stream.closeAfterOutput()
            try await loop.until { closing.consumer.reason != nil }
            #expect(closing.filter.log == ["start", "closed"])

            let shutting = try FilteredPair(loop)
            shutting.stream.shutDownAfterOutput()
            try await loop.pass()
            #expect(shutting.peer.receive() == "")
            shutting.peer.send("h")
            try await loop.until { shutting.peer.receive() == "!" }
            try await loop.until { shutting.peer.receive() == nil }
            #expect(!shutting.stream.isClosed)
            shutting.stream.close()
        }
    }

    // MARK: Ends

    @Test("close, linger and half-close wait until the filter's last bytes are sent", arguments: backends)
    func lastBytes(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            for how in 0..<3 {
                let pair = try FilteredPair(loop)
                let (stream, peer) = (pair.stream, pair.peer)
                pair.filter.atEnd = .wait
                stream.startReceiving()
                peer.send("h")
                try await loop.until { !stream.isHandshaking }
                stream.enqueue("last words")
                switch how {
                case 0: stream.closeAfterOutput()
                case 1: stream.lingerAfterOutput()
                default: stream.shutDownAfterOutput()
                }
                try await loop.until { peer.receive() == "last words" }
                #expect(pair.filter.log.last == "sendEnd" && !stream.isClosed)
                pair.filter.transmitEnd()
                try await loop.until { peer.receive() == "!" }
                try await loop.until { peer.receive() == nil }
                #expect(stream.isClosed == (how == 0))
                // The socket's own end after that.
                if how == 2 { stream.closeAfterOutput() } else { peer.close() }
                try await loop.until { pair.consumer.reason != nil }
                guard case .closedHere? = pair.consumer.reason else {
                    Issue.record("closed for \(String(describing: pair.consumer.reason))")
                    return
                }
            }
        }
    }

    @Test("A peer that does not take the filter's last bytes is given up after 30 s", arguments: backends)
    func lastBytesNotTaken(_ backend: IOBackend) async throws {
        let clock = ManualClock()
        try await withLoop(backend, clock: clock) { loop in
            func turn() {
                for _ in 0..<3 {
                    loop.callLater(.zero) { loop.stop() }
                    loop.run()
                }
            }
            let pair = try FilteredPair(loop)
            pair.filter.atEnd = .wait
            pair.peer.send("h")
            pair.stream.closeAfterOutput()
            pair.stream.enqueue("x")
            turn()
            clock.advance(by: .seconds(29), waking: loop)
            turn()
            #expect(!pair.stream.isClosed)
            clock.advance(by: .seconds(2), waking: loop)
            turn()
            guard case .failed(let error)? = pair.stream.closeReason, error.errnoCode == ETIMEDOUT else {
                Issue.record("closed for \(String(describing: pair.stream.closeReason))")
                return
            }
        }
    }

    @Test("An end that comes too early is an error; what came before stays readable", arguments: backends)
    func truncated(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            for isWaiting in [true, false] {
                let (mine, theirs) = makeSocketPair()
                let peer = BarePeer(theirs)
                let stream = try IOStream(loop, fileDescriptor: mine)
                stream.addFilter(ScriptedFilter())
                peer.send("hline\nrst")
                #expect(text(try await stream.readUntil("\n")) == "line\n")
                let whole = isWaiting ? inTask(loop, stream) { _ = try await $0.readUntilClose() } : nil
                try await loop.pass()
                peer.shutDown()
                try await loop.until { stream.isClosed }
                if let whole { await #expect(throws: StreamClosedError.self) { try await whole.value } }
                let error = await #expect(throws: StreamClosedError.self) { try await stream.readUntilClose() }
                guard case .error(let reason)? = error?.realError, reason is ScriptedFilter.Truncated else {
                    Issue.record("realError is \(String(describing: error))")
                    return
                }
                #expect(text(try await stream.readBytes(3)) == "rst")
            }
        }
    }

    @Test(
        "An end that the filter sees is the peer's end: output goes on, and the socket's end adds nothing",
        arguments: backends)
    func filteredEnd(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop)
            let (stream, peer) = (pair.stream, pair.peer)
            stream.startReceiving()
            peer.send("hwhole")
            peer.send("!")
            try await loop.until { pair.consumer.log.last == "ended" }
            #expect(stream.isPeerEnded)
            peer.shutDown()
            try await loop.pass(10)
            stream.startReceiving()
            stream.enqueue("response")
            try await loop.until { peer.receive() == "response" }
            #expect(pair.consumer.received == Array("whole".utf8))
            #expect(pair.consumer.log.count { $0 == "ended" || $0.hasPrefix("left") } == 1)
            stream.closeAfterOutput()
            try await loop.until { pair.consumer.reason != nil }
        }
    }

    @Test("Nothing that a filter says after the stream is closed has an effect", arguments: backends)
    func afterClose(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let pair = try FilteredPair(loop)
            pair.peer.send("h")
            try await loop.until { !pair.stream.isHandshaking }
            let host = try #require(pair.filter.host)
            pair.stream.close()
            for _ in 0..<2 {
                host.handshakeFinished()
                host.transmit([1])
                [UInt8](repeating: 1, count: 3).withUnsafeBytes { host.deliver($0) }
                host.deliverEnd()
                host.transmitEnd()
                host.fail(ScriptedFilter.Refused())
                try await loop.until { pair.consumer.reason != nil }
            }
            #expect(pair.consumer.log == ["closed"])
            guard case .closedHere? = pair.stream.closeReason else {
                Issue.record("closed for \(String(describing: pair.stream.closeReason))")
                return
            }
        }
    }

    @Test("A filter that fails while its stream works ends its reads and writes with its error", arguments: backends)
    func fails(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (mine, theirs) = makeSocketPair()
            let peer = BarePeer(theirs)
            let stream = try IOStream(loop, fileDescriptor: mine)
            let filter = Box(ScriptedFilter())
            stream.addFilter(filter.value)
            let read = inTask(loop, stream) { _ = try await $0.readBytes(100) }
            let write = inTask(loop, stream) { try await $0.write([UInt8](repeating: 1, count: 8 << 20)) }
            peer.send("h")
            try await loop.until { !stream.isHandshaking }
            try await loop.pass()
            filter.value.host?.fail(ScriptedFilter.Refused())
            for task in [read, write] {
                let error = await #expect(throws: StreamClosedError.self) { try await task.value }
                guard case .error(let reason)? = error?.realError, reason is ScriptedFilter.Refused else {
                    Issue.record("realError is \(String(describing: error))")
                    return
                }
            }
            peer.close()
            try await loop.until { loop.statistics.connections == 0 }
        }
    }
}
