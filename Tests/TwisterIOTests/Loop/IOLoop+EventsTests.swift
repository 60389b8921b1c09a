import Testing

@testable import TwisterIO

struct IOLoopEventsTests {
    @Test("IOL-1: the events are numbered as in Tornado, which are epoll's")
    func numbers() {
        #expect(IOLoop.Events().rawValue == 0)
        #expect(IOLoop.Events.read.rawValue == 0x001)
        #expect(IOLoop.Events.write.rawValue == 0x004)
        #expect(IOLoop.Events.error.rawValue == 0x018)
        #expect(IOLoop.Events([.read, .write]).rawValue == 0x005)
    }

    @Test("S-61: of a hundred pairs of handlers that remove each other, one each is called", arguments: backends)
    func chain(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let pipes = (0..<200).map { _ in Pipe() }
            let called = Box<Set<CInt>>([])
            for (index, pipe) in pipes.enumerated() {
                pipe.write()
                let partner = pipes[index ^ 1].reading
                try loop.addHandler(pipe.reading, .read) { fd, _ in
                    called.value.insert(fd)
                    loop.removeHandler(partner)
                    loop.removeHandler(fd)
                    // Time for more of them, if there are more.
                    if called.value.count == 100 { loop.callLater(.milliseconds(20)) { loop.stop() } }
                }
            }
            loop.callLater(.seconds(20)) { loop.stop() }
            loop.run()
            #expect(called.value.count == 100)
            #expect(loop.statistics.watches == 0)
        }
    }
}
