import Glibc
import Testing

@testable import TwisterIO

struct IOLoopHandlersTests {
    @Test("S-45, IOL-8 to IOL-10: handlers come and go, are counted, and one descriptor has one", arguments: backends)
    func register(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let pipe = Pipe()
            try loop.addHandler(pipe.reading, .read) { _, _ in }
            #expect(loop.statistics.watches == 1)
            let second = #expect(throws: IOError.self) { try loop.addHandler(pipe.reading, .read) { _, _ in } }
            #expect(second?.errnoCode == EEXIST)
            try loop.updateHandler(pipe.reading, [.read, .write])
            loop.removeHandler(pipe.reading)
            loop.removeHandler(pipe.reading)
            #expect(loop.statistics.watches == 0)
            let unknown = #expect(throws: IOError.self) { try loop.updateHandler(pipe.reading, .read) }
            #expect(unknown?.errnoCode == ENOENT)
            try loop.addHandler(pipe.reading, .read) { _, _ in }
            #expect(loop.statistics.watches == 1)
        }
    }

    @Test("S-58: sockets, pipes, eventfd and timerfd are all watched", arguments: backends)
    func kinds(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let pipe = Pipe()
            let (one, other) = makeSocketPair()
            let event = LibC.eventfd(0, 0)
            let timer = LibC.timerfdCreate(CLOCK_MONOTONIC, 0)
            #expect(LibC.startTimer(timer, nanoseconds: 5_000_000) == 0)
            let seen = Box<Set<CInt>>([])
            let all = [pipe.reading, one, event, timer]
            for fd in all {
                try loop.addHandler(fd, .read) { given, events in
                    #expect(given == fd)
                    #expect(events.contains(.read))
                    seen.value.insert(fd)
                    loop.removeHandler(fd)
                    if seen.value.count == all.count { loop.stop() }
                }
            }
            pipe.write()
            var number: UInt64 = 1
            #expect(write(other, &number, 8) == 8)
            #expect(write(event, &number, 8) == 8)
            loop.callLater(.seconds(20)) { loop.stop() }
            loop.run()
            #expect(seen.value == Set(all))
            for fd in [one, other, event, timer] { close(fd) }
        }
    }

    @Test(
        "IOL-9: the events can be changed, and readiness is told in each turn until it is used up",
        arguments: backends)
    func update(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let (one, other) = makeSocketPair()
            let seen = Box<[IOLoop.Events]>([])
            var byte: UInt8 = 0
            #expect(write(other, &byte, 1) == 1)
            try loop.addHandler(one, .read) { _, events in
                seen.value.append(events)
                if seen.value.count == 2 { try loop.updateHandler(one, .write) }
                if seen.value.count == 4 { loop.stop() }
            }
            loop.run()
            #expect(seen.value == [.read, .read, .write, .write])
            close(one)
            close(other)
        }
    }

    @Test("S-46: who waits for READ only hears of a reset and a hang-up", arguments: backends)
    func errors(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let (client, server) = makeTCPPair()
            let (one, other) = makeSocketPair()
            let seen = Box<[CInt: IOLoop.Events]>([:])
            for fd in [server, one] {
                try loop.addHandler(fd, .read) { fd, events in
                    seen.value[fd] = events
                    loop.removeHandler(fd)
                    if seen.value.count == 2 { loop.stop() }
                }
            }
            setLinger(client)
            close(client)
            close(other)
            loop.callLater(.seconds(20)) { loop.stop() }
            loop.run()
            #expect(seen.value[server]?.isDisjoint(with: .error) == false)
            #expect(seen.value[one]?.isDisjoint(with: .error) == false)
            close(server)
            close(one)
        }
    }

    @Test("S-61: an event of a handler that was removed in the same batch is not delivered", arguments: backends)
    func removeInBatch(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let pipes = [Pipe(), Pipe(), Pipe()]
            let calls = Box(0)
            for pipe in pipes {
                pipe.write()
                try loop.addHandler(pipe.reading, .read) { fd, _ in
                    calls.value += 1
                    for other in pipes where other.reading != fd { loop.removeHandler(other.reading) }
                    loop.removeHandler(fd)
                    loop.callLater(.milliseconds(20)) { loop.stop() }
                }
            }
            loop.run()
            #expect(calls.value == 1)
        }
    }

    @Test("S-61: the new owner of a descriptor's number does not get the old one's event", arguments: backends)
    func reuseInBatch(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            var pairs = [makeSocketPair(), makeSocketPair()]
            let fresh = makeSocketPair()
            let spurious = Box(0)
            let reused = Box<CInt?>(nil)
            for pair in pairs {
                var byte: UInt8 = 0
                #expect(write(pair.1, &byte, 1) == 1)
                try loop.addHandler(pair.0, .read) { fd, _ in
                    loop.removeHandler(fd)
                    guard reused.value == nil, let other = pairs.first(where: { $0.0 != fd })?.0 else { return }
                    loop.removeHandler(other)
                    // The other's number gets a new owner, who has nothing to read.
                    #expect(dup2(fresh.0, other) == other)
                    reused.value = other
                    try loop.addHandler(other, .read) { _, _ in spurious.value += 1 }
                    loop.callLater(.milliseconds(20)) { loop.stop() }
                }
            }
            loop.run()
            #expect(reused.value != nil)
            #expect(spurious.value == 0)
            pairs.append(fresh)
            for pair in pairs {
                close(pair.0)
                close(pair.1)
            }
        }
    }

    @Test("S-62: a handler that throws is called again, and the loop lives on", arguments: backends)
    func throwing(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let pipe = Pipe()
            pipe.write()
            let calls = Box(0)
            try loop.addHandler(pipe.reading, .read) { _, _ in
                calls.value += 1
                if calls.value == 3 { loop.stop() }
                throw TestFailure()
            }
            loop.run()
            #expect(calls.value == 3)
        }
    }

    @Test("IOL-8: what cannot be polled is refused", arguments: backends)
    func notPollable(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let file = open("/proc/self/exe", O_RDONLY)
            let error = #expect(throws: IOError.self) { try loop.addHandler(file, .read) { _, _ in } }
            #expect(error?.errnoCode == EPERM)
            #expect(loop.statistics.watches == 0)
            close(file)
        }
    }
}
