import Glibc
import Synchronization
import Testing
import TwisterTestSupport

@testable import TwisterIO

/// Files that are not in the page cache. Those of the tests have a hole for their content, which is read like any other.
@Suite("SentFile")
struct SentFileTests {
    /// Does what blocks when the test says so.
    private final class ScriptedLoop: BlockingWorkLoop {
        private let waiting = Mutex<[@Sendable () -> Void]>([])

        var count: Int { waiting.withLock(\.count) }

        func runBlocking(_ work: @escaping @Sendable () -> Void, then: @escaping @Sendable () -> Void) {
            waiting.withLock {
                $0.append {
                    work()
                    then()
                }
            }
        }

        func run() {
            for work in waiting.withLock({ (waiting: inout [@Sendable () -> Void]) in
                defer { waiting = [] }
                return waiting
            }) {
                work()
            }
        }
    }

    private static let mebibyte = 1 << 20

    /// An open file without content that the kernel would have in its cache, and without a name.
    private func makeHole(_ size: Int) throws -> OpenFile {
        let file = try #require(tmpfile())
        defer { fclose(file) }
        ftruncate(fileno(file), size)
        return try OpenFile(descriptor: dup(fileno(file)))
    }

    private static func connect(
        _ loop: IOLoop, filtered: Bool
    ) throws -> (IOStream, ScriptedConsumer, BarePeer) {
        let (mine, theirs) = makeSocketPair()
        let peer = BarePeer(theirs)
        let stream = try IOStream(loop, fileDescriptor: mine)
        let consumer = ScriptedConsumer()
        stream.consumer = consumer
        if filtered {
            stream.addFilter(ScriptedFilter())
            peer.send("h")
        }
        return (stream, consumer, peer)
    }

    @Test("BH-6: the next part is read while one is sent, and no part is read twice")
    func ahead() throws {
        let size = 3 * Self.mebibyte + 200_000
        let loop = ScriptedLoop()
        let sent = SentFile(try makeHole(size), 0..<size, loop)
        let resumed = Box(0)
        func isReady(_ range: Range<Int>) -> Bool { sent.isReady(range) { resumed.value += 1 } }
        #expect(!isReady(0..<100))
        #expect(loop.count == 1 && resumed.value == 0)
        // A second question does not have it read twice.
        #expect(!isReady(0..<100))
        #expect(loop.count == 1)
        loop.run()
        #expect(resumed.value == 1)
        #expect(isReady(0..<100) && isReady(100..<Self.mebibyte))
        #expect(loop.count == 1, "the second part is read ahead")
        #expect(!isReady(Self.mebibyte - 50..<Self.mebibyte + 50))
        #expect(loop.count == 1)
        loop.run()
        #expect(resumed.value == 2 && loop.count == 1)
        #expect(isReady(Self.mebibyte - 50..<2 * Self.mebibyte))
        // The third part is there before anyone asks for it.
        loop.run()
        #expect(resumed.value == 2)
        #expect(isReady(2 * Self.mebibyte..<3 * Self.mebibyte))
        #expect(loop.count == 1)
        loop.run()
        #expect(isReady(3 * Self.mebibyte..<size))
        #expect(loop.count == 0 && resumed.value == 2)
    }

    @Test("BH-6: nothing is read of a file that the kernel has in its cache")
    func warm() throws {
        let size = 3 * Self.mebibyte
        let loop = ScriptedLoop()
        let file = try makeHole(size)
        file.load(0..<size)
        let sent = SentFile(file, 10..<size, loop)
        for start in stride(from: 10, to: size, by: 100_000) {
            #expect(sent.isReady(start..<min(start + 100_000, size)) { Issue.record("resumed") })
        }
        #expect(loop.count == 0)
    }

    @Test("BH-6: a file that has become shorter is asked for once")
    func shorter() throws {
        let loop = ScriptedLoop()
        let file = try makeHole(2 * Self.mebibyte)
        let sent = SentFile(file, 0..<2 * Self.mebibyte, loop)
        ftruncate(file.descriptor, 0)
        let isResumed = Box(false)
        #expect(!sent.isReady(0..<100) { isResumed.value = true })
        loop.run()
        // Sending it will fail.
        #expect(isResumed.value && sent.isReady(0..<100) {})
        // Of the part that is read ahead nothing is there either; until it was read, loop and file hold each other.
        loop.run()
        #expect(loop.count == 0)
    }

    @Test("BH-6: a cold file goes out in order", arguments: testedBackends, [false, true])
    func sent(_ backend: IOBackend, filtered: Bool) async throws {
        let size = 2 * Self.mebibyte + 77
        let file = try makeHole(size)
        #expect(!file.isCached(0..<size))
        try await onLoop(backend) { loop in
            let (stream, consumer, peer) = try Self.connect(loop, filtered: filtered)
            stream.enqueue("head")
            stream.enqueue(file, 0..<size)
            stream.enqueue("tail")
            stream.closeAfterOutput()
            var received: [UInt8] = []
            while let some = peer.receive() {
                received += Array(some.utf8)
                try await loop.pass(1)
            }
            try await loop.until { consumer.reason != nil }
            let end = filtered ? "tail!" : "tail"
            #expect(received.count == 4 + size + end.utf8.count)
            #expect(text(Array(received.prefix(5))) == "head\0" && text(Array(received.suffix(end.utf8.count))) == end)
        }
    }

    @Test(
        "BH-6: a stream that closes while its file is being read closes once", arguments: testedBackends, [false, true])
    func closed(_ backend: IOBackend, filtered: Bool) async throws {
        let size = 4 * Self.mebibyte
        let file = try makeHole(size)
        let pool = ExecutorPool(size: 1)
        defer { pool.shutDown() }
        let (gate, key) = makeSocketPair()
        // The only thread waits, and so does the file.
        let waiting = Task {
            try await pool.run {
                var byte: UInt8 = 0
                _ = write(gate, &byte, 1)
                _ = read(gate, &byte, 1)
            }
        }
        var begun: UInt8 = 0
        #expect(read(key, &begun, 1) == 1)
        try await onLoop(backend) { loop in
            loop.setDefaultExecutor(pool)
            let (stream, consumer, peer) = try Self.connect(loop, filtered: filtered)
            defer { peer.close() }
            stream.enqueue(file, 0..<size)
            try await loop.until { stream.sending == .awaitsFile }
            #expect(stream.outputCount == size)
            stream.close()
            #expect(stream.outputCount == 0)
            close(key)
            try await waiting.value
            try await pool.run {}
            try await loop.pass(20)
            #expect(stream.outputCount == 0 && consumer.log.filter { $0 == "closed" }.count == 1)
        }
        close(gate)
    }
}
