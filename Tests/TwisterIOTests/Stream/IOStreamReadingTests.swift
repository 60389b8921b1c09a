import Glibc
import Testing
import TwisterTestSupport

@testable import TwisterIO

@Suite("IOStream, reading")
struct IOStreamReadingTests {
    @Test("S-26, IOS-3 to IOS-7: each way to read", arguments: backends)
    func reads(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            peer.send("one\r\ntwo;12345partialintorest of it")
            #expect(text(try await stream.readUntil("\r\n")) == "one\r\n")
            #expect(text(try await stream.readUntilRegex(BytePattern("[;,]"))) == "two;")
            #expect(text(try await stream.readBytes(5)) == "12345")
            #expect(try await stream.readBytes(0) == [])
            #expect(text(try await stream.readBytes(7, partial: true)) == "partial")
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
            defer { memory.deallocate() }
            #expect(try await stream.readInto(memory) == 4)
            #expect(text(Array(memory)) == "into")
            peer.shutDown()
            #expect(text(try await stream.readUntilClose()) == "rest of it")
            // Half-closed: the response still goes out.
            try await stream.write("answer")
            try await stream.flush()
            var answer = ""
            try await loop.until {
                answer += text(peer.receive())
                return answer == "answer"
            }
            stream.close()
        }
    }

    @Test("S-26: split at every byte position gives equal results", arguments: backends)
    func splits(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let message = Array("alpha\r\nbeta;gamma".utf8)
            for cut in 0...message.count {
                let (stream, peer) = try makeStream(loop, tcp: true)
                peer.send(message[..<cut])
                let reading = inTask(loop, stream) { stream in
                    try await [
                        stream.readUntil("\r\n"), stream.readUntilRegex(BytePattern("[a-z]+;")), stream.readBytes(5),
                    ].map(text)
                }
                try await loop.pass(2)
                peer.send(message[cut...])
                #expect(try await reading.value == ["alpha\r\n", "beta;", "gamma"])
                stream.close()
            }
        }
    }

    @Test("IOS-2, IOS-14: a second read throws, and the first goes on", arguments: backends)
    func oneOutstandingRead(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            let first = inTask(loop, stream) { text(try await $0.readBytes(3)) }
            try await loop.pass()
            #expect(stream.isReading)
            await #expect(throws: AlreadyReadingError.self) { try await stream.readBytes(1) }
            peer.send("abc")
            #expect(try await first.value == "abc")
            #expect(!stream.isReading)
            stream.close()
        }
    }

    @Test("IOS-3, IOS-4: over maxBytes: UnsatisfiableReadError, closed", arguments: backends)
    func unsatisfiable(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            for early in [true, false] {
                let (stream, peer) = try makeStream(loop)
                if early { peer.send("0123456789") }
                let read = inTask(loop, stream) { _ = try await $0.readUntil("\n", maxBytes: 5) }
                try await loop.pass()
                if !early { peer.send("0123456789") }
                await #expect(throws: UnsatisfiableReadError.self) { try await read.value }
                #expect(stream.isClosed)
                let error = await #expect(throws: StreamClosedError.self) { try await stream.readBytes(1) }
                guard case .error(let reason)? = error?.realError else {
                    Issue.record("realError is \(String(describing: error))")
                    return
                }
                #expect(reason is UnsatisfiableReadError)
            }
        }
    }

    @Test("IOS-1, IOS-9, S-27: over maxBufferSize: StreamBufferFullError, closed", arguments: backends)
    func bufferFull(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            #expect(stream.maxBufferSize == 104_857_600)
            stream.maxBufferSize = 1000
            let read = inTask(loop, stream) { _ = try await $0.readUntilClose() }
            try await loop.pass()
            peer.send([UInt8](repeating: 0, count: 1001))
            await #expect(throws: StreamBufferFullError.self) { try await read.value }
            #expect(stream.isClosed)
        }
    }

    @Test("S-27: readChunkSize is the size of one receive", arguments: backends)
    func chunkSize(backend: IOBackend) async throws {
        var configuration = IOLoop.Configuration(backend: backend)
        configuration.readChunkSize = 1024
        let group = try await IOLoopGroup(count: 1, configuration: configuration)
        let loop = group.loops[0]
        let result = await Task(executorPreference: loop) {
            let (stream, peer) = try makeStream(loop)
            #expect(stream.readChunkSize == 1024)
            peer.send([UInt8](repeating: 7, count: 10_000))
            #expect(try await stream.readBytes(9999, partial: true).count <= 1024)
            stream.close()
        }.result
        await group.stop()
        try result.get()
    }

    @Test("Nothing is received while nobody reads, beyond a bound; all of it comes later", arguments: backends)
    func backPressure(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop, tcp: true)
            peer.send("x")
            _ = try await stream.readBytes(1)
            let piece = [UInt8](repeating: 1, count: 1 << 20)
            let sent = Box(0)
            for _ in 0..<20 {
                sent.value += peer.send(piece)
                try await loop.pass(2)
            }
            // A batch that was under way may still come; nothing like what the peer has to send. A filter that delays hears
            // later that nobody reads.
            #expect(stream.input.count < (TestFilter.current == .delay ? 4 << 20 : 1 << 20))
            let total = 30 << 20
            let sender = inTask(loop, peer) { peer in
                while sent.value < total {
                    let count = peer.send(piece.prefix(total - sent.value))
                    sent.value += count
                    if count == 0 { try await loop.pass(1) }
                }
            }
            #expect(try await stream.readBytes(total).count == total)
            try await sender.value
            stream.close()
        }
    }

    @Test("A cancelled read takes nothing, and the next one begins where it began", arguments: backends)
    func cancellation(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 1)
            defer { memory.deallocate() }
            let transfer = LoopBound(memory)
            peer.send("abc")
            let readings = [
                inTask(loop, stream) { _ = try await $0.readUntil("\n") },
                inTask(loop, stream) { _ = try await $0.readInto(transfer.value) },
            ]
            // The second is refused at once or reads after the first; here it comes second and is refused.
            try await loop.pass()
            readings[0].cancel()
            await #expect(throws: CancellationError.self) { try await readings[0].value }
            await #expect(throws: AlreadyReadingError.self) { try await readings[1].value }
            let into = inTask(loop, stream) { _ = try await $0.readInto(transfer.value) }
            try await loop.pass()
            peer.send("def")
            try await loop.pass()
            into.cancel()
            await #expect(throws: CancellationError.self) { try await into.value }
            #expect(!stream.isClosed)
            #expect(text(try await stream.readBytes(6)) == "abcdef")
            stream.close()
        }
    }

    @Test("IOS-12: the close callback comes once, after the outstanding read got its result", arguments: backends)
    func closeCallback(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            let log = Box<[String]>([])
            let read = inTask(loop, stream) { stream in
                do { _ = try await stream.readBytes(5) } catch { log.value.append("read") }
            }
            try await loop.pass()
            stream.setCloseCallback { log.value.append("closed") }
            peer.send("abc")
            peer.close()
            try await read.value
            try await loop.until { log.value.count == 2 }
            stream.close()
            try await loop.pass()
            #expect(log.value == ["read", "closed"])
            #expect(stream.isClosed)
        }
    }

    @Test(
        "IOS-12: the close callback notices the end of an idle stream; what was sent before stays readable",
        arguments: backends)
    func idleClose(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            let isClosed = Box(false)
            stream.setCloseCallback { isClosed.value = true }
            try await loop.pass()
            #expect(!isClosed.value)
            peer.send("last words")
            peer.close()
            try await loop.until { isClosed.value }
            #expect(text(try await stream.readUntil("words")) == "last words")
            let error = await #expect(throws: StreamClosedError.self) { try await stream.readBytes(1) }
            guard case .endedByPeer? = error?.realError else {
                Issue.record("realError is \(String(describing: error))")
                return
            }
        }
    }

    @Test("IOS-12: the close callback notices a reset, however many bytes nobody reads", arguments: backends)
    func resetWhileHeldUp(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop, tcp: true)
            let isClosed = Box(false)
            stream.setCloseCallback { isClosed.value = true }
            peer.send(String(repeating: "x", count: 90_000))
            try await loop.until { stream.unconsumedCount > 65_536 }
            setLinger(peer.fd)
            peer.close()
            try await loop.until { isClosed.value }
        }
    }

    @Test("IOS-13, IOS-21: close(error:) and a reset are the reason that readers see", arguments: backends)
    func closeReasons(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, open) = try makeStream(loop)
            let read = inTask(loop, stream) { _ = try await $0.readBytes(5) }
            try await loop.pass()
            stream.close(error: TestFailure(number: 3))
            let error = await #expect(throws: StreamClosedError.self) { try await read.value }
            open.close()
            guard case .error(let reason)? = error?.realError else {
                Issue.record("realError is \(String(describing: error))")
                return
            }
            #expect(reason as? TestFailure == TestFailure(number: 3))

            let (reset, peer) = try makeStream(loop, tcp: true)
            let second = inTask(loop, reset) { _ = try await $0.readBytes(5) }
            try await loop.pass()
            setLinger(peer.fd)
            peer.close()
            let closed = await #expect(throws: StreamClosedError.self) { try await second.value }
            guard case .failed(let failure)? = closed?.realError else {
                Issue.record("realError is \(String(describing: closed))")
                return
            }
            #expect(failure.errnoCode == ECONNRESET)
        }
    }

    @Test("IOS-5: the end leaves a read unsatisfied: StreamClosedError", arguments: backends)
    func endTooEarly(backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let (stream, peer) = try makeStream(loop)
            peer.send("abc")
            peer.shutDown()
            await #expect(throws: StreamClosedError.self) { try await stream.readBytes(5) }
            try await loop.until { stream.isClosed }
        }
    }
}
