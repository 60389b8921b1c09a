import CReactor
import Glibc
import Testing

/// Accepting: shares, pauses, other families, and closing a listener.
@Suite struct AcceptTests {
    private func accepted(_ events: [Event]) -> [Event] {
        events.filter { $0.type == REACTOR_ACCEPTED && $0.result == 0 }
    }
    private func pauses(_ events: [Event]) -> [Event] { events.filter { $0.type == REACTOR_ACCEPTED && $0.result < 0 } }

    @Test(
        "Accepted sockets are non-blocking, close on exec, and carry their listener's context",
        arguments: Backend.available)
    func accepts(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let (fd, port) = try Sockets.listener()
        let listener = try reactor.listen(fd, context: 77)
        let peer = try Sockets.connect(port: port)
        let events = reactor.collect { !$0.isEmpty }
        #expect(
            events == [Event(type: REACTOR_ACCEPTED, result: 0, handle: events[0].handle, context: 77, token: listener)]
        )
        let socket = reactor_connection_fd(reactor.raw, events[0].handle)
        // fcntl is variadic, so a read that does not block shows the flag.
        var byte: UInt8 = 0
        #expect(recv(socket, &byte, 1, 0) == -1 && errno == EAGAIN)
        Sockets.write(peer, [1, 2])
        reactor_recv_start(reactor.raw, events[0].handle)
        let received = reactor.collect { !$0.isEmpty }
        #expect(received.map(\.bytes) == [[1, 2]] && received[0].context == 0)
        close(peer)
        close(fd)
    }

    @Test("A listener has its share of each wait", arguments: Backend.available)
    func share(backend: Backend) throws {
        let reactor = try TestReactor(backend) { $0.accepts_per_turn = 3 }
        let (fd, port) = try Sockets.listener()
        _ = try reactor.listen(fd)
        _ = reactor.wait()
        let peers = try (0..<10).map { _ in try Sockets.connect(port: port) }
        var counts: [Int] = []
        var handles: [UInt64] = []
        while handles.count < 10, counts.count < 50 {
            let events = reactor.wait(milliseconds: 1000)
            counts.append(events.count)
            handles += events.map(\.handle)
        }
        #expect(counts.allSatisfy { $0 <= 3 })
        #expect(Set(handles).count == 10)
        for (peer, handle) in zip(peers, handles) {
            // In the order they came.
            #expect(try Sockets.port(of: peer) == peerPort(reactor_connection_fd(reactor.raw, handle)))
            close(peer)
        }
        close(fd)
    }

    private func peerPort(_ fd: CInt) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(fd, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    @Test(
        "At the limit of connections accepting pauses, reports it once, and goes on when one closes",
        arguments: Backend.available)
    func limit(backend: Backend) throws {
        let reactor = try TestReactor(backend) { $0.connections_max = 4 }
        let (fd, port) = try Sockets.listener()
        _ = try reactor.listen(fd, context: 8)
        let peers = try (0..<12).map { _ in try Sockets.connect(port: port) }
        var events = reactor.collect { self.accepted($0).count >= 4 && !self.pauses($0).isEmpty }
        events += reactor.settle()
        var open = accepted(events).map(\.handle)
        #expect(pauses(events).map(\.result) == [-ENOBUFS])
        #expect(pauses(events).first.map { $0.handle == 0 && $0.context == 8 } == true)
        #expect(reactor.statistics.accept_pauses == 1)
        // No spin, though the listener is readable. Connections that io_uring had accepted already are taken, and no more.
        #expect(reactor.wait(milliseconds: 30).isEmpty)
        var total = open.count
        while total < 12, !open.isEmpty {
            reactor_close(reactor.raw, open.removeFirst())
            let more = reactor.collect { $0.contains { $0.type == REACTOR_CLOSED } } + reactor.settle()
            open += accepted(more).map(\.handle)
            total += accepted(more).count
        }
        #expect(total == 12, "every client is accepted")
        for peer in peers { close(peer) }
        close(fd)
    }

    @Test("After a listener is closed nothing of it is reported, and its port is free", arguments: Backend.available)
    func closeListener(backend: Backend) throws {
        let reactor = try TestReactor(backend) { $0.accepts_per_turn = 2 }
        let (fd, port) = try Sockets.listener()
        let listener = try reactor.listen(fd)
        _ = reactor.wait()
        let peers = try (0..<8).map { _ in try Sockets.connect(port: port) }
        #expect(accepted(reactor.wait(milliseconds: 1000)).count <= 2)
        #expect(reactor_listener_close(reactor.raw, listener) == 0)
        let open = reactor.statistics.connections
        close(fd)
        #expect(reactor.settle().isEmpty)
        #expect(reactor.statistics.connections <= open)
        // A client whose connection was not reported sees the end, and the port refuses new ones.
        var ended: Set<CInt> = []
        let start = now()
        while ended.count < 6, now() - start < 20_000_000_000 {
            for peer in peers where !ended.contains(peer) {
                var byte: UInt8 = 0
                let count = recv(peer, &byte, 1, Sockets.dontWait)
                if count == 0 || count < 0 && errno == ECONNRESET { ended.insert(peer) }
            }
            #expect(reactor.wait(milliseconds: 1).isEmpty)
        }
        #expect(ended.count >= 6)
        for peer in peers { close(peer) }
        let late = socket(AF_INET, Sockets.stream, 0)
        var address = Sockets.loopback(port: port)
        #expect(Sockets.withSockaddr(&address) { connect(late, $0, $1) } == -1 && errno == ECONNREFUSED)
        close(late)
    }

    @Test("Unix and IPv6 sockets: listen, connect, exchange", arguments: Backend.available)
    func families(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        var path = sockaddr_un()
        path.sun_family = sa_family_t(AF_UNIX)
        let name = "\0creactor-\(getpid())-\(backend)-\(now())"
        withUnsafeMutableBytes(of: &path.sun_path) { $0.copyBytes(from: name.utf8) }
        try exchange(reactor, AF_UNIX, &path)
        var six = sockaddr_in6()
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_addr = in6addr_loopback
        let probe = socket(AF_INET6, Sockets.stream, 0)
        defer { close(probe) }
        if Sockets.withSockaddr(&six, { bind(probe, $0, $1) }) == 0 {
            try exchange(reactor, AF_INET6, &six)
        } else {
            print("SKIPPED: no IPv6 loopback here")
        }
    }

    private func exchange<Address>(_ reactor: TestReactor, _ family: CInt, _ address: inout Address) throws {
        let fd = socket(family, Sockets.stream, 0)
        try #require(Sockets.withSockaddr(&address) { bind(fd, $0, $1) } == 0)
        try #require(listen(fd, 5) == 0)
        var bound = address
        var length = socklen_t(MemoryLayout<Address>.size)
        withUnsafeMutablePointer(to: &bound) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &length) }
        }
        let listener = try reactor.listen(fd, context: 1)
        let client = socket(family, Sockets.stream, 0)
        var handle: UInt64 = 0
        #expect(Sockets.withSockaddr(&bound) { reactor_connect(reactor.raw, client, $0, $1, 2, &handle) } == 0)
        #expect(reactor_send(reactor.raw, handle, Sockets.hello, 5) == 0)
        let events = reactor.collect { $0.count == 3 }
        #expect(events.filter { $0.context == 2 }.map(\.type) == [REACTOR_CONNECTED, REACTOR_SENT])
        #expect(events.allSatisfy { $0.result == 0 })
        let server = try #require(accepted(events).first).handle
        reactor_recv_start(reactor.raw, server)
        #expect(reactor.collect { !$0.isEmpty }.first?.bytes == Array("hello".utf8))
        reactor_close(reactor.raw, server)
        reactor_close(reactor.raw, handle)
        reactor.collect { $0.filter { $0.type == REACTOR_CLOSED }.count == 2 }
        #expect(reactor_listener_close(reactor.raw, listener) == 0)
        close(fd)
    }

    @Test("A refused connect is reported, and the operations on it end", arguments: Backend.available)
    func refused(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let (fd, port) = try Sockets.listener()
        close(fd)
        var address = Sockets.loopback(port: port)
        var handle: UInt64 = 0
        let client = socket(AF_INET, Sockets.stream, 0)
        #expect(Sockets.withSockaddr(&address) { reactor_connect(reactor.raw, client, $0, $1, 2, &handle) } == 0)
        #expect(reactor_recv_start(reactor.raw, handle) == 0)
        var events = reactor.collect { !$0.isEmpty } + reactor.settle()
        #expect(events.map(\.type) == [REACTOR_CONNECTED] && events[0].result == -ECONNREFUSED)
        #expect(reactor_close(reactor.raw, handle) == 0)
        events = reactor.collect { !$0.isEmpty }
        #expect(events.map(\.type) == [REACTOR_CLOSED])
        // A bad descriptor is refused at once.
        #expect(Sockets.withSockaddr(&address) { reactor_connect(reactor.raw, -1, $0, $1, 2, &handle) } == -EBADF)
        #expect(reactor_adopt(reactor.raw, -1, 0, &handle) == -EBADF)
        #expect(reactor_listen(reactor.raw, -1, 0, &handle) == -EBADF)
        #expect(reactor.statistics.connections == 0)
    }

    @Test("Closing while connecting ends the connect, too", arguments: Backend.available)
    func closeWhileConnecting(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        // A full backlog keeps a connect waiting.
        let (fd, port) = try Sockets.listener(backlog: 0)
        var fillers = [try Sockets.connect(port: port)]
        var isFull = pollfd(fd: fd, events: CShort(POLLIN), revents: 0)
        #expect(poll(&isFull, 1, 20_000) == 1)
        var address = Sockets.loopback(port: port)
        var handle: UInt64 = 0
        for _ in 0..<5 {
            let filler = socket(AF_INET, Sockets.stream, 0)
            fillers.append(filler)
            #expect(Sockets.withSockaddr(&address) { reactor_connect(reactor.raw, filler, $0, $1, 2, &handle) } == 0)
        }
        _ = reactor.settle()
        #expect(reactor_send(reactor.raw, handle, Sockets.hello, 1) == 0)
        #expect(reactor_close(reactor.raw, handle) == 0)
        let events = reactor.collect { $0.contains { $0.type == REACTOR_CLOSED } }
        #expect(events.map(\.type) == [REACTOR_CONNECTED, REACTOR_SENT, REACTOR_CLOSED])
        #expect(events.map(\.result) == [-ECANCELED, -ECANCELED, 0])
        close(fd)
    }

    /// In a process of its own: descriptors run out for the whole of it.
    @Test("S-23, N-20: without descriptors accepting pauses without a spin, reports it once, and recovers by itself")
    func descriptorsUsedUp() async {
        await #expect(processExitsWith: .success) {
            for backend in Backend.available { try AcceptTests.useUpDescriptors(backend) }
        }
    }

    static func useUpDescriptors(_ backend: Backend) throws {
        let reactor = try TestReactor(backend) { $0.connections_max = 1000 }
        let (fd, port) = try Sockets.listener()
        _ = reactor.expire(1)
        let peers = try (0..<6).map { _ in try Sockets.connect(port: port) }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(7), &limit)
        let saved = limit
        limit.rlim_cur = rlim_t(peers[5] + 20)
        try #require(setrlimit(__rlimit_resource_t(7), &limit) == 0)
        // Exactly two descriptors are left.
        var fillers: [CInt] = []
        while case let filler = dup(0), filler >= 0 { fillers.append(filler) }
        for _ in 0..<2 { close(fillers.removeLast()) }
        defer { for filler in fillers { close(filler) } }
        // Not before: io_uring takes the limit that is in force when accepting is armed.
        _ = try reactor.listen(fd)
        // The kernel may hand connections over some time after their clients have connected.
        var events = reactor.collect { events in
            events.filter { $0.result == 0 }.count == 2 && events.contains { $0.result < 0 }
        }
        events += reactor.settle()
        #expect(events.filter { $0.result == 0 }.count == 2, "\(backend)")
        #expect(events.filter { $0.result < 0 }.map(\.result) == [-EMFILE])
        #expect(reactor.isQuiet(limit: 2), "no spin")
        // One closes: one more is accepted.
        let first = try #require(events.first { $0.result == 0 }).handle
        reactor_close(reactor.raw, first)
        func isAccepted(_ event: Event) -> Bool { event.type == REACTOR_ACCEPTED && event.result == 0 }
        events = reactor.collect { $0.contains(where: isAccepted) } + reactor.settle()
        #expect(events.filter(isAccepted).count == 1)
        // Nothing closes, but descriptors come back: the reactor's own timer tries again.
        setrlimit(__rlimit_resource_t(7), [saved])
        #expect(reactor.settle().isEmpty)
        let next = reactor_next_deadline(reactor.raw)
        #expect(next > 1 && next <= 250_000_001)
        #expect(reactor.expire(next).isEmpty)
        events = reactor.collect { $0.filter(isAccepted).count >= 3 } + reactor.settle()
        #expect(events.filter(isAccepted).count == 3)
        #expect(reactor_next_deadline(reactor.raw) == never)
        for peer in peers { close(peer) }
        close(fd)
    }
}
