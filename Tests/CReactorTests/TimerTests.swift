import CReactor
import Glibc
import Testing

/// The timer wheel and the connections' deadlines, with a clock that the test moves.
@Suite struct TimerTests {
    @Test("A million random operations: each timer is reported by the first expire that may, in order")
    func againstModel() throws {
        struct Timer {
            var deadline: UInt64
            var due: Int  // the number of expires that were before its start
            var handle: UInt64
            var isOut = true
        }
        let reactor = try TestReactor(.epoll, capacity: 64)
        var random = SeededGenerator(42)
        var timers: [Timer] = []
        var outstanding = 0
        var now: UInt64 = 5_000_000_000
        var before = now
        var expires = 0
        var last: (deadline: UInt64, token: UInt64) = (0, 0)
        var wrong = 0

        func check(_ event: Event) {
            let token = Int(event.token)
            let timer = timers[token]
            // Not early; not later than the first expire after its deadline or, where that had passed, its start.
            let isOnTime = timer.deadline <= now && (timer.deadline > before || timer.due == expires)
            let isOrdered =
                last.deadline < timer.deadline || (last.deadline == timer.deadline && last.token < event.token)
            if !timer.isOut || !isOnTime || !isOrdered || event.handle != timer.handle { wrong += 1 }
            timers[token].isOut = false
            outstanding -= 1
            last = (timer.deadline, event.token)
        }
        func expire(_ time: UInt64) {
            now = time
            last = (0, 0)
            var count = 64
            while count == 64 {
                let events = reactor.expire(now)
                count = events.count
                for event in events { check(event) }
            }
            before = now
            expires += 1
        }
        for _ in 0..<1_000_000 {
            switch UInt8.random(in: 0..<10, using: &random) {
            case 0..<6:
                let ranges: [ClosedRange<UInt64>] = [
                    0...3_000_000, 0...200_000_000, 0...20_000_000_000, 0...5_000_000_000_000,
                    0...9_000_000_000_000_000,
                ]
                var deadline = now + UInt64.random(in: ranges[Int.random(in: 0..<5, using: &random)], using: &random)
                if UInt8.random(in: 0..<20, using: &random) == 0 {
                    deadline = now - UInt64.random(in: 0...now, using: &random)
                }
                if UInt8.random(in: 0..<20, using: &random) == 0 { deadline = deadline / 1_000_000 * 1_000_000 }
                var handle: UInt64 = 0
                if reactor_timer_start(reactor.raw, deadline, UInt64(timers.count), &handle) != 0 { wrong += 1 }
                timers.append(Timer(deadline: deadline, due: expires, handle: handle))
                outstanding += 1
            case 6..<9:
                guard !timers.isEmpty else { continue }
                let token = Int.random(in: max(0, timers.count - 5000)..<timers.count, using: &random)
                let result = reactor_timer_cancel(reactor.raw, timers[token].handle)
                if result != (timers[token].isOut ? 0 : -ESTALE) { wrong += 1 }
                if timers[token].isOut { outstanding -= 1 }
                timers[token].isOut = false
            default:
                let next = reactor_next_deadline(reactor.raw)
                let steps: [UInt64] = [0, 1000, 900_000, 1_000_000, 17_000_000, 3_000_000_000]
                let step = steps[Int.random(in: 0..<6, using: &random)]
                expire(Bool.random(using: &random) && next != .max && next > now ? next : now + step)
            }
            if reactor.statistics.timers != UInt32(outstanding) { wrong += 1 }
        }
        expire(.max - 1)
        #expect(wrong == 0)
        #expect(outstanding == 0)
        #expect(timers.allSatisfy { !$0.isOut })
        #expect(reactor_next_deadline(reactor.raw) == never)
    }

    @Test("Following next_deadline wakes at most a few times before each timer, and never after it")
    func nextDeadline() throws {
        let reactor = try TestReactor(.epoll)
        var random = SeededGenerator(9)
        var now: UInt64 = 1_234_567_890_123
        #expect(reactor_next_deadline(reactor.raw) == never)
        for _ in 0..<300 {
            var deadlines: [UInt64] = []
            for token in 0..<UInt64.random(in: 1...200, using: &random) {
                let deadline =
                    now + UInt64.random(in: 0...(1 << UInt64.random(in: 0...45, using: &random)), using: &random)
                deadlines.append(deadline)
                var handle: UInt64 = 0
                reactor_timer_start(reactor.raw, deadline, token, &handle)
            }
            deadlines.sort()
            var wakes = 0
            while let earliest = deadlines.first {
                let next = reactor_next_deadline(reactor.raw)
                #expect(next <= earliest)
                now = max(now, next)
                let fired = reactor.expire(now)
                wakes += fired.isEmpty ? 1 : 0
                deadlines.removeFirst(fired.count)
                #expect(deadlines.first.map { $0 > now || fired.count == 64 } ?? true)
            }
            #expect(wakes <= 20)
        }
    }

    @Test("Equal deadlines come in the order they were set, past ones at once, and a full batch goes on")
    func order() throws {
        let reactor = try TestReactor(.epoll, capacity: 3)
        var handle: UInt64 = 0
        #expect(reactor.expire(1_000_000_000).isEmpty)
        for token in 0..<10 { reactor_timer_start(reactor.raw, 2_000_000_500, UInt64(token), &handle) }
        reactor_timer_start(reactor.raw, 5, 100, &handle)
        #expect(reactor_next_deadline(reactor.raw) == 5)
        #expect(reactor.expire(1_000_000_000).map(\.token) == [100])
        #expect(reactor.expire(2_000_000_499).isEmpty)
        var tokens: [UInt64] = []
        for _ in 0..<5 { tokens += reactor.expire(2_000_000_500).map(\.token) }
        #expect(tokens == Array(0..<10))
    }

    @Test("Each connection has one deadline, which may move either way", arguments: Backend.available)
    func deadlines(backend: Backend) throws {
        let reactor = try TestReactor(backend)
        let raw = reactor.raw
        let pairs = try (0..<4).map { _ in try Sockets.tcpPair() }
        let handles = try pairs.enumerated().map { try reactor.adopt($1.ours, context: UInt64($0)) }
        #expect(reactor.expire(1_000_000_000).isEmpty)
        reactor_set_deadline(raw, handles[0], 2_000_000_000)
        reactor_set_deadline(raw, handles[0], 3_000_000_000)  // later
        reactor_set_deadline(raw, handles[1], 9_000_000_000)
        reactor_set_deadline(raw, handles[1], 2_500_000_000)  // earlier
        reactor_set_deadline(raw, handles[2], 2_600_000_000)
        reactor_set_deadline(raw, handles[2], never)  // none
        reactor_set_deadline(raw, handles[3], 2_500_000_000)  // the same as another's, set later
        #expect(reactor.statistics.timers == 0)
        #expect(reactor.expire(2_400_000_000).isEmpty)
        #expect(reactor_next_deadline(raw) == 2_500_000_000)
        let first = reactor.expire(2_700_000_000)
        #expect(first.map(\.handle) == [handles[1], handles[3]])
        #expect(first.allSatisfy { $0.type == REACTOR_DEADLINE })
        #expect(first.map(\.context) == [1, 3])
        #expect(reactor.expire(2_999_999_999).isEmpty)
        #expect(reactor.expire(3_000_000_000).map(\.handle) == [handles[0]])
        #expect(reactor.expire(20_000_000_000).isEmpty, "it is unset once it has passed")
        #expect(reactor_next_deadline(raw) == never)
        for pair in pairs { close(pair.theirs) }
    }

    @Test("Deadlines against a model of ten thousand random settings")
    func deadlinesAgainstModel() throws {
        let reactor = try TestReactor(.epoll)
        let pairs = try (0..<20).map { _ in try Sockets.unixPair() }
        let handles = try pairs.enumerated().map { try reactor.adopt($1.ours, context: UInt64($0)) }
        var model: [(deadline: UInt64, sequence: Int)?] = Array(repeating: nil, count: 20)
        var random = SeededGenerator(5)
        var now: UInt64 = 7_000_000_000
        var wrong = 0
        for sequence in 0..<20_000 {
            let index = Int.random(in: 0..<20, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0..<2:
                let deadline = now + UInt64.random(in: 0...50, using: &random) * 300_000
                reactor_set_deadline(reactor.raw, handles[index], deadline)
                model[index] = (deadline, sequence)
            case 2 where index < 5:
                reactor_set_deadline(reactor.raw, handles[index], never)
                model[index] = nil
            default:
                now += UInt64.random(in: 0...3_000_000, using: &random)
                let due = model.indices.filter { model[$0].map { $0.deadline <= now } ?? false }
                    .sorted { (model[$0]!.deadline, model[$0]!.sequence) < (model[$1]!.deadline, model[$1]!.sequence) }
                if reactor.expire(now).map({ Int($0.context) }) != due { wrong += 1 }
                for index in due { model[index] = nil }
            }
        }
        #expect(wrong == 0)
        for pair in pairs { close(pair.theirs) }
    }
}

/// The macro REACTOR_NEVER, which Swift does not import.
let never = UInt64.max
