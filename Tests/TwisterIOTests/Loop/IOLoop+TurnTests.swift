import Glibc
import Testing

@testable import TwisterIO

struct IOLoopTurnTests {
    @Test("S-56: the poll time-out is 0 with work pending, else the time to the next deadline, within bounds")
    func waitTimeout() {
        #expect(IOLoop.waitTimeout(workPending: true, nextDeadline: 500, now: 100) == 0)
        #expect(IOLoop.waitTimeout(workPending: true, nextDeadline: .max, now: 100) == 0)
        #expect(IOLoop.waitTimeout(workPending: false, nextDeadline: 500, now: 100) == 400)
        #expect(IOLoop.waitTimeout(workPending: false, nextDeadline: 100, now: 100) == 0)
        #expect(IOLoop.waitTimeout(workPending: false, nextDeadline: 99, now: 100) == 0, "never negative")
        #expect(IOLoop.waitTimeout(workPending: false, nextDeadline: .max - 1, now: 0) == 3_600_000_000_000)
        #expect(IOLoop.waitTimeout(workPending: false, nextDeadline: .max, now: 0) == -1, "idle: no wake-ups")
    }

    @Test("S-56: an idle loop makes no turns", arguments: backends)
    func idle(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let turns = Box<[UInt64]>([])
            loop.addCallback { turns.value.append(loop.statistics.waits) }
            loop.callLater(.milliseconds(150)) {
                turns.value.append(loop.statistics.waits)
                loop.stop()
            }
            loop.run()
            #expect(turns.value[1] - turns.value[0] <= 4, "\(turns.value)")
        }
    }

    @Test("S-48: in one turn callbacks come first, then due timers, then I/O", arguments: backends)
    func order(_ backend: IOBackend) async throws {
        let order = try await withLoop(backend) { loop in
            let order = Box<[String]>([])
            let pipe = Pipe()
            pipe.write()
            try loop.addHandler(pipe.reading, .read) { _, _ in
                order.value.append("io")
                pipe.read()
                loop.stop()
            }
            loop.callLater(.zero) {
                order.value.append("timer")
                loop.addCallback { order.value.append("next turn's callback") }
            }
            loop.addCallback {
                order.value.append("callback")
                loop.addCallback { order.value.append("next turn's callback") }
            }
            loop.run()
            return order.value
        }
        #expect(order == ["callback", "timer", "io"])
    }

    @Test(
        "S-50: a callback that adds itself again for ever starves neither timers nor I/O nor tasks",
        arguments: backends)
    func snapshot(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let pipe = Pipe()
            let seen = Box<Set<String>>([])
            @Sendable func again() { loop.addCallback { again() } }
            @Sendable func saw(_ what: String) {
                seen.value.insert(what)
                if seen.value.count == 3 { loop.stop() }
            }
            again()
            loop.callLater(.milliseconds(10)) {
                saw("timer")
                pipe.write()
            }
            try loop.addHandler(pipe.reading, .read) { _, _ in
                pipe.read()
                saw("io")
            }
            loop.spawnCallback {
                try await loop.sleep(for: .milliseconds(5))
                saw("task")
            }
            loop.callLater(.seconds(20)) { loop.stop() }
            loop.run()
            #expect(seen.value == ["timer", "io", "task"])
        }
    }

    @Test("S-50: callbacks that a callback adds run in the next turn, in order", arguments: backends)
    func nextTurn(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let turns = Box<[UInt64]>([])
            loop.addCallback {
                turns.value.append(loop.statistics.waits)
                loop.addCallback {
                    turns.value.append(loop.statistics.waits)
                    loop.stop()
                }
            }
            loop.addCallback { turns.value.append(loop.statistics.waits) }
            loop.run()
            #expect(turns.value.count == 3)
            #expect(turns.value[0] == turns.value[1])
            #expect(turns.value[2] == turns.value[0] + 1)
        }
    }
}
