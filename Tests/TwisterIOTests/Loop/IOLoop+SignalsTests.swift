import Glibc
import Testing

@testable import TwisterIO

@Suite(.serialized)
struct IOLoopSignalsTests {
    @Test("S-64, IOL-20: a signal calls its handler on the loop, and can end run()", arguments: backends)
    func handler(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let isOnLoop = Box(false)
            try loop.addSignalHandler(SIGTERM) {
                isOnLoop.value = loop.isCurrentThread
                loop.stop()
            }
            try onThread {
                usleep(10_000)
                kill(getpid(), SIGTERM)
            }
            loop.run()
            #expect(isOnLoop.value)
        }
    }

    @Test("S-63: many signals neither end the loop nor keep it busy", arguments: backends)
    func storm(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            let calls = Box(0)
            let timerRan = Box(false)
            try loop.addSignalHandler(SIGUSR1) { calls.value += 1 }
            try loop.addSignalHandler(SIGUSR2) { loop.stop() }
            loop.callLater(.milliseconds(50)) { timerRan.value = true }
            let turnsBefore = loop.statistics.waits
            try onThread {
                let end = monotonicNow() + 200_000_000
                while monotonicNow() < end { for _ in 0..<100 { kill(getpid(), SIGUSR1) } }
                usleep(20_000)
                kill(getpid(), SIGUSR2)
            }
            loop.run()
            #expect(timerRan.value)
            #expect(calls.value > 0)
            // A signal causes two turns at most: a turn does not cause the next one by itself.
            #expect(loop.statistics.waits - turnsBefore <= UInt64(2 * calls.value) + 50)
            let turns = loop.statistics.waits
            loop.callLater(.milliseconds(50)) { loop.stop() }
            loop.run()
            #expect(loop.statistics.waits - turns <= 4, "no turns without signals")
        }
    }

    @Test(
        "S-64: several handlers and loops handle one signal; the earlier action is restored",
        arguments: backends)
    func several(_ backend: IOBackend) async throws {
        signal(SIGUSR1, SIG_IGN)
        defer { signal(SIGUSR1, SIG_DFL) }
        try await withLoop(backend) { loop in
            let other = try IOLoop(IOLoop.Configuration(backend: backend))
            let heard = Box<[String]>([])
            let first = try loop.addSignalHandler(SIGUSR1) { heard.value.append("first") }
            try loop.addSignalHandler(SIGUSR1) {
                heard.value.append("second")
                loop.stop()
            }
            try other.addSignalHandler(SIGUSR1) {
                heard.value.append("other loop")
                other.stop()
            }
            kill(getpid(), SIGUSR1)
            loop.run()
            other.run()
            #expect(heard.value == ["first", "second", "other loop"])
            // Another loop's handler is ignored, and so is one that was removed before.
            other.removeSignalHandler(first)
            loop.removeSignalHandler(first)
            loop.removeSignalHandler(first)
            kill(getpid(), SIGUSR1)
            loop.run()
            other.run()
            #expect(heard.value == ["first", "second", "other loop", "second", "other loop"])
            other.close()
            loop.close()
            var now = sigaction()
            sigaction(SIGUSR1, nil, &now)
            #expect(unsafeBitCast(now.__sigaction_handler.sa_handler, to: Int.self) == 1, "SIG_IGN again")
        }
    }

    @Test("S-64: signals that cannot be handled are refused", arguments: backends)
    func refused(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            for signal in [SIGKILL, SIGSTOP, 0, 65, -1] {
                let error = #expect(throws: IOError.self) { try loop.addSignalHandler(signal) {} }
                #expect(error?.errnoCode == EINVAL)
            }
        }
    }
}
