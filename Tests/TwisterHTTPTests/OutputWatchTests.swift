import Testing

@testable import TwisterHTTP

/// N-13: when a client takes its responses too slowly, as a function of time.
struct OutputWatchTests {
    private static let second: UInt64 = 1_000_000_000
    private static let stall = 30 * second

    /// Looks four times in the stall time at a client that has acknowledged so much by then; returns after how many
    /// seconds it is cut off, nil: not within an hour.
    private func cut(rate: Int = 240, _ acknowledged: (_ seconds: Double) -> Double) -> Double? {
        let start = 1000 * Self.second
        func look(_ now: UInt64) -> OutputWatch.Look {
            let seconds = Double(now - start) / 1e9
            return OutputWatch.Look(
                now: now, waitsSince: start, kernelTook: start, acknowledged: UInt64(acknowledged(seconds)) + 1)
        }
        var now = start + Self.stall / 4
        let watch = OutputWatch(look(now))
        while now < start + 3600 * Self.second {
            now += Self.stall / 4
            if watch.isTooSlow(look(now), stall: Self.stall, rate: rate) { return Double(now - start) / 1e9 }
        }
        return nil
    }

    @Test("who takes nothing is cut off a quarter after the stall time at the latest, whatever it took before")
    func stalled() {
        #expect(cut { _ in 0 } == 37.5)
        #expect(cut(rate: 0) { min($0, 1000) * 1000 } == 1035)
        #expect(cut(rate: 0) { _ in 0 } == 37.5)
    }

    @Test("N-13: who trickles is cut off, without credit for better times")
    func trickling() {
        #expect(cut { $0 * 100 } == 37.5)
        #expect(cut { $0 * 239 } == 37.5)
        #expect(cut(rate: 0) { $0 * 100 } == nil)
        // 100 MB at once, for instance into the kernel's buffers, and then 100 B/s.
        #expect((cut { $0 < 20 ? $0 * 5e6 : 1e8 + $0 * 100 } ?? .infinity) <= 75)
        #expect((cut { $0 < 600 ? $0 * 5e6 : 3e9 + $0 * 100 } ?? .infinity) <= 675)
    }

    @Test("N-13: who is slow but honest is not, in lumps neither")
    func honest() {
        #expect(cut { $0 * 241 } == nil)
        for lump in [1.0, 1460, 16_384, 65_536, 131_072] {
            #expect(cut { ($0 * 10_240 / lump).rounded(.down) * lump } == nil, "\(lump)")
        }
    }

    @Test("where acknowledgements are not known, what the kernel takes counts, and no rate")
    func unknown() {
        let start = 1000 * Self.second
        func look(_ seconds: UInt64) -> OutputWatch.Look {
            OutputWatch.Look(
                now: start + seconds * Self.second, waitsSince: start, kernelTook: start, acknowledged: nil)
        }
        let watch = OutputWatch(look(7))
        var next = look(29)
        #expect(!watch.isTooSlow(next, stall: Self.stall, rate: 240))
        next.kernelTook = start + 25 * Self.second
        next.now = start + 54 * Self.second
        #expect(!watch.isTooSlow(next, stall: Self.stall, rate: 240))
        next.now += Self.second
        #expect(watch.isTooSlow(next, stall: Self.stall, rate: 240))
    }

    /// Something waits for so many seconds, in which the client takes nothing, and at whose end it takes it all; then nothing
    /// waits for some more; and so on. Returns after how many seconds the client is cut off, nil: not within an hour.
    private func cut(waiting: Double, pause: Double, bytes: UInt64, rate: Int = 240) -> Double? {
        let start = 1000 * Self.second
        let interval = Self.stall / 4
        var watch: OutputWatch?
        var since = start
        var taken: UInt64 = 1
        while since < start + 3600 * Self.second {
            let end = since + UInt64(waiting * 1e9)
            var now = max(watch?.lastLook ?? 0, since) + interval
            while now < end {
                let look = OutputWatch.Look(now: now, waitsSince: since, kernelTook: since, acknowledged: taken)
                if let watch, !watch.isOver(at: since, interval: interval) {
                    if watch.isTooSlow(look, stall: Self.stall, rate: rate) { return Double(now - start) / 1e9 }
                } else {
                    watch = OutputWatch(look)
                }
                now += interval
            }
            taken += bytes
            since = end + UInt64(pause * 1e9)
        }
        return nil
    }

    @Test("N-13: nobody escapes the rate by taking everything now and then")
    func shortBreaks() throws {
        for waiting in [8.0, 14, 20, 29] {
            for pause in [0.001, 1, 5] {
                let cut = cut(waiting: waiting, pause: pause, bytes: 1000)
                #expect(cut.map { $0 < 5 * (waiting + pause) + 60 } ?? false, "\(waiting) \(pause) \(cut ?? 0)")
            }
        }
    }

    @Test("N-13: nobody is cut off for the time in which nothing waited")
    func uncounted() {
        for waiting in [8.0, 14, 20, 29] {
            for pause in [0.001, 1, 5, 7, 10, 100] {
                // A little more than the rate, since it comes in lumps as long as a stretch.
                let bytes = UInt64(waiting * 300)
                #expect(cut(waiting: waiting, pause: pause, bytes: bytes) == nil, "\(waiting) \(pause)")
                #expect(cut(waiting: waiting, pause: pause, bytes: 1, rate: 0) == nil, "\(waiting) \(pause)")
            }
        }
    }

    @Test("N-13: nobody is cut off for what was seen before nothing waited for long")
    func longBreaks() {
        for waiting in [8.0, 14, 20, 29] {
            for pause in [16.0, 100, 1000] {
                #expect(cut(waiting: waiting, pause: pause, bytes: 1) == nil, "\(waiting) \(pause)")
            }
        }
    }
}
