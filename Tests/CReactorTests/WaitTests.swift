import CReactor
import Glibc
import Testing
import TwisterTestSupport

/// Waiting, waking, and which backend one gets.
@Suite(.serialized) struct WaitTests {
    /// A reactor that another thread or a signal handler may wake.
    struct Waker: @unchecked Sendable {
        let raw: OpaquePointer
        func wake() { reactor_wakeup(raw) }
    }

    nonisolated(unsafe) static var signalTarget: OpaquePointer?

    @Test("A wait ends by timeout, and an idle one makes a single system call", arguments: Backend.available)
    func timeOut(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        _ = reactor.wait()
        let begin = now()
        let before = reactor.statistics.syscalls
        var waits: UInt64 = 0
        // A wait may end early: the kernel interrupts it for work of its own, such as an earlier ring's end.
        while now() - begin < 30_000_000, waits < 5 {
            #expect(reactor.wait(milliseconds: 30).isEmpty)
            waits += 1
        }
        #expect(waits < 5)
        #expect(reactor.statistics.syscalls - before == waits)
    }

    @Test("Wake-ups from other threads: none is lost, and many make few", arguments: Backend.available)
    func wakeFromThreads(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let waker = Waker(raw: reactor.raw)
        reactor_wakeup(reactor.raw)
        #expect(reactor.wait(milliseconds: -1).isEmpty, "a wake-up before the wait counts")
        #expect(reactor.wait(milliseconds: 5).isEmpty)
        for _ in 0..<200 {
            let thread = try start { waker.wake() }
            #expect(reactor.wait(milliseconds: -1).isEmpty)
            pthread_join(thread, nil)
        }
        let threads = try (0..<4).map { _ in try start { for _ in 0..<20_000 { waker.wake() } } }
        var waits = 0
        while waits < 1 {
            _ = reactor.wait(milliseconds: -1)
            waits += 1
        }
        for thread in threads { pthread_join(thread, nil) }
        _ = reactor.settle()
        let begin = now()
        var idle = 0
        while now() - begin < 20_000_000, idle < 5 {
            _ = reactor.wait(milliseconds: 20)
            idle += 1
        }
        #expect(idle < 5, "nothing is left behind")
    }

    @Test("A wake-up from a signal handler", arguments: Backend.available)
    func wakeFromSignal(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        try #require(Self.signalTarget == nil)
        Self.signalTarget = reactor.raw
        defer { Self.signalTarget = nil }
        signal(SIGURG) { _ in
            if let target = WaitTests.signalTarget { reactor_wakeup(target) }
        }
        // The threads that tests run on block signals.
        var mask = sigset_t()
        sigemptyset(&mask)
        sigaddset(&mask, SIGURG)
        pthread_sigmask(SIG_UNBLOCK, &mask, nil)
        let target = Waker(raw: OpaquePointer(bitPattern: UInt(pthread_self()))!)
        // From before the thread starts, so that the signal comes later than the wait has to last, however busy the machine is.
        let begin = now()
        let thread = try start {
            usleep(20_000)
            pthread_kill(pthread_t(UInt(bitPattern: target.raw)), SIGURG)
        }
        while now() - begin < 15_000_000 { #expect(reactor.wait(milliseconds: 10_000).isEmpty) }
        #expect(now() - begin < 9_000_000_000)
        pthread_join(thread, nil)
        _ = reactor.settle()
    }

    private func start(_ body: @escaping @Sendable () -> Void) throws -> pthread_t {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Box(body)).toOpaque())
        try #require(result == 0)
        return thread
    }

    @Test("Events that do not fit come with the next call, which does not wait", arguments: Backend.available)
    func smallBatch(backend: Backend) throws {
        let reactor = try TestReactor(backend, capacity: 1)
        let pairs = try (0..<5).map { _ in try Sockets.tcpPair() }
        for (index, pair) in pairs.enumerated() {
            let handle = try reactor.adopt(pair.ours, context: UInt64(index))
            reactor_recv_start(reactor.raw, handle)
            reactor_send(reactor.raw, handle, Sockets.hello, 1)
            Sockets.write(pair.theirs, [1])
        }
        var events: [Event] = []
        for _ in 0..<10 { events += reactor.wait(milliseconds: -1) }
        #expect(events.count == 10)
        #expect(Set(events.filter { $0.type == REACTOR_SENT }.map(\.context)).count == 5)
        #expect(Set(events.filter { $0.type == REACTOR_RECEIVED }.map(\.context)).count == 5)
        #expect(reactor_wait(reactor.raw, nil, 0, 0) == -EINVAL)
        for pair in pairs { close(pair.theirs) }
    }

    @Test("AUTO takes io_uring where it is available, and gives no reason")
    func auto() throws {
        var config = reactor_config()
        var raw: OpaquePointer?
        var reason = [CChar](repeating: 1, count: 100)
        try #require(reactor_create(&config, &raw, &reason, 100) == 0)
        var statistics = reactor_statistics()
        let reactor = try #require(raw)
        reactor_get_statistics(reactor, &statistics)
        let isRing = Backend.ioUringRefusal == 0 && reactor_has_io_uring() == 1
        #expect(statistics.backend == (isRing ? REACTOR_IO_URING : REACTOR_EPOLL))
        #expect((reason[0] == 0) == isRing)
        reactor_destroy(reactor)
        reactor_destroy(nil)
    }

    @Test("S-60: with io_uring refused AUTO gives epoll and the reason, and IO_URING the error")
    func refused() async {
        await #expect(processExitsWith: .success) {
            Seccomp.refuse(Seccomp.ioUringSetup, with: EPERM)
            var reason = [CChar](repeating: 0, count: 200)
            var raw: OpaquePointer?
            var config = reactor_config()
            config.backend = REACTOR_IO_URING
            #expect(reactor_create(&config, &raw, &reason, 200) == -EPERM)
            #expect(raw == nil)
            config.backend = REACTOR_AUTO
            #expect(reactor_create(&config, &raw, &reason, 200) == 0)
            let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            #expect(text == "io_uring_queue_init: Operation not permitted")
            var statistics = reactor_statistics()
            if let raw { reactor_get_statistics(raw, &statistics) }
            #expect(statistics.backend == REACTOR_EPOLL)
            #expect(statistics.receive_buffers_out == 0)
            reactor_destroy(raw)
        }
    }
}
