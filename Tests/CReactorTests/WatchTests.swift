import CReactor
import Glibc
import Testing

/// Watched descriptors.
@Suite struct WatchTests {
    @Test("A pipe is reported level-triggered, for the mask that was asked for", arguments: Backend.available)
    func pipe(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let (readEnd, writeEnd) = try Sockets.makePipe()
        let watch = try reactor.watch(readEnd, REACTOR_READ, context: 4)
        let writable = try reactor.watch(writeEnd, 0, context: 5)
        #expect(reactor.settle().isEmpty)
        #expect(write(writeEnd, [1, 2], 2) == 2)
        let ready = Event(type: REACTOR_READY, result: REACTOR_READ, handle: watch, context: 4, token: 0)
        for _ in 0..<3 { #expect(reactor.wait(milliseconds: 1000) == [ready]) }
        var bytes: [UInt8] = [0, 0]
        #expect(read(readEnd, &bytes, 2) == 2)
        #expect(reactor.wait().isEmpty)
        #expect(reactor_watch_update(reactor.raw, writable, REACTOR_WRITE) == 0)
        #expect(reactor.wait(milliseconds: 1000).map(\.result) == [REACTOR_WRITE])
        #expect(reactor_watch_update(reactor.raw, writable, 0) == 0)
        #expect(reactor.settle().isEmpty)
        #expect(reactor_watch_update(reactor.raw, watch, REACTOR_WRITE) == 0)
        #expect(write(writeEnd, [1], 1) == 1)
        #expect(reactor.settle().isEmpty, "the watch does not ask for reading")
        #expect(reactor_watch_update(reactor.raw, watch, REACTOR_READ) == 0)
        #expect(reactor.wait(milliseconds: 1000) == [ready])
        close(writeEnd)
        reactor_unwatch(reactor.raw, writable)
        let hungUp = reactor.wait(milliseconds: 1000)
        #expect(hungUp.count == 1 && hungUp[0].result & REACTOR_ERROR == REACTOR_ERROR)
        #expect(reactor_unwatch(reactor.raw, watch) == 0)
        #expect(reactor.statistics.watches == 0)
        close(readEnd)
    }

    @Test("A reset is an error, even where only reading was asked", arguments: Backend.available)
    func reset(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let pair = try Sockets.tcpPair()
        _ = try reactor.watch(pair.ours, REACTOR_READ)
        #expect(reactor.settle().isEmpty)
        Sockets.reset(pair.theirs)
        let events = reactor.wait(milliseconds: 1000)
        #expect(events.map(\.result) == [REACTOR_READ | REACTOR_ERROR])
        close(pair.ours)
    }

    @Test(
        "A peer that has ended its side is no news to a watch that does not read, and the rest is still reported",
        arguments: Backend.available)
    func halfClosed(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let pair = try Sockets.unixPair()
        let watch = try reactor.watch(pair.ours, 0)
        shutdown(pair.theirs, CInt(SHUT_WR))
        func expectQuiet() {
            #expect(reactor.settle().isEmpty)
            let begin = now()
            var waits = 0
            while now() - begin < 40_000_000, waits < 30 {
                #expect(reactor.wait(milliseconds: 20).isEmpty)
                waits += 1
            }
            #expect(waits <= 10, "no spin")
        }
        expectQuiet()
        for _ in 0..<3 {
            #expect(reactor_watch_update(reactor.raw, watch, REACTOR_WRITE) == 0)
            let events = reactor.collect { $0.count >= 3 }
            #expect(events.allSatisfy { $0.result == REACTOR_WRITE }, "again and again, as it stays writable")
            #expect(reactor_watch_update(reactor.raw, watch, 0) == 0)
            _ = reactor.settle()
            expectQuiet()
        }
        close(pair.theirs)
        #expect(reactor.collect { !$0.isEmpty }.first?.result == REACTOR_ERROR)
        #expect(reactor_unwatch(reactor.raw, watch) == 0)
        #expect(reactor.settle().isEmpty)
        close(pair.ours)
    }

    @Test(
        "An eventfd; a descriptor once; what cannot be polled; unwatch with a report pending",
        arguments: Backend.available)
    func rules(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let event = Sockets.event()
        let watch = try reactor.watch(event, REACTOR_READ)
        var handle: UInt64 = 0
        #expect(reactor_watch(reactor.raw, event, REACTOR_READ, 0, &handle) == -EEXIST)
        let file = try Sockets.temporaryFile()
        let regular = open("/etc/passwd", O_RDONLY)
        #expect(reactor_watch(reactor.raw, regular, REACTOR_READ, 0, &handle) == -EPERM)
        #expect(reactor_watch(reactor.raw, file, REACTOR_READ, 0, &handle) == -EPERM)
        #expect(reactor_watch(reactor.raw, 19_999, REACTOR_READ, 0, &handle) == -EBADF)
        #expect(reactor_watch(reactor.raw, -1, REACTOR_READ, 0, &handle) == -EBADF)
        #expect(reactor.settle().isEmpty)
        var one: UInt64 = 1
        #expect(write(event, &one, 8) == 8)
        #expect(reactor.wait(milliseconds: 1000).map(\.handle) == [watch])
        #expect(reactor_unwatch(reactor.raw, watch) == 0)
        #expect(reactor.settle().isEmpty, "still readable, but not watched")
        let again = try reactor.watch(event, REACTOR_READ)
        #expect(again != watch)
        #expect(reactor.wait(milliseconds: 1000).map(\.handle) == [again])
        for fd in [event, file, regular] { close(fd) }
    }

    @Test("After unwatch a descriptor's number may be used again", arguments: Backend.available)
    func numberReused(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        for _ in 0..<50 {
            let (readEnd, writeEnd) = try Sockets.makePipe()
            let watch = try reactor.watch(readEnd, REACTOR_READ)
            _ = reactor.wait()
            #expect(write(writeEnd, [1], 1) == 1)
            #expect(reactor_unwatch(reactor.raw, watch) == 0)
            close(readEnd)
            // The pipe's read end is closed at once, not only after the next wait: a writer would get SIGPIPE.
            signal(SIGPIPE, SIG_IGN)
            #expect(write(writeEnd, [1], 1) == -1 && errno == EPIPE)
            close(writeEnd)
            #expect(reactor.wait().isEmpty)
        }
    }
}
