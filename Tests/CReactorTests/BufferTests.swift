import CReactor
import Glibc
import Testing

/// The pool of buffers: running empty, recovering, and giving back.
@Suite struct BufferTests {
    @Test(
        "The pool runs empty without a spin, and everything arrives once buffers come back",
        arguments: Backend.available)
    func runsEmpty(backend: Backend) throws {
        let reactor = try TestReactor(backend) {
            $0.receive_buffers = 8
            $0.buffer_size = 1000
        }
        reactor.holdsBuffers = true
        let pairs = try (0..<20).map { _ in try Sockets.tcpPair() }
        for (index, pair) in pairs.enumerated() {
            reactor_recv_start(reactor.raw, try reactor.adopt(pair.ours, context: UInt64(index)))
            Sockets.write(pair.theirs, (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index) })
        }
        var received = Array(repeating: [UInt8](), count: 20)
        func note(_ events: [Event]) { for event in events { received[Int(event.context)] += event.bytes } }
        note(
            reactor.collect { _ in
                reactor.statistics.receive_buffers_out == 8 && reactor.statistics.receive_pauses > 0
            })
        note(reactor.settle())
        #expect(reactor.statistics.receive_buffers_out == 8)
        #expect(reactor.isQuiet(limit: 3), "no spin while there is no buffer")
        var rounds = 0
        while received.contains(where: { $0.count < 3000 }), rounds < 200 {
            reactor.releaseHeldBuffers()
            note(reactor.wait(milliseconds: 100))
            rounds += 1
        }
        for index in 0..<20 {
            #expect(received[index] == (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index) })
        }
        #expect(rounds <= 60)
        // Then it is as it was before.
        reactor.releaseHeldBuffers()
        for pair in pairs { close(pair.theirs) }
        let ends = reactor.collect { $0.count == 20 }
        #expect(ends.allSatisfy { $0.type == REACTOR_END && $0.result == 0 })
        #expect(reactor.statistics.receive_buffers_out == 0)
    }

    @Test(
        "More connections send at once than a backend has buffers ready for: all get one", arguments: Backend.available)
    func manyAtOnce(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        reactor.holdsBuffers = true
        let pairs = try (0..<200).map { _ in try Sockets.tcpPair() }
        for (index, pair) in pairs.enumerated() {
            reactor_recv_start(reactor.raw, try reactor.adopt(pair.ours, context: UInt64(index)))
            Sockets.write(pair.theirs, [UInt8(index)])
        }
        let events = reactor.collect { $0.count == 200 }
        #expect(Set(events.map(\.context)) == Set(0..<200))
        #expect(events.allSatisfy { $0.bytes == [UInt8($0.context)] })
        #expect(reactor.statistics.receive_buffers_out == 200, "each holds its own")
        #expect(reactor.statistics.receive_pauses == 0, "the pool was never empty")
        reactor.releaseHeldBuffers()
        for pair in pairs { close(pair.theirs) }
        #expect(reactor.collect { $0.count == 200 }.allSatisfy { $0.type == REACTOR_END })
    }

    @Test("A connection that waits for a buffer can stop and close", arguments: Backend.available)
    func closesWhileWaiting(backend: Backend) throws {
        let reactor = try TestReactor(backend) { $0.receive_buffers = 1 }
        reactor.holdsBuffers = true
        let pairs = try (0..<6).map { _ in try Sockets.tcpPair() }
        let handles = try pairs.enumerated().map { try reactor.adopt($1.ours, context: UInt64($0)) }
        for (pair, handle) in zip(pairs, handles) {
            reactor_recv_start(reactor.raw, handle)
            Sockets.write(pair.theirs, [9])
        }
        var events = reactor.settle()
        #expect(events.count == 1)
        let first = Int(events[0].context)
        let waiting = (0..<6).filter { $0 != first }
        reactor_close(reactor.raw, handles[waiting[0]])
        reactor_recv_stop(reactor.raw, handles[waiting[1]])
        events = reactor.settle()
        #expect(events.map(\.type) == [REACTOR_CLOSED])
        for _ in 0..<3 {
            reactor.releaseHeldBuffers()
            events = reactor.collect { $0.count == 1 }
            #expect(events.map(\.type) == [REACTOR_RECEIVED])
            #expect(waiting[2...].contains(Int(events[0].context)))
        }
        reactor.releaseHeldBuffers()
        #expect(reactor.settle().isEmpty)
        reactor_recv_start(reactor.raw, handles[waiting[1]])
        #expect(reactor.collect { $0.count == 1 }.map(\.context) == [UInt64(waiting[1])])
        reactor.releaseHeldBuffers()
        for pair in pairs { close(pair.theirs) }
    }

    /// Writes until the socket is full.
    private func fill(_ fd: CInt) {
        let bytes = [UInt8](repeating: 1, count: 1 << 16)
        while Sockets.write(fd, bytes) > 0 {}
    }

    /// Linux 6.18 can end a multishot receive after a given number of bytes.
    private var isMultishotLimited: Bool {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let parts = release.split(separator: ".").prefix(2).compactMap { Int($0) }
        return parts.count == 2 && (parts[0], parts[1]) >= (6, 18)
    }

    @Test(
        "A peer that sends without end: what comes after receiving was stopped is bounded", arguments: Backend.available
    )
    func boundedAfterStop(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let size = Int(reactor_buffer_size(reactor.raw))
        let pair = try Sockets.tcpPair()
        let handle = try reactor.adopt(pair.ours)
        /// The bytes that came beyond the first buffer.
        func startAndStop() -> Int {
            fill(pair.theirs)
            reactor_recv_start(reactor.raw, handle)
            var events = reactor.collect { !$0.isEmpty }
            reactor_recv_stop(reactor.raw, handle)
            for _ in 0..<3 {
                fill(pair.theirs)
                events += reactor.settle()
            }
            #expect(events.allSatisfy { $0.type == REACTOR_RECEIVED })
            return events.dropFirst().reduce(0) { $0 + $1.bytes.count }
        }
        let first = startAndStop()
        #expect(first <= (backend == .epoll ? 0 : isMultishotLimited ? 4 * size : 512 * size))
        for _ in 0..<30 { #expect(startAndStop() <= (backend == .epoll ? 0 : size)) }
        // Stopped again before anything was asked of the kernel: nothing comes.
        for _ in 0..<3 {
            reactor_recv_start(reactor.raw, handle)
            reactor_recv_stop(reactor.raw, handle)
        }
        #expect(reactor.settle().isEmpty)
        close(pair.theirs)
    }

    /// System calls but for those that wait.
    private func otherCalls(_ reactor: TestReactor) -> UInt64 {
        reactor.statistics.syscalls - reactor.statistics.waits
    }

    @Test("A connection that stops and starts for each piece costs no more system calls", arguments: Backend.available)
    func stopAndStartCost(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let pair = try Sockets.tcpPair()
        let handle = try reactor.adopt(pair.ours)
        reactor_recv_start(reactor.raw, handle)
        _ = reactor.settle()
        var before = otherCalls(reactor)
        for _ in 0..<100 {
            Sockets.write(pair.theirs, [1])
            reactor.collect { $0.contains { $0.type == REACTOR_RECEIVED } }
            reactor_recv_stop(reactor.raw, handle)
            reactor_recv_start(reactor.raw, handle)
        }
        let atOnce = otherCalls(reactor) - before
        before = otherCalls(reactor)
        for _ in 0..<100 {
            Sockets.write(pair.theirs, [1])
            reactor.collect { $0.contains { $0.type == REACTOR_RECEIVED } }
            reactor_recv_stop(reactor.raw, handle)
            Sockets.write(pair.theirs, [1])
            #expect(reactor.wait().isEmpty)
            #expect(reactor.wait().isEmpty)
            reactor_recv_start(reactor.raw, handle)
            reactor.collect { $0.contains { $0.type == REACTOR_RECEIVED } }
        }
        let withData = otherCalls(reactor) - before
        // epoll: one recv for each piece, and two epoll_ctl where data came while receiving was stopped.
        #expect(atOnce <= (backend == .epoll ? 100 : 0))
        #expect(withData <= (backend == .epoll ? 400 : 0))
        close(pair.theirs)
    }

    @Test(
        "Send buffers are acquired until none is left, and a double release does nothing", arguments: Backend.available)
    func sendBuffers(backend: Backend) throws {
        let reactor = try TestReactor(backend) {
            $0.send_buffers = 3
            $0.buffer_size = 512
        }
        #expect(reactor_buffer_size(reactor.raw) == 512)
        var ids: [UInt32] = []
        var id: UInt32 = 0
        var data: UnsafeMutableRawPointer?
        for index in 0..<3 {
            #expect(reactor_buffer_acquire(reactor.raw, &id, &data) == 0)
            let data = try #require(data)
            memset(data, CInt(index), 512)
            ids.append(id)
        }
        #expect(Set(ids).count == 3)
        #expect(reactor_buffer_acquire(reactor.raw, &id, &data) == -ENOBUFS)
        #expect(reactor.statistics.send_buffers_out == 3)
        reactor_buffer_release(reactor.raw, ids[0])
        reactor_buffer_release(reactor.raw, ids[0])
        reactor_buffer_release(reactor.raw, 1_000_000)
        reactor_buffer_release(reactor.raw, 0)
        #expect(reactor.statistics.send_buffers_out == 2)
        #expect(reactor.statistics.send_buffers_total == 3)
        #expect(reactor_buffer_acquire(reactor.raw, &id, &data) == 0)
        #expect(id == ids[0])
        #expect(reactor_buffer_acquire(reactor.raw, &id, &data) == -ENOBUFS)
    }
}
