import CReactor
import Glibc
import Testing

/// Closing with everything in flight, and the results of calls with a handle afterwards.
@Suite struct CloseTests {
    nonisolated(unsafe) static let large = UnsafeMutableRawPointer.allocate(byteCount: 16 << 20, alignment: 16)

    @Test(
        "Close with everything in flight: SENT with ECANCELED, then CLOSED, nothing else", arguments: Backend.available)
    func closeInFlight(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        var peers: [CInt] = []
        var handles: [UInt64] = []
        for index in 0..<50 {
            let pair = try Sockets.tcpPair()
            peers.append(pair.theirs)
            let handle = try reactor.adopt(pair.ours, context: UInt64(index))
            handles.append(handle)
            #expect(reactor_recv_start(reactor.raw, handle) == 0)
            #expect(reactor_set_deadline(reactor.raw, handle, 5) == 0)
            #expect(reactor_send(reactor.raw, handle, Self.large, 16 << 20) == 0)
            // Half of them are closed before anything was submitted, the others while the kernel works on them.
            if index % 2 == 0 { #expect(reactor_close(reactor.raw, handle) == 0) }
        }
        var events = reactor.wait()
        for (index, handle) in handles.enumerated() {
            Sockets.write(peers[index], [1, 2, 3])
            let result = reactor_close(reactor.raw, handle)
            #expect(result == 0 || (index % 2 == 0 && result == -ESTALE))
        }
        events += reactor.collect { (events + $0).filter { $0.type == REACTOR_CLOSED }.count == 50 }
        events += reactor.settle()
        for index in 0..<50 {
            let own = events.filter { $0.context == UInt64(index) && $0.type != REACTOR_RECEIVED }
            #expect(own.map(\.type) == [REACTOR_SENT, REACTOR_CLOSED])
            #expect(own.first?.result == -ECANCELED)
        }
        #expect(reactor.expire(10).isEmpty)
        #expect(reactor.statistics.connections == 0)
        #expect(reactor.statistics.receive_buffers_out == 0)
        for peer in peers {
            _ = Sockets.drain(peer)
            var byte: UInt8 = 0
            #expect(recv(peer, &byte, 1, 0) <= 0, "the peer sees the end")
            close(peer)
        }
    }

    @Test(
        "While CLOSED is still to be handled, no new connection has the slot of the closed one",
        arguments: Backend.available)
    func slotOfClosed(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let pairs = try (0..<4).map { _ in try Sockets.tcpPair() }
        func slot(_ handle: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: handle) }
        let closed = try [reactor.adopt(pairs[0].ours), reactor.adopt(pairs[1].ours)]
        for handle in closed { #expect(reactor_close(reactor.raw, handle) == 0) }
        reactor.collect { $0.count { $0.type == REACTOR_CLOSED } == 2 }
        let next = try reactor.adopt(pairs[2].ours)
        #expect(!closed.map(slot).contains(slot(next)))
        #expect(reactor.wait().isEmpty)
        #expect(closed.map(slot).contains(slot(try reactor.adopt(pairs[3].ours))))
        #expect(reactor.statistics.connections == 2)
        for pair in pairs { close(pair.theirs) }
    }

    @Test("Close with a send that waits for a peer that has ended its side", arguments: Backend.available)
    func closeHalfClosed(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let pair = try Sockets.tcpPair()
        let handle = try reactor.adopt(pair.ours)
        reactor_recv_start(reactor.raw, handle)
        Glibc.shutdown(pair.theirs, CInt(SHUT_WR))
        #expect(reactor.settle().map(\.type) == [REACTOR_END])
        #expect(reactor_send(reactor.raw, handle, Self.large, 16 << 20) == 0)
        #expect(reactor.settle().isEmpty)
        #expect(reactor_close(reactor.raw, handle) == 0)
        let events = reactor.collect { $0.contains { $0.type == REACTOR_CLOSED } }
        #expect(events.map(\.type) == [REACTOR_SENT, REACTOR_CLOSED])
        #expect(events.first?.result == -ECANCELED)
        close(pair.theirs)
    }

    @Test("A reactor is destroyed with everything in flight", arguments: Backend.available)
    func destroyInFlight(backend: Backend) throws {
        let (listener, port) = try Sockets.listener()
        let (readEnd, writeEnd) = try Sockets.makePipe()
        var peers: [CInt] = []
        do {
            let reactor = try TestReactor(backend)
            _ = try reactor.listen(listener)
            _ = try reactor.watch(readEnd, REACTOR_READ)
            for _ in 0..<20 {
                let pair = try Sockets.tcpPair()
                peers.append(pair.theirs)
                let handle = try reactor.adopt(pair.ours)
                reactor_recv_start(reactor.raw, handle)
                reactor_send(reactor.raw, handle, Self.large, 16 << 20)
                reactor_set_deadline(reactor.raw, handle, 1)
            }
            peers.append(try Sockets.connect(port: port))
            _ = reactor.wait()
            for peer in peers { Sockets.write(peer, [1]) }
        }
        for peer in peers.dropLast() {
            _ = Sockets.drain(peer)
            var byte: UInt8 = 0
            #expect(recv(peer, &byte, 1, 0) <= 0)
        }
        #expect(fcntl(listener, F_GETFD) >= 0, "the listening descriptor is the caller's")
        #expect(write(writeEnd, [1], 1) == 1, "and so is the watched one")
        for fd in peers + [listener, readEnd, writeEnd] { close(fd) }
    }

    @Test("Stale handles, and handles of another kind, give ESTALE", arguments: Backend.available)
    func staleHandles(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let raw = reactor.raw
        let pair = try Sockets.tcpPair()
        let (readEnd, writeEnd) = try Sockets.makePipe()
        let (listener, _) = try Sockets.listener()
        let connection = try reactor.adopt(pair.ours)
        let watch = try reactor.watch(readEnd, REACTOR_READ)
        let listening = try reactor.listen(listener)
        var timer: UInt64 = 0
        #expect(reactor_timer_start(raw, 5, 0, &timer) == 0)

        func expectStale(as kinds: Set<String>, _ handle: UInt64) {
            if kinds.contains("connection") {
                #expect(reactor_send(raw, handle, Sockets.hello, 1) == -ESTALE)
                #expect(reactor_sendfile(raw, handle, 0, 0, 1) == -ESTALE)
                #expect(reactor_recv_start(raw, handle) == -ESTALE)
                #expect(reactor_recv_stop(raw, handle) == -ESTALE)
                #expect(reactor_shutdown(raw, handle) == -ESTALE)
                #expect(reactor_set_deadline(raw, handle, 1) == -ESTALE)
                #expect(reactor_set_context(raw, handle, 1) == -ESTALE)
                #expect(reactor_connection_fd(raw, handle) == -ESTALE)
                #expect(reactor_close(raw, handle) == -ESTALE)
            }
            if kinds.contains("watch") {
                #expect(reactor_watch_update(raw, handle, 1) == -ESTALE)
                #expect(reactor_unwatch(raw, handle) == -ESTALE)
            }
            if kinds.contains("listener") { #expect(reactor_listener_close(raw, handle) == -ESTALE) }
            if kinds.contains("timer") { #expect(reactor_timer_cancel(raw, handle) == -ESTALE) }
        }
        let all: Set = ["connection", "watch", "listener", "timer"]
        expectStale(as: all.subtracting(["connection"]), connection)
        expectStale(as: all.subtracting(["watch"]), watch)
        expectStale(as: all.subtracting(["listener"]), listening)
        expectStale(as: all.subtracting(["timer"]), timer)
        var random = SeededGenerator(3)
        for handle in [0, 1, UInt64.max] + (0..<200).map({ _ in UInt64.random(in: 0...UInt64.max, using: &random) }) {
            expectStale(as: all, handle)
        }
        #expect(reactor_close(raw, connection) == 0)
        #expect(reactor_close(raw, connection) == 0, "idempotent until CLOSED")
        reactor.collect { $0.contains { $0.type == REACTOR_CLOSED } }
        #expect(reactor_unwatch(raw, watch) == 0)
        #expect(reactor_listener_close(raw, listening) == 0)
        #expect(reactor_timer_cancel(raw, timer) == 0)
        for handle in [connection, watch, listening, timer] { expectStale(as: all, handle) }
        // The slot is used again after the next wait; the old handle stays stale.
        #expect(reactor.wait().isEmpty)
        let next = try Sockets.tcpPair()
        let again = try reactor.adopt(next.ours)
        #expect(again != connection && UInt32(truncatingIfNeeded: again) == UInt32(truncatingIfNeeded: connection))
        expectStale(as: all, connection)
        for fd in [pair.theirs, next.theirs, readEnd, writeEnd, listener] { close(fd) }
    }

    @Test("A closed connection's events never reach the next one in its slot", arguments: Backend.available)
    func slotReuse(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        for round in 0..<300 {
            let pair = try Sockets.tcpPair()
            let handle = try reactor.adopt(pair.ours, context: UInt64(round))
            reactor_recv_start(reactor.raw, handle)
            Sockets.write(pair.theirs, [UInt8(truncatingIfNeeded: round)])
            if round % 3 == 0 { _ = reactor.wait() }
            reactor_close(reactor.raw, handle)
            let events = reactor.collect { $0.contains { $0.type == REACTOR_CLOSED } }
            #expect(events.allSatisfy { $0.context == UInt64(round) && $0.handle == handle })
            close(pair.theirs)
        }
    }
}
