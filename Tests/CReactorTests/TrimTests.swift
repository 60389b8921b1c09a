import CReactor
import Glibc
import Testing

/// Giving memory back after a burst.
@Suite(.serialized) struct TrimTests {
    /// The process's resident memory, in bytes.
    private var residentMemory: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 200)
        guard fgets(&line, 200, file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * sysconf(CInt(_SC_PAGESIZE))
    }

    @Test("Resident memory returns after many concurrent receives and sends", arguments: Backend.available)
    func memoryReturns(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let size = Int(reactor_buffer_size(reactor.raw))
        let piece = [UInt8](repeating: 1, count: size)
        let pairs = try (0..<400).map { _ in try Sockets.unixPair() }
        defer { for pair in pairs { close(pair.theirs) } }
        for pair in pairs { reactor_recv_start(reactor.raw, try reactor.adopt(pair.ours)) }
        _ = reactor.settle()
        #expect(!reactor_is_trimmable(reactor.raw))
        var events = [reactor_event](repeating: reactor_event(), count: 400)
        for round in 0..<3 {
            let before = residentMemory
            for pair in pairs { Sockets.write(pair.theirs, piece) }
            var received = 0
            while received < 400 * size {
                // Without copies of the bytes, which would be counted, too.
                let count = reactor_wait(reactor.raw, &events, 400, 1_000_000_000)
                try #require(count > 0)
                for event in events[..<Int(count)] {
                    received += Int(event.result)
                    reactor.heldBuffers.append(event.buffer)
                }
            }
            var id: UInt32 = 0
            var data: UnsafeMutableRawPointer?
            for _ in 0..<400 where reactor_buffer_acquire(reactor.raw, &id, &data) == 0 {
                data.map { _ = memset($0, 1, size) }
                reactor.heldBuffers.append(id)
            }
            let full = residentMemory
            #expect(full - before > 600 * size, "round \(round)")
            #expect(!reactor_is_trimmable(reactor.raw), "all are held")
            reactor_trim(reactor.raw)
            // What is held stays; the allocator gives back some free memory of the tests before.
            #expect(residentMemory > full - 400 * size)
            reactor.releaseHeldBuffers()
            #expect(reactor_is_trimmable(reactor.raw))
            let calls = reactor.statistics.syscalls
            reactor_trim(reactor.raw)
            #expect(reactor.statistics.syscalls - calls < 100)
            #expect(!reactor_is_trimmable(reactor.raw))
            // A few buffers of either kind stay, and pages that a buffer shares with a neighbour that stays.
            #expect(residentMemory - before < 100 * size, "round \(round)")
            // Few connections at a time do not fill it again.
            for pair in pairs[..<100] {
                Sockets.write(pair.theirs, piece)
                #expect(reactor.collect { !$0.isEmpty }.first?.bytes == piece)
            }
        }
    }

    @Test("Bytes that were received and not yet reported survive", arguments: Backend.available)
    func pendingBytes(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let pairs = try (0..<200).map { _ in try Sockets.unixPair() }
        defer { for pair in pairs { close(pair.theirs) } }
        let handles = try pairs.enumerated().map { try reactor.adopt($1.ours, context: UInt64($0)) }
        // In the second round io_uring has got many buffers, and fills them all before the first is reported.
        for round in 0..<3 {
            for (index, pair) in pairs.enumerated() {
                Sockets.write(pair.theirs, [UInt8](repeating: UInt8(truncatingIfNeeded: index &+ round), count: 9000))
            }
            for handle in handles { reactor_recv_start(reactor.raw, handle) }
            var event = reactor_event()
            var received = 0
            while received < 200 * 9000 {
                try #require(reactor_wait(reactor.raw, &event, 1, 1_000_000_000) == 1)
                let bytes = UnsafeRawBufferPointer(start: event.data, count: Int(event.result))
                let expected = UInt8(truncatingIfNeeded: Int(event.context) &+ round)
                #expect(bytes.first == expected && bytes.last == expected)
                received += bytes.count
                reactor_buffer_release(reactor.raw, event.buffer)
                if round > 0 { reactor_trim(reactor.raw) }
            }
            for handle in handles { reactor_recv_stop(reactor.raw, handle) }
            #expect(reactor.settle().isEmpty)
        }
    }
}
