import CReactor
import Glibc
import Testing

/// Sends: to peers that do not read, large, and from files.
@Suite struct SendTests {
    static let size = 24 << 20
    nonisolated(unsafe) static let payload: UnsafeRawBufferPointer = {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        for index in 0..<size / 8 {
            bytes.storeBytes(of: UInt64(index) &* 0x9E37_79B9_7F4A_7C15, toByteOffset: index * 8, as: UInt64.self)
        }
        return UnsafeRawBufferPointer(bytes)
    }()

    /// Reads what the peer has, between waits, until SENT; returns whether it is the payload from `offset` on.
    private func receive(_ reactor: TestReactor, _ peer: CInt, offset: Int, count: Int) -> (
        isSame: Bool, events: [Event]
    ) {
        let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: count + 1, alignment: 16)
        defer { storage.deallocate() }
        var filled = 0
        let events = reactor.collect { events in
            while filled <= count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: storage[filled...])
                let read = recv(peer, rest.baseAddress, min(300_000, rest.count), Sockets.dontWait)
                if read <= 0 { break }
                filled += read
            }
            return filled >= count && !events.isEmpty
        }
        guard filled == count, let ours = storage.baseAddress, let sent = Self.payload.baseAddress else {
            return (false, events)
        }
        // A comparison of 24 MiB element by element takes half a minute without optimisation.
        return (memcmp(ours, sent + offset, count) == 0, events)
    }

    @Test(
        "A send to a peer that does not read waits; large sends arrive whole and in order", arguments: Backend.available
    )
    func largeSend(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let pair = try Sockets.tcpPair()
        let handle = try reactor.adopt(pair.ours, context: 3)
        #expect(reactor_send(reactor.raw, handle, Self.payload.baseAddress, Self.size) == 0)
        #expect(reactor.settle().isEmpty, "the peer does not read")
        #expect(reactor_send(reactor.raw, handle, Self.payload.baseAddress, 1) == -EBUSY)
        #expect(reactor_sendfile(reactor.raw, handle, 0, 0, 1) == -EBUSY)
        #expect(reactor_shutdown(reactor.raw, handle) == -EBUSY)
        // It must not spin meanwhile.
        #expect(reactor.isQuiet(limit: 2))
        let (isSame, events) = receive(reactor, pair.theirs, offset: 0, count: Self.size)
        #expect(isSame)
        #expect(events == [Event(type: REACTOR_SENT, result: 0, handle: handle, context: 3, token: 0)])
        #expect(reactor_shutdown(reactor.raw, handle) == 0)
        var byte: UInt8 = 0
        #expect(recv(pair.theirs, &byte, 1, 0) == 0, "the peer sees the end")
        close(pair.theirs)
    }

    @Test(
        "A send that waits for a peer that has ended its side does not spin, and ends when the peer reads",
        arguments: Backend.available, [false, true])
    func halfClosedPeer(backend: Backend, isFile: Bool) throws {
        let reactor = try TestReactor(backend)
        let pair = try Sockets.tcpPair()
        let handle = try reactor.adopt(pair.ours)
        reactor_recv_start(reactor.raw, handle)
        Glibc.shutdown(pair.theirs, CInt(SHUT_WR))
        #expect(reactor.collect { !$0.isEmpty }.map(\.type) == [REACTOR_END])
        let file = try Sockets.temporaryFile()
        defer { close(file) }
        for _ in 0..<2 {
            if isFile {
                #expect(Glibc.pwrite(file, Self.payload.baseAddress, Self.size, 0) == Self.size)
                #expect(reactor_sendfile(reactor.raw, handle, file, 0, Self.size) == 0)
            } else {
                #expect(reactor_send(reactor.raw, handle, Self.payload.baseAddress, Self.size) == 0)
            }
            #expect(reactor.settle().isEmpty)
            let begin = now()
            var waits = 0
            while now() - begin < 60_000_000, waits < 30 {
                #expect(reactor.wait(milliseconds: 20).isEmpty)
                waits += 1
            }
            #expect(waits <= 15, "no spin")
            let (isSame, events) = receive(reactor, pair.theirs, offset: 0, count: Self.size)
            #expect(isSame && events.map(\.type) == [REACTOR_SENT] && events.first?.result == 0)
        }
        close(pair.theirs)
    }

    @Test("sendfile sends a range, and says ENODATA where the file ends early", arguments: Backend.available)
    func sendFile(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let pair = try Sockets.tcpPair()
        let handle = try reactor.adopt(pair.ours)
        let file = try Sockets.temporaryFile()
        #expect(Glibc.write(file, Self.payload.baseAddress, Self.size) == Self.size)
        let offset = 12_345
        let count = Self.size - offset - 777
        #expect(reactor_sendfile(reactor.raw, handle, file, UInt64(offset), count) == 0)
        let (isSame, events) = receive(reactor, pair.theirs, offset: offset, count: count)
        #expect(isSame)
        #expect(events.map(\.result) == [0])
        #expect(reactor_sendfile(reactor.raw, handle, file, UInt64(Self.size - 10), 20) == 0)
        let (isRest, short) = receive(reactor, pair.theirs, offset: Self.size - 10, count: 10)
        #expect(isRest)
        #expect(short.map(\.result) == [-ENODATA])
        #expect(reactor_sendfile(reactor.raw, handle, file, .max, 1) == -EINVAL)
        #expect(reactor_send(reactor.raw, handle, Self.payload.baseAddress, 0) == -EINVAL)
        close(file)
        close(pair.theirs)
    }

    @Test("A send to a peer that has disconnected ends with an error, not with a signal", arguments: Backend.available)
    func peerGone(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let pair = try Sockets.tcpPair()
        let handle = try reactor.adopt(pair.ours)
        #expect(reactor_send(reactor.raw, handle, Self.payload.baseAddress, Self.size) == 0)
        _ = reactor.wait()
        Sockets.reset(pair.theirs)
        var events = reactor.collect { !$0.isEmpty }
        #expect(events.map(\.result) == [-ECONNRESET])
        #expect(reactor_send(reactor.raw, handle, Self.payload.baseAddress, 5) == 0)
        events = reactor.collect { !$0.isEmpty }
        #expect(events.map(\.type) == [REACTOR_SENT] && events[0].result < 0)
        let file = try Sockets.temporaryFile()
        #expect(Glibc.write(file, Self.payload.baseAddress, Self.size) == Self.size)
        #expect(reactor_sendfile(reactor.raw, handle, file, 0, Self.size) == 0)
        events = reactor.collect { !$0.isEmpty }
        #expect(events.map(\.type) == [REACTOR_SENT] && events[0].result < 0)
        close(file)
    }

    @Test("Two connections stream at once: neither keeps the other waiting", arguments: Backend.available)
    func fairness(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        // Where the kernel hands over at once what is written.
        let fast = try Sockets.unixPair()
        let slow = try Sockets.unixPair()
        let streaming = try reactor.adopt(fast.ours)
        let quiet = try reactor.adopt(slow.ours)
        reactor_recv_start(reactor.raw, quiet)
        _ = reactor.settle()
        Sockets.write(slow.theirs, [1])
        // Each send that ends, without ever blocking, is followed by another one.
        #expect(reactor_send(reactor.raw, streaming, Sockets.hello, 1) == 0)
        var waits = 0
        var isHeard = false
        while !isHeard, waits < 10 {
            waits += 1
            for event in reactor.wait(milliseconds: -1) {
                if event.type == REACTOR_RECEIVED { isHeard = true }
                if event.type == REACTOR_SENT { reactor_send(reactor.raw, streaming, Sockets.hello, 1) }
            }
        }
        #expect(isHeard && waits <= 3)
        close(fast.theirs)
        close(slow.theirs)
    }

    @Test("A keep-alive request on epoll costs one recv, one send and its share of the epoll_wait")
    func epollCost() throws {
        let reactor = try TestReactor(.epoll)
        let pairs = try (0..<10).map { _ in try Sockets.tcpPair() }
        for pair in pairs { reactor_recv_start(reactor.raw, try reactor.adopt(pair.ours)) }
        _ = reactor.settle()
        let before = reactor.statistics.syscalls
        for _ in 0..<20 {
            for pair in pairs { Sockets.write(pair.theirs, [1, 2, 3]) }
            let requests = reactor.collect { $0.filter { $0.type == REACTOR_RECEIVED }.count == 10 }
            for event in requests where event.type == REACTOR_RECEIVED {
                reactor_send(reactor.raw, event.handle, Sockets.hello, 3)
            }
            #expect(reactor.wait().map(\.type) == Array(repeating: REACTOR_SENT, count: 10))
        }
        #expect(reactor.statistics.syscalls - before == 20 * (1 + 10 + 10))
        for pair in pairs { close(pair.theirs) }
    }
}
