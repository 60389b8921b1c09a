import Glibc
import Testing

@testable import TwisterIO

struct PeriodicCallbackTests {
    @Test("IOL-28: the next time is a whole number of periods later, and missed calls are left out")
    func nextTime() {
        #expect(PeriodicCallback.nextTime(after: 1_000, period: 100, now: 1_000) == 1_100)
        #expect(PeriodicCallback.nextTime(after: 1_000, period: 100, now: 1_001) == 1_100)
        #expect(PeriodicCallback.nextTime(after: 1_000, period: 100, now: 1_099) == 1_100)
        #expect(PeriodicCallback.nextTime(after: 1_000, period: 100, now: 1_100) == 1_200)
        #expect(PeriodicCallback.nextTime(after: 1_000, period: 100, now: 1_550) == 1_600, "nothing is replayed")
        #expect(PeriodicCallback.nextTime(after: 1_000, period: 100, now: 500) == 1_100, "a clock that went back")
        #expect(PeriodicCallback.nextTime(after: 1_000, period: .max - 1, now: 1_000) == UInt64.max - 1, "no overflow")
        #expect(PeriodicCallback.nextTime(after: 0, period: 1, now: .max) == UInt64.max - 1, "no overflow")
    }

    @Test("IOL-28: jitter multiplies the period by 1 - jitter/2 ..< 1 + jitter/2")
    func jitter() {
        #expect(PeriodicCallback.jittered(1_000, jitter: 0, random: 0.9) == 1_000)
        #expect(PeriodicCallback.jittered(1_000, jitter: 0.5, random: 0) == 750)
        #expect(PeriodicCallback.jittered(1_000, jitter: 0.5, random: 0.5) == 1_000)
        #expect(PeriodicCallback.jittered(1_000, jitter: 0.5, random: 1) == 1_250)
        #expect(PeriodicCallback.jittered(1, jitter: 1, random: 0) == 1, "never nothing")
    }

    @Test("IOL-28: calls come start to start, and late ones are not replayed", arguments: backends)
    func startToStart(_ backend: IOBackend) async throws {
        let clock = ManualClock(startingAt: 0)
        let times = try await withLoop(backend, clock: clock) { loop in
            let times = Box<[UInt64]>([])
            let periodic = PeriodicCallback(on: loop, every: .milliseconds(10)) {
                times.value.append(clock.now / 1_000_000)
                // The callback takes 3 ms, and once 35 ms.
                clock.advance(by: .milliseconds(times.value.count == 2 ? 35 : 3), waking: loop)
            }
            periodic.start()
            #expect(periodic.isRunning)
            @Sendable func tick() {
                guard clock.now < 80_000_000 else { return loop.stop() }
                clock.advance(by: .milliseconds(1), waking: loop)
                loop.addCallback { tick() }
            }
            loop.addCallback { tick() }
            loop.run()
            periodic.stop()
            #expect(!periodic.isRunning)
            return times.value
        }
        #expect(times == [10, 20, 60, 70, 80])
    }

    @Test("IOL-28: async calls never overlap; missed ones are left out", arguments: backends)
    func noOverlap(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let running = Box(0)
            let most = Box(0)
            let calls = Box(0)
            let periodic = PeriodicCallback(on: loop, every: .milliseconds(2)) {
                running.value += 1
                most.value = max(most.value, running.value)
                try await loop.sleep(for: .milliseconds(9))
                calls.value += 1
                running.value -= 1
                throw TestFailure()
            }
            periodic.start()
            try await loop.sleep(for: .milliseconds(15))
            periodic.stop()
            periodic.start()
            try await loop.sleep(for: .milliseconds(60))
            periodic.stop()
            try await loop.sleep(for: .milliseconds(20))
            #expect(most.value == 1)
            #expect((2...8).contains(calls.value), "\(calls.value)")
        }
    }

    @Test("IOL-29: an error is logged and the calls go on; stop() ends them", arguments: backends)
    func errors(_ backend: IOBackend) async throws {
        try await onLoop(backend) { loop in
            let calls = Box(0)
            let periodic = PeriodicCallback(on: loop, every: .milliseconds(1)) {
                calls.value += 1
                throw TestFailure()
            }
            periodic.start()
            periodic.start()
            try await eventually { calls.value >= 3 }
            periodic.stop()
            let count = calls.value
            try await loop.sleep(for: .milliseconds(10))
            #expect(calls.value == count)
            #expect(loop.statistics.timers <= 1)
        }
    }

    @Test("IOL-29: the loop keeps a running callback alive, and releases a stopped one", arguments: backends)
    func lifetime(_ backend: IOBackend) async throws {
        try await withLoop(backend) { loop in
            weak var weakPeriodic: PeriodicCallback?
            let calls = Box(0)
            do {
                let periodic = PeriodicCallback(on: loop, every: .milliseconds(1)) { [weak loop] in
                    calls.value += 1
                    if calls.value == 3 { loop?.stop() }
                }
                weakPeriodic = periodic
                periodic.start()
            }
            loop.run()
            #expect(calls.value == 3)
            weakPeriodic?.stop()
            #expect(weakPeriodic == nil)
        }
    }

    @Test("S-68: using a periodic callback on another thread ends the process")
    func wrongThread() async {
        await #expect(processExitsWith: .failure) {
            let periodic = try await withLoop(.epoll) { Box(PeriodicCallback(on: $0, every: .seconds(1)) {}) }
            periodic.value.start()
        }
        await #expect(processExitsWith: .failure) {
            let periodic = try await withLoop(.epoll) { Box(PeriodicCallback(on: $0, every: .seconds(1)) {}) }
            _ = periodic.value.isRunning
        }
    }

    @Test("IOL-28: a period of zero ends the process")
    func noPeriod() async {
        await #expect(processExitsWith: .failure) {
            let loop = try IOLoop(IOLoop.Configuration(backend: .epoll))
            _ = PeriodicCallback(on: loop, every: .zero) {}
        }
    }
}
